/* What the C tests share: checks that count, and the ordinary way from a path to an answer. */
#ifndef QASK_TEST_H
#define QASK_TEST_H
#include <qask.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures = 0;

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                                               \
        }                                                                             \
    } while (0)

/* A call that must work: anything else ends the program with the error. */
#define OK(call)                                                                                                  \
    do {                                                                                                          \
        qask_error *error = NULL;                                                                                 \
        qask_status ok_status = (call);                                                                           \
        if (ok_status != QASK_OK) {                                                                               \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, qask_status_name(ok_status),        \
                    qask_error_message(error, NULL));                                                             \
            exit(1);                                                                                              \
        }                                                                                                         \
    } while (0)

/* A call that must fail with a code and a message. */
#define FAILS(code, call)                                                                                         \
    do {                                                                                                          \
        qask_error *error = NULL;                                                                                 \
        qask_status fails_status = (call);                                                                        \
        if (fails_status != (code) || qask_error_code(error) != (code) || *qask_error_message(error, NULL) == 0) { \
            fprintf(stderr, "%s:%d: %s gave %s\n", __FILE__, __LINE__, #call, qask_status_name(fails_status));    \
            failures++;                                                                                           \
        }                                                                                                         \
        qask_error_free(error);                                                                                   \
    } while (0)

static inline double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static inline qask_model *load(const char *path) {
    qask_model *model = NULL;
    OK(qask_model_load(path, NULL, NULL, &model, &error));
    return model;
}

static inline qask_engine *start(const qask_model *model) {
    qask_engine *engine = NULL;
    OK(qask_engine_new(model, NULL, &engine, &error));
    return engine;
}

/* For texts that are compared: a GPU gives the same one only where it computes the same batches, so from nothing. */
static inline qask_engine *start_repeatable(const qask_model *model) {
    qask_engine *engine = NULL;
    qask_engine_options *options = NULL;
    OK(qask_engine_options_new(&options, &error));
    if (qask_model_gpu_layers(model) > 0) OK(qask_engine_options_set_prefix_cache(options, false, &error));
    OK(qask_engine_new(model, options, &engine, &error));
    qask_engine_options_free(options);
    return engine;
}

static inline qask_request *ask(const char *text, uint32_t max_tokens) {
    qask_request *request = NULL;
    OK(qask_request_new(&request, &error));
    OK(qask_request_add_message(request, "user", text, strlen(text), &error));
    OK(qask_request_set_max_tokens(request, max_tokens, &error));
    OK(qask_request_set_temperature(request, 0, &error));
    return request;
}

static inline qask_stream *submit(const qask_engine *engine, const qask_request *request) {
    qask_stream *stream = NULL;
    OK(qask_engine_submit(engine, request, NULL, &stream, &error));
    return stream;
}

/* Pulls a stream to its end; `text` gets what was said, as far as there is room. Returns the finish reason. */
static inline int32_t drain(const qask_stream *stream, char *text, size_t room) {
    const qask_event *event = NULL;
    int32_t reason = 0;
    qask_status status;
    size_t used = 0;
    if (room) text[0] = 0;
    while ((status = qask_stream_next(stream, -1, &event, NULL)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_DONE) reason = qask_event_finish_reason(event);
        size_t length = 0;
        const char *piece = qask_event_text(event, &length);
        if (qask_event_type(event) != QASK_EVENT_TEXT || used + length >= room) continue;
        memcpy(text + used, piece, length + 1);
        used += length;
    }
    return status == QASK_DONE ? reason : -status;
}

static inline int report(const char *name) {
    size_t live = qask_live_handles();
    if (live != 0) {
        fprintf(stderr, "%s: %zu handles are still alive\n", name, live);
        failures++;
    }
    return failures ? 1 : 0;
}
#endif
