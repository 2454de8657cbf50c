// What must run first at exit(), although statics are made after it was asked for. Back-ends of GPUs make them in the
// steps that use a kernel first (ggml-cuda a cache for each of its source files), exit() destroys the newest first, and an
// engine that computes meanwhile uses what is gone: a SIGSEGV, in 3 of 30 exits during the first 0.4 seconds.
//
// The compiler registers the destructor of a static by `__cxa_atexit`. The one here passes all on to the C library's, and
// registers the callback once more behind each. It is hidden: it only serves what is linked into the same program or
// library as qask.

#include <cstdlib>

// In builds for GPUs and, to be tested, in those with test hooks; but sanitizers have a `__cxa_atexit` of their own.
#if defined(__GLIBC__) && (defined(QG_GPU) || defined(QG_TEST_HOOKS)) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)

#include <dlfcn.h>

#include <atomic>

namespace {

using callback = void (*)();
using registration = int (*)(void (*)(void *), void *, void *);

std::atomic<callback> first_at_exit{nullptr};

void call_first(void *) {
    if (callback f = first_at_exit.load(std::memory_order_acquire)) f();
}

registration libc() {
    static std::atomic<void *> found{nullptr};
    void * f = found.load(std::memory_order_acquire);
    if (f == nullptr) found.store(f = dlsym(RTLD_DEFAULT, "__cxa_atexit"), std::memory_order_release);
    return reinterpret_cast<registration>(f);
}

}  // namespace

extern "C" __attribute__((visibility("hidden"))) int __cxa_atexit(void (*f)(void *), void * argument, void * dso) {
    registration real = libc();
    if (real == nullptr) return -1;
    int rc = real(f, argument, dso);
    if (first_at_exit.load(std::memory_order_acquire) != nullptr) real(call_first, nullptr, dso);
    return rc;
}

// False where nothing is done about it.
extern "C" bool qg_first_at_exit(void (*f)()) {
    first_at_exit.store(f, std::memory_order_release);
    return true;
}

#else

extern "C" bool qg_first_at_exit(void (*)()) { return false; }

#endif

#ifdef QG_TEST_HOOKS
// A static that is made now; `*gone` becomes true when it is destroyed.
extern "C" void qg_test_late_static(bool * gone) {
    struct late {
        bool * gone;
        ~late() { *gone = true; }
    };
    static late one{gone};
}
#endif
