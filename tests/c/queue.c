/* Many streams and one thread: queues, wake-up callbacks, and who destroys what. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "test.h"

enum { MANY = 200, TOKENS = 4 };

/* Sixteen at once, so that most of the many wait. */
static qask_engine *start_small(const qask_model *model) {
    qask_engine_options *options = NULL;
    qask_engine *engine = NULL;
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_n_ctx(options, 512, &error));
    OK(qask_engine_options_set_max_sequences(options, 16, &error));
    OK(qask_engine_new(model, options, &engine, &error));
    qask_engine_options_free(options);
    return engine;
}

static qask_request *prompt(unsigned number, uint32_t max_tokens) {
    char text[64];
    int length = snprintf(text, sizeof text, "Number %u and then", number);
    qask_request *request = NULL;
    OK(qask_request_new(&request, &error));
    OK(qask_request_set_prompt(request, text, (size_t) length, false, &error));
    OK(qask_request_set_max_tokens(request, max_tokens, &error));
    OK(qask_request_set_ignore_eos(request, true, &error));
    return request;
}

static qask_stream *say(const qask_engine *engine, unsigned number, uint32_t max_tokens) {
    qask_request *request = prompt(number, max_tokens);
    qask_stream *stream = submit(engine, request);
    qask_request_free(request);
    return stream;
}

static qask_queue *new_queue(void) {
    qask_queue *queue = NULL;
    OK(qask_queue_new(&queue, &error));
    return queue;
}

static qask_status next(const qask_queue *queue, int64_t timeout_ms, uint64_t *tag) {
    return qask_queue_next(queue, timeout_ms, tag, NULL);
}

/* Reads what there is; adds up the tokens; true at the end. */
static bool read_all(const qask_stream *stream, unsigned *tokens) {
    const qask_event *event = NULL;
    qask_status status;
    while ((status = qask_stream_next(stream, 0, &event, NULL)) == QASK_OK)
        if (qask_event_type(event) == QASK_EVENT_DONE) *tokens += qask_event_output_tokens(event);
    CHECK(status == QASK_TIMEOUT || status == QASK_DONE);
    return status == QASK_DONE;
}

/* The tag is the stream's own handle. */
static void one_thread_serves_many(const qask_engine *engine) {
    qask_queue *queue = new_queue();
    unsigned tokens = 0;
    for (unsigned i = 0; i < MANY; i++) {
        qask_stream *stream = say(engine, i, TOKENS);
        OK(qask_queue_add(queue, stream, (uint64_t) (uintptr_t) stream, &error));
    }
    for (int running = MANY; running > 0;) {
        uint64_t tag = 0;
        CHECK(next(queue, 60000, &tag) == QASK_OK);
        if (!tag) break;
        qask_stream *stream = (qask_stream *) (uintptr_t) tag;
        if (!read_all(stream, &tokens)) continue;
        qask_stream_free(stream);
        running--;
    }
    CHECK(tokens == MANY * TOKENS);
    uint64_t tag = 7;
    CHECK(next(queue, 0, &tag) == QASK_TIMEOUT && tag == 7);
    qask_queue_free(queue);
}

/* A whole answer that nobody has read. */
static qask_stream *ended(const qask_engine *engine, unsigned number) {
    qask_stream *stream = say(engine, number, TOKENS);
    for (uint64_t before = 0, finished = 0, first = 1; first || finished == before; first = 0) {
        qask_stats *stats = NULL;
        OK(qask_engine_stats(engine, &stats, &error));
        if (first) before = qask_stats_submitted(stats) - 1;
        finished = qask_stats_finished(stats);
        qask_stats_free(stats);
        usleep(1000);
    }
    return stream;
}

static void in_and_out(const qask_engine *engine) {
    qask_queue *queue = new_queue(), *other = new_queue();
    qask_stream *a = ended(engine, 1), *b = ended(engine, 2), *c = ended(engine, 3);
    OK(qask_queue_add(queue, c, 3, &error));
    OK(qask_queue_add(queue, a, 1, &error));
    OK(qask_queue_add(queue, b, 2, &error));
    uint64_t tag = 0;
    const qask_event *event = NULL;
    CHECK(next(queue, 0, &tag) == QASK_OK && tag == 3);
    OK(qask_stream_next(c, 0, &event, &error));
    qask_stream_free(a);
    CHECK(next(queue, 0, &tag) == QASK_OK && tag == 2);
    CHECK(next(queue, 0, &tag) == QASK_OK && tag == 3);
    /* Named and not read: not again. In another queue it counts anew. */
    CHECK(next(queue, 0, &tag) == QASK_TIMEOUT);
    OK(qask_queue_add(other, b, 22, &error));
    CHECK(next(other, 0, &tag) == QASK_OK && tag == 22);
    qask_queue_free(other);
    qask_queue_free(queue);
    unsigned tokens = 0;
    CHECK(read_all(b, &tokens) && tokens == TOKENS);
    qask_stream_free(b);
    qask_stream_free(c);
}

static void *wait_for_a_name(void *queue) {
    uint64_t tag = 0;
    qask_status status;
    while ((status = next(queue, -1, &tag)) == QASK_ERR_BUSY) usleep(1000);
    return (void *) (intptr_t) status;
}

static void freeing_wakes(void) {
    qask_queue *queue = new_queue();
    pthread_t waiter;
    pthread_create(&waiter, NULL, wait_for_a_name, queue);
    uint64_t tag = 0;
    /* One reader at a time: this thread is turned away as soon as the other waits. */
    qask_status status = QASK_OK;
    for (double until = now_ms() + 5000; status != QASK_ERR_BUSY && now_ms() < until; usleep(1000))
        status = next(queue, 0, &tag);
    CHECK(status == QASK_ERR_BUSY);
    qask_queue_free(queue);
    void *seen = NULL;
    pthread_join(waiter, &seen);
    CHECK((qask_status) (intptr_t) seen == QASK_ERR_CLOSED);
    FAILS(QASK_ERR_HANDLE, qask_queue_next(queue, 0, &tag, &error));
}

/* What a callback is given, and what became of it. */
struct bell {
    int pipe[2];
    atomic_int calls, destroyed;
};

static void ring(void *data) {
    struct bell *bell = data;
    atomic_fetch_add(&bell->calls, 1);
    CHECK(write(bell->pipe[1], "x", 1) == 1);
}

static void destroy(void *data) { atomic_fetch_add(&((struct bell *) data)->destroyed, 1); }

static struct bell *new_bell(void) {
    struct bell *bell = calloc(1, sizeof *bell);
    CHECK(bell && pipe(bell->pipe) == 0);
    return bell;
}

static void wait_until(atomic_int *number, int value) {
    for (double until = now_ms() + 5000; atomic_load(number) < value && now_ms() < until;) usleep(1000);
    CHECK(atomic_load(number) == value);
}

static void free_bell(struct bell *bell) {
    wait_until(&bell->destroyed, 1);
    close(bell->pipe[0]);
    close(bell->pipe[1]);
    free(bell);
}

static bool wait_for_ring(struct bell *bell) {
    struct pollfd fd = {bell->pipe[0], POLLIN, 0};
    char letters[256];
    return poll(&fd, 1, 60000) == 1 && read(bell->pipe[0], letters, sizeof letters) > 0;
}

static void woken_streams(const qask_engine *engine) {
    struct bell *bell = new_bell();
    qask_stream *stream = say(engine, 1, 40);
    OK(qask_stream_set_wake(stream, ring, bell, destroy, &error));
    unsigned tokens = 0;
    do CHECK(wait_for_ring(bell));
    while (!read_all(stream, &tokens));
    CHECK(tokens == 40 && atomic_load(&bell->calls) > 0 && atomic_load(&bell->destroyed) == 0);
    qask_stream_free(stream);
    free_bell(bell);

    bell = new_bell();
    stream = ended(engine, 2);
    OK(qask_stream_set_wake(stream, ring, bell, destroy, &error));
    CHECK(wait_for_ring(bell)); /* what is there already */
    OK(qask_stream_set_wake(stream, NULL, NULL, NULL, &error));
    free_bell(bell);

    /* Whatever the call returns, the data is destroyed once. */
    bell = new_bell();
    FAILS(QASK_ERR_NULL, qask_stream_set_wake(NULL, ring, bell, destroy, &error));
    free_bell(bell);
    bell = new_bell();
    OK(qask_stream_set_wake(stream, NULL, bell, destroy, &error));
    free_bell(bell);
    qask_stream_free(stream);
}

static void woken_queue(const qask_engine *engine) {
    struct bell *bell = new_bell();
    qask_queue *queue = new_queue();
    qask_stream *streams[20];
    unsigned tokens = 0;
    OK(qask_queue_set_wake(queue, ring, bell, destroy, &error));
    for (unsigned i = 0; i < 20; i++) {
        streams[i] = say(engine, i, TOKENS);
        OK(qask_queue_add(queue, streams[i], i, &error));
    }
    for (int running = 20; running > 0;) {
        CHECK(wait_for_ring(bell));
        uint64_t i;
        while (next(queue, 0, &i) == QASK_OK) running -= read_all(streams[i], &tokens);
    }
    CHECK(tokens == 20 * TOKENS);
    qask_queue_free(queue);
    free_bell(bell);
    for (int i = 0; i < 20; i++) qask_stream_free(streams[i]);
}

/* A callback may use its own stream, and free it: it is destroyed when it has ended. */
struct inside {
    struct bell bell;
    qask_stream *stream;
    unsigned tokens;
};

static void read_and_free(void *data) {
    struct inside *inside = data;
    if (!inside->stream || !read_all(inside->stream, &inside->tokens)) return;
    qask_stream_free(inside->stream);
    inside->stream = NULL;
    CHECK(atomic_load(&inside->bell.destroyed) == 0);
}

static void calls_from_inside(const qask_engine *engine) {
    struct inside *inside = calloc(1, sizeof *inside);
    inside->stream = say(engine, 1, 20);
    OK(qask_stream_set_wake(inside->stream, read_and_free, inside, destroy, &error));
    wait_until(&inside->bell.destroyed, 1);
    CHECK(inside->tokens == 20 && inside->stream == NULL);
    free(inside);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start_small(model);
    one_thread_serves_many(engine);
    in_and_out(engine);
    freeing_wakes();
    woken_streams(engine);
    woken_queue(engine);
    calls_from_inside(engine);
    OK(qask_engine_close(engine, -1, &error));
    qask_engine_free(engine);
    qask_model_free(model);
    return report("queue");
}
