/* cancel MODEL.gguf: stops a generation from another thread, after a deadline, and by freeing its stream. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>
#include "example.h"

static void *cancel_soon(void *stream) {
    struct timespec pause = {0, 300 * 1000 * 1000};
    qask_error *error = NULL;
    nanosleep(&pause, NULL);
    check(qask_stream_cancel(stream, &error), &error);
    return NULL;
}

/* Pulls until the end and tells how it came. */
static void drain(qask_stream *stream) {
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status;
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK)
        if (qask_event_type(event) == QASK_EVENT_DONE)
            printf("%s: %u tokens\n", qask_event_finish_reason_name(event), qask_event_output_tokens(event));
    if (status != QASK_DONE) check(status, &error);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: cancel MODEL.gguf\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_request_new(&request, &error), &error);
    check(qask_request_set_prompt(request, "Once upon a time", 16, false, &error), &error);
    check(qask_request_set_ignore_eos(request, true, &error), &error);

    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    pthread_t other;
    pthread_create(&other, NULL, cancel_soon, stream);
    drain(stream);
    pthread_join(other, NULL);
    qask_stream_free(stream);

    check(qask_request_set_deadline_ms(request, 300, &error), &error);
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    drain(stream);
    qask_stream_free(stream);

    /* A stream that is freed is cancelled; the engine is free for the next request. */
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    qask_stream_free(stream);
    check(qask_request_set_deadline_ms(request, -1, &error), &error);
    check(qask_request_set_max_tokens(request, 4, &error), &error);
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    drain(stream);
    qask_stream_free(stream);

    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
