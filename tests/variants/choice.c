/* choice LIBRARY: the version of a library that is opened as bindings do it, at run time and for nobody else to see. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL) return fprintf(stderr, "choice: %s\n", argc == 2 ? dlerror() : "which library?"), 1;
    const char *(*version)(void) = NULL;
    *(void **)&version = dlsym(library, "qask_version");
    if (version == NULL) return fprintf(stderr, "choice: %s\n", dlerror()), 1;
    printf("%s\n", version());
    /* A second question has the same answer. */
    return version() == version() ? 0 : 1;
}
