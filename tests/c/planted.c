/* Bugs on purpose: the sanitizer must see them, in a program that is linked as the tests are. */
#include <limits.h>
#include <pthread.h>
#include "test.h"

static void *write_to(void *text) {
    *(char *) text = 'h';
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) return 0;
    if (strcmp(argv[1], "overflow") == 0) {
        /* Inside the library: it reads the five bytes that the caller promised, and one more that is not there. */
        char *text = malloc(5);
        memcpy(text, "Hello", 5);
        qask_request *request = NULL;
        OK(qask_request_new(&request, &error));
        OK(qask_request_set_prompt(request, text, 6, false, &error));
        return 0;
    }
    if (strcmp(argv[1], "race") == 0) {
        /* Half inside the library: it reads what another thread writes. */
        char text[] = "Hello";
        qask_request *request = NULL;
        pthread_t writer;
        OK(qask_request_new(&request, &error));
        pthread_create(&writer, NULL, write_to, text);
        OK(qask_request_set_prompt(request, text, 5, false, &error));
        pthread_join(writer, NULL);
        qask_request_free(request);
        return 0;
    }
    if (strcmp(argv[1], "undefined") == 0) return INT_MAX - 2 + argc + argc < 0 ? 0 : 1;
    qask_request *request = NULL;
    char *lost = malloc(100);
    memset(lost, 1, 100);
    lost = NULL;
    (void) lost;
    OK(qask_request_new(&request, &error));
    qask_request_free(request);
    return 0;
}
