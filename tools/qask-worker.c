/* The process of an isolated engine, as `make lib` builds it. It opens the library that lies beside it by whichever name it
 * has there (a wheel has no links), which its host's library then compares with itself. */
#include <dlfcn.h>
#include <qask.h>
#include <stdio.h>
#include <string.h>

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

static void *open_library(const char *self) {
    static const char *const names[] = {
        "libqask.so." NUMBER(QASK_ABI_VERSION), "libqask.so",
        "libqask." NUMBER(QASK_ABI_VERSION) ".dylib", "libqask.dylib",
        /* That of the Kotlin binding, which has the library inside. */
        "libqask_jni.so",
    };
    static const char *const folders[] = {"", "../lib/"};
    const char *slash = strrchr(self, '/');
    int length = slash ? (int) (slash + 1 - self) : 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            char path[4096];
            int n = snprintf(path, sizeof path, "%.*s%s%s", length, self, folders[i], names[j]);
            void *library = n > 0 && (size_t) n < sizeof path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
            if (library) return library;
        }
    fprintf(stderr, "qask-worker: no library of qask lies beside it or in ../lib: %s\n", dlerror());
    return NULL;
}

int main(int argc, char **argv) {
    void *library = argc > 0 ? open_library(argv[0]) : NULL;
    if (!library) return 2;
    int32_t (*run)(const char *);
    /* POSIX's own way of turning an object's pointer into a function's. */
    *(void **) &run = dlsym(library, "qask_worker_run");
    int code = run ? run(argc > 1 ? argv[1] : NULL) : -1;
    if (code >= 0) return code;
    fputs("qask-worker: this program is started by qask, for engines with the option `isolated`\n", stderr);
    return 2;
}
