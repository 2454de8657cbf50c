/* Freeing and closing in every order, waiting readers, busy owners: nothing leaks, nothing hangs, nothing crashes. */
#include <pthread.h>
#include <unistd.h>
#include "test.h"

static const char *model_path;

/* The four things of one conversation, freed in all 24 orders, with the streams still running. */
static void every_order(void) {
    for (int order = 0; order < 24; order++) {
        qask_model *model = load(model_path);
        qask_engine *engine = start(model);
        qask_request *request = ask("Count from one to a thousand.", 500);
        qask_stream *streams[2] = {submit(engine, request), submit(engine, request)};
        const qask_event *event = NULL;
        if (order % 2) OK(qask_stream_next(streams[0], -1, &event, &error));
        int left[4] = {0, 1, 2, 3};
        for (int n = 4, code = order; n > 0; code /= n, n--) {
            int which = left[code % n];
            memmove(left + code % n, left + code % n + 1, sizeof(int) * (size_t) (n - 1 - code % n));
            switch (which) {
            case 0: qask_model_free(model); break;
            case 1: qask_engine_free(engine); break;
            case 2: qask_request_free(request); break;
            default: qask_stream_free(streams[0]), qask_stream_free(streams[1]); break;
            }
        }
        CHECK(qask_live_handles() == 0);
    }
}

static void *pull(void *stream) {
    const qask_event *event = NULL;
    qask_status status;
    while ((status = qask_stream_next(stream, -1, &event, NULL)) == QASK_OK) {}
    return (void *) (intptr_t) status;
}

/* A reader that waits learns that its stream, or the engine under it, is gone. */
static void waiting_readers(const qask_model *model, int what) {
    qask_engine *engine = start(model);
    qask_request *request = ask("Count from one to a thousand.", 3000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(engine, request);
    pthread_t reader;
    pthread_create(&reader, NULL, pull, stream);
    usleep(50000);
    double began = now_ms();
    qask_status expected = QASK_ERR_CLOSED;
    if (what == 0) qask_stream_free(stream);
    if (what == 1) OK(qask_engine_close(engine, -1, &error));
    if (what == 2) qask_engine_free(engine);
    if (what == 3) {
        OK(qask_stream_cancel(stream, &error));
        expected = QASK_DONE;
    }
    void *status = NULL;
    pthread_join(reader, &status);
    CHECK((qask_status) (intptr_t) status == expected || (qask_status) (intptr_t) status == QASK_ERR_HANDLE);
    /* Closing waits for the step that is being computed, which a busy machine draws out. */
    if (what != 1) CHECK(now_ms() - began < 1000);
    if (what == 1) FAILS(QASK_ERR_CLOSED, qask_engine_submit(engine, request, NULL, &stream, &error));
    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine);
}

/* Two threads that pull one stream: one of them is told, whichever came second. */
static void busy(const qask_engine *engine) {
    qask_request *request = ask("Count from one to a thousand.", 3000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(engine, request);
    pthread_t reader;
    pthread_create(&reader, NULL, pull, stream);
    qask_status seen = QASK_OK;
    for (double until = now_ms() + 2000; seen != QASK_ERR_BUSY && now_ms() < until;) {
        const qask_event *event = NULL;
        seen = qask_stream_next(stream, 0, &event, NULL);
    }
    /* Cancelling is for any thread. */
    OK(qask_stream_cancel(stream, &error));
    void *other = NULL;
    pthread_join(reader, &other);
    CHECK(seen == QASK_ERR_BUSY || (qask_status) (intptr_t) other == QASK_ERR_BUSY);
    qask_stream_free(stream);
    qask_request_free(request);
}

/* Cancelling never invalidates an event; the next pull does. */
static void events_stay(const qask_engine *engine) {
    qask_request *request = ask("Say hello.", 3000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(engine, request);
    const qask_event *first = NULL, *second = NULL;
    OK(qask_stream_next(stream, -1, &first, &error));
    OK(qask_stream_cancel(stream, &error));
    usleep(20000);
    CHECK(qask_event_type(first) == QASK_EVENT_TEXT && qask_event_text(first, NULL)[0] != 0);
    OK(qask_stream_next(stream, -1, &second, &error));
    CHECK(qask_event_type(first) == QASK_EVENT_NONE && qask_event_text(first, NULL) == NULL);
    CHECK(qask_event_type(second) != QASK_EVENT_NONE);
    /* What was merged before the cancel comes first, unless there was nothing. */
    int32_t reason = qask_event_finish_reason(second);
    CHECK((reason ? reason : drain(stream, NULL, 0)) == QASK_FINISH_CANCELLED);
    qask_stream_free(stream);
    qask_request_free(request);
}

/* One flag for many streams; a raised one stops a load too. */
static void cancel_flags(const qask_engine *engine) {
    qask_cancel *cancel = NULL;
    OK(qask_cancel_new(&cancel, &error));
    qask_request *request = ask("Count from one to a thousand.", 3000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *streams[4];
    for (int i = 0; i < 4; i++) OK(qask_engine_submit(engine, request, cancel, &streams[i], &error));
    usleep(100000);
    OK(qask_cancel_raise(cancel, &error));
    for (int i = 0; i < 4; i++) CHECK(drain(streams[i], NULL, 0) == QASK_FINISH_CANCELLED);
    qask_model *model = NULL;
    FAILS(QASK_ERR_CANCELLED, qask_model_load(model_path, NULL, cancel, &model, &error));
    CHECK(model == NULL);
    for (int i = 0; i < 4; i++) qask_stream_free(streams[i]);
    qask_request_free(request);
    qask_cancel_free(cancel);
}

/* Retained handles are freed one by one; a stream outlives the handles of its engine and model only by ending. */
static void retained(qask_model *model) {
    qask_model *again = NULL;
    OK(qask_model_retain(model, &again, &error));
    CHECK(again != model);
    qask_engine *engine = start(again), *engine2 = NULL;
    OK(qask_engine_retain(engine, &engine2, &error));
    qask_model_free(again);
    qask_engine_free(engine);
    qask_request *request = ask("Hello", 8);
    qask_stream *stream = submit(engine2, request);
    char text[256];
    int32_t reason = drain(stream, text, sizeof text);
    CHECK((reason == QASK_FINISH_STOP || reason == QASK_FINISH_LENGTH) && text[0] != 0);
    FAILS(QASK_ERR_HANDLE, qask_engine_submit(engine, request, NULL, &stream, &error));
    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine2);
}

/* A progress callback is told, and its data freed once. */
static float last_share;
static int destroyed;
static void on_progress(void *data, float share) { *(float *) data = share; }
static void on_destroy(void *data) { destroyed += data == &last_share; }

static void progress(void) {
    qask_model_options *options = NULL;
    OK(qask_model_options_new(&options, &error));
    OK(qask_model_options_set_progress(options, on_progress, &last_share, on_destroy, &error));
    qask_model *model = NULL;
    OK(qask_model_load(model_path, options, NULL, &model, &error));
    CHECK(last_share == 1.0f);
    CHECK(destroyed == 0);
    qask_model_options_free(options);
    CHECK(destroyed == 1);
    qask_model_free(model);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    model_path = argv[1];
    every_order();
    qask_model *model = load(model_path);
    for (int what = 0; what < 4; what++) waiting_readers(model, what);
    qask_engine *engine = start(model);
    busy(engine);
    events_stay(engine);
    cancel_flags(engine);
    OK(qask_engine_close(engine, 5000, &error));
    qask_engine_free(engine);
    retained(model);
    progress();
    qask_model_free(model);
    return report("lifecycle");
}
