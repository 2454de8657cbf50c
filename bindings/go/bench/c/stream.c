/* stream MODEL.gguf STREAMS TOKENS: so many answers at once, each pulled by a thread of its own as in examples/c, and the
   new tokens a second of all together, after a first pass that warms up. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>
#include "../../../../examples/c/example.h"

static qask_engine *engine;
static unsigned tokens;

static void *answer(void *total) {
    static const char text[] = "Tell me a story about a river.";
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_error *error = NULL;
    size_t length = 0;
    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_message(request, "user", text, sizeof text - 1, &error), &error);
    check(qask_request_set_max_tokens(request, tokens, &error), &error);
    check(qask_request_set_ignore_eos(request, true, &error), &error);
    check(qask_request_set_temperature(request, 0, &error), &error);
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) length += strlen(qask_event_text(event, NULL));
        if (qask_event_type(event) == QASK_EVENT_DONE) *(unsigned *) total = qask_event_output_tokens(event);
    }
    if (length == 0) exit(1);
    qask_stream_free(stream);
    qask_request_free(request);
    return NULL;
}

static unsigned pass(int streams) {
    pthread_t threads[64];
    unsigned totals[64], sum = 0;
    for (int i = 0; i < streams; i++) pthread_create(&threads[i], NULL, answer, &totals[i]);
    for (int i = 0; i < streams; i++) {
        pthread_join(threads[i], NULL);
        sum += totals[i];
    }
    return sum;
}

int main(int argc, char **argv) {
    qask_model *model = NULL;
    qask_engine_options *options = NULL;
    qask_error *error = NULL;
    struct timespec from, to;
    int streams = argc > 3 ? atoi(argv[2]) : 0;
    if (streams < 1 || streams > 64) return 2;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_options_new(&options, &error), &error);
    check(qask_engine_options_set_max_sequences(options, 16, &error), &error);
    check(qask_engine_new(model, options, &engine, &error), &error);
    tokens = 8;
    pass(streams);
    tokens = (unsigned) atoi(argv[3]);
    clock_gettime(CLOCK_MONOTONIC, &from);
    unsigned sum = pass(streams);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.2f\n", sum / ((double) (to.tv_sec - from.tv_sec) + (double) (to.tv_nsec - from.tv_nsec) / 1e9));
    qask_engine_options_free(options);
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
