/* unload PLUGIN MODEL.gguf: a plugin that uses the library is closed with dlclose() while its engine generates; nobody is
 * hurt, it can be opened again, and the program ends with what is running. Not linked with the library. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    for (int i = 0; i < 2; i++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        void *found = plugin ? dlsym(plugin, "begin") : NULL;
        if (!found) {
            fprintf(stderr, "unload: %s\n", dlerror());
            return 1;
        }
        void (*begin)(const char *);
        memcpy(&begin, &found, sizeof begin);
        begin(argv[2]);
        if (dlclose(plugin)) return 1;
        usleep(300000);
    }
    return 0;
}
