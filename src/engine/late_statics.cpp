// What must run first at exit(), although statics are made after it was asked for. Back-ends of GPUs make them in the
// steps that use a kernel first, exit() destroys the newest first, and an engine that computes meanwhile uses what is gone:
// a SIGSEGV inside of ggml-cuda, seen in one exit of ten that came during the first step.
//
// The compiler registers the destructor of a static by `__cxa_atexit`. The one here passes all on to the C library's, and
// registers the callback once more behind each. It is hidden: only what is linked into the same program or library as
// qask is registered through it.

#if defined(__ELF__) && (defined(QG_GPU) || defined(QG_TEST_HOOKS))

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

extern "C" void qg_first_at_exit(void (*f)()) { first_at_exit.store(f, std::memory_order_release); }

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

#else

extern "C" void qg_first_at_exit(void (*)()) {}

#endif
