/* Everything that any thread may do, from several threads at once: submit, add, wake, next, pull, cancel, free, close. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "test.h"

#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 10 }; /* it makes the engine slow */
#else
enum { ROUNDS = 40 };
#endif
enum { WORKERS = 4, SHARED = 8 };

static const qask_engine *engine;
static const qask_queue *queue;
static const qask_cancel *cancel;
/* Streams that every thread may take, pull and free. */
static _Atomic(qask_stream *) shared[SHARED];
static atomic_int woken, destroyed, sets, answered;
static atomic_bool stopping;

static void on_wake(void *data) {
    atomic_fetch_add((atomic_int *) data, 1);
    uint64_t tag = 0;
    qask_queue_next(queue, 0, &tag, NULL);
}

static void on_destroy(void *data) {
    (void) data;
    atomic_fetch_add(&destroyed, 1);
}

static bool one_of(qask_status status, const qask_status *allowed) {
    for (; *allowed >= 0; allowed++)
        if (status == *allowed) return true;
    fprintf(stderr, "unexpected: %s\n", qask_status_name(status));
    return false;
}
#define ONE_OF(status, ...) CHECK(one_of((status), (const qask_status[]){__VA_ARGS__, -1}))
/* What another thread may have done to a stream, a queue or an engine meanwhile. */
#define MEANWHILE QASK_ERR_HANDLE, QASK_ERR_BUSY, QASK_ERR_CLOSED

static void pull(qask_stream *stream, int64_t timeout_ms) {
    const qask_event *event = NULL;
    qask_status status;
    while ((status = qask_stream_next(stream, timeout_ms, &event, NULL)) == QASK_OK)
        if (qask_event_type(event) == QASK_EVENT_DONE) atomic_fetch_add(&answered, 1);
    ONE_OF(status, QASK_TIMEOUT, QASK_DONE, MEANWHILE);
}

static void *work(void *seed) {
    unsigned random = (unsigned) (uintptr_t) seed * 2654435761u + 1;
    qask_request *request = NULL;
    OK(qask_request_new(&request, &error));
    OK(qask_request_set_prompt(request, "Hello", 5, false, &error));
    OK(qask_request_set_max_tokens(request, 6, &error));
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525u + 1013904223u;
        qask_stream *stream = NULL, *other = atomic_load(&shared[random >> 8 & (SHARED - 1)]);
        qask_status status = qask_engine_submit(engine, request, random >> 12 & 1 ? cancel : NULL, &stream, NULL);
        ONE_OF(status, QASK_OK, QASK_ERR_CLOSED);
        if (status == QASK_OK) {
            atomic_fetch_add(&sets, 1);
            OK(qask_stream_set_wake(stream, on_wake, &woken, on_destroy, &error));
            ONE_OF(qask_queue_add(queue, stream, (uint64_t) (uintptr_t) stream, NULL), QASK_OK, MEANWHILE);
            other = atomic_exchange(&shared[random >> 16 & (SHARED - 1)], stream);
        }
        switch (other ? random >> 24 & 3 : 4) {
        case 0: ONE_OF(qask_stream_cancel(other, NULL), QASK_OK, QASK_ERR_HANDLE); break;
        case 1: ONE_OF(qask_queue_add(queue, other, 1, NULL), QASK_OK, MEANWHILE); break;
        case 2: pull(other, 50); break;
        case 3: pull(other, 0); break;
        default: break;
        }
        if (status == QASK_OK) qask_stream_free(other);
        qask_stats *stats = NULL;
        OK(qask_engine_stats(engine, &stats, &error));
        CHECK(qask_stats_finished(stats) <= qask_stats_submitted(stats));
        qask_stats_free(stats);
    }
    qask_stream *last = NULL;
    qask_status status = qask_engine_submit(engine, request, NULL, &last, NULL);
    ONE_OF(status, QASK_OK, QASK_ERR_CLOSED);
    if (status == QASK_OK) pull(last, -1);
    qask_stream_free(last);
    qask_request_free(request);
    return NULL;
}

static void *serve(void *unused) {
    (void) unused;
    while (!atomic_load(&stopping)) {
        uint64_t tag = 0;
        qask_status status = qask_queue_next(queue, 20, &tag, NULL);
        ONE_OF(status, QASK_OK, QASK_TIMEOUT, MEANWHILE);
        if (status == QASK_OK && tag > 1) pull((qask_stream *) (uintptr_t) tag, 0);
    }
    return NULL;
}

static void everyone(const qask_model *model, int how) {
    qask_engine_options *options = NULL;
    qask_engine *own_engine = NULL;
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_n_ctx(options, 256, &error));
    OK(qask_engine_new(model, options, &own_engine, &error));
    qask_engine_options_free(options);
    qask_queue *own_queue = NULL;
    qask_cancel *own_cancel = NULL;
    OK(qask_queue_new(&own_queue, &error));
    OK(qask_cancel_new(&own_cancel, &error));
    OK(qask_queue_set_wake(own_queue, on_wake, &woken, on_destroy, &error));
    atomic_fetch_add(&sets, 1);
    engine = own_engine, queue = own_queue, cancel = own_cancel;
    atomic_store(&stopping, false);
    pthread_t workers[WORKERS], server;
    pthread_create(&server, NULL, serve, NULL);
    for (uintptr_t i = 0; i < WORKERS; i++) pthread_create(&workers[i], NULL, work, (void *) (i + 1));
    if (how > 0) {
        usleep(300000);
        OK(qask_cancel_raise(own_cancel, &error));
        if (how == 1) OK(qask_engine_close(own_engine, -1, &error));
        if (how == 2) qask_queue_free(own_queue);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    atomic_store(&stopping, true);
    pthread_join(server, NULL);
    for (int i = 0; i < SHARED; i++) qask_stream_free(atomic_exchange(&shared[i], NULL));
    qask_queue_free(own_queue);
    qask_cancel_free(own_cancel);
    OK(qask_engine_close(own_engine, -1, &error));
    qask_engine_free(own_engine);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    for (int how = 0; how < 3; how++) everyone(model, how);
    qask_model_free(model);
    for (double until = now_ms() + 10000; atomic_load(&destroyed) != atomic_load(&sets) && now_ms() < until;) usleep(1000);
    CHECK(atomic_load(&destroyed) == atomic_load(&sets) && atomic_load(&sets) > WORKERS * ROUNDS);
    CHECK(atomic_load(&woken) > 0 && atomic_load(&answered) > 0);
    return report("threads");
}
