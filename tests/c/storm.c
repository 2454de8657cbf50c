/* storm MODEL.gguf [CANCELS]: eight threads submit, pull, cancel, free, log, load and make engines at once, until so many
 * streams were cancelled by whoever. Afterwards the engine says what it said before, and nothing is left. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "test.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { THREADS = 8, SHARED = 16 };
/* Sanitizers make the engine slow, and keep what is freed for a while. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true, USUAL = 2000 };
#else
enum { SANITIZED = false, USUAL = 50000 };
#endif

static const char *path;
static const qask_model *model;
static const qask_engine *engine;
static qask_request *request;
static _Atomic(qask_stream *) shared[SHARED];
static atomic_long cancelled, submitted, loads, engines, lines, full, unexpected;
static long wanted = USUAL;

static void on_line(void *data, int32_t level, const char *target, const char *text, size_t length) {
    (void) data, (void) level, (void) target, (void) text, (void) length;
    atomic_fetch_add(&lines, 1);
}

/* A stream may be another thread's by now, and be pulled or gone. */
static void expect(qask_status status, const char *what) {
    switch (status) {
    case QASK_OK: case QASK_DONE: case QASK_TIMEOUT: case QASK_ERR_HANDLE: case QASK_ERR_BUSY: return;
    default:
        /* A few say enough: after a call that ends the program, thousands follow. */
        if (atomic_fetch_add(&unexpected, 1) < 10) fprintf(stderr, "%s gave %s\n", what, qask_status_name(status));
    }
}

static void cancel(qask_stream *stream) {
    qask_status status = qask_stream_cancel(stream, NULL);
    expect(status, "qask_stream_cancel");
    if (status == QASK_OK) atomic_fetch_add(&cancelled, 1);
}

static void one_stream(unsigned random) {
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_status status = qask_engine_submit(engine, request, NULL, &stream, NULL);
    if (status == QASK_ERR_QUEUE_FULL) {
        atomic_fetch_add(&full, 1);
        return;
    }
    if (status != QASK_OK) {
        expect(status, "qask_engine_submit");
        return;
    }
    atomic_fetch_add(&submitted, 1);
    qask_stream *other = stream;
    switch (random >> 8 & 7) {
    case 0: expect(qask_stream_next(stream, 5, &event, NULL), "qask_stream_next"); break;
    case 1: expect(qask_stream_next(stream, 0, &event, NULL), "qask_stream_next"); break;
    case 2: case 3: case 4: other = atomic_exchange(&shared[random >> 16 & (SHARED - 1)], stream); break;
    default: break;
    }
    if (other == NULL) return;
    cancel(other);
    /* Some are pulled to their end, which a cancel brings; most are freed at once. */
    if ((random >> 24 & 15) == 0) while ((status = qask_stream_next(other, 10000, &event, NULL)) == QASK_OK) {}
    expect(status, "qask_stream_next");
    qask_stream_free(other);
}

static void load_another(void) {
    qask_model *another = NULL;
    OK(qask_model_load(path, NULL, NULL, &another, &error));
    qask_model_free(another);
    atomic_fetch_add(&loads, 1);
}

static void another_engine(void) {
    qask_engine_options *options = NULL;
    qask_engine *another = NULL;
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_n_ctx(options, 256, &error));
    OK(qask_engine_options_set_threads(options, 1, &error));
    OK(qask_engine_options_set_threads_batch(options, 1, &error));
    OK(qask_engine_new(model, options, &another, &error));
    qask_engine_options_free(options);
    /* Of its own: the other threads are using theirs, each call alone. */
    qask_request *own = ask("Hello", 20);
    qask_stream *stream = submit(another, own);
    qask_request_free(own);
    cancel(stream);
    /* It goes with a stream that may still run. */
    qask_engine_free(another);
    qask_stream_free(stream);
    atomic_fetch_add(&engines, 1);
}

static void *storm(void *which) {
    unsigned random = (unsigned) (uintptr_t) which * 2654435761u + 1;
    for (long i = 0; atomic_load(&cancelled) < wanted; i++) {
        random = random * 1664525u + 1013904223u;
        one_stream(random);
        /* One thread each: every thread that loads keeps a heap of its own for it. From the first turn on: on a busy machine
         * a thread may have few. */
        if (i % 500 == 0 && (uintptr_t) which == 1) load_another();
        if (i % 500 == 0 && (uintptr_t) which == 2) another_engine();
        switch (i % 4000) {
        case 140: case 2140: expect(qask_log_set(QASK_LOG_DEBUG, on_line, NULL, NULL, NULL), "qask_log_set"); break;
        case 160: case 2160: expect(qask_log_set(QASK_LOG_OFF, NULL, NULL, NULL, NULL), "qask_log_set"); break;
        default: break;
        }
    }
    return NULL;
}

/* Kibibytes of the process that are its own, without what the C library keeps for later. */
static long resident(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    long pages = 0, of_files = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%ld %ld %ld", &all, &pages, &of_files) != 3) pages = of_files = 0;
    fclose(file);
    return (pages - of_files) * (sysconf(_SC_PAGESIZE) / 1024);
}

static void all_threads(long until) {
    pthread_t threads[THREADS];
    wanted = until;
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, storm, (void *) (i + 1));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    const char *given = argc > 2 ? argv[2] : getenv("QASK_STORM");
    long cancels = given != NULL ? atol(given) : USUAL;
    path = argv[1];
    model = load(path);
    engine = start(model);
    request = ask("Tell me a long story.", 200);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_request *question = ask("Name three colours.", 24);
    char before[1024], after[1024];
    qask_stream *stream = submit(engine, question);
    CHECK(drain(stream, before, sizeof before) > 0 && before[0] != 0);
    qask_stream_free(stream);

    double begun = now_ms();
    all_threads(cancels / 5);
    long first = resident(), counted = atomic_load(&cancelled);
    all_threads(cancels);
    long grown = resident() - first;
    counted = atomic_load(&cancelled) - counted;
    for (int i = 0; i < SHARED; i++) qask_stream_free(atomic_exchange(&shared[i], NULL));

    stream = submit(engine, question);
    CHECK(drain(stream, after, sizeof after) > 0 && strcmp(before, after) == 0);
    qask_stream_free(stream);
    CHECK(atomic_load(&unexpected) == 0);
    CHECK(atomic_load(&cancelled) >= cancels && atomic_load(&loads) > 0 && atomic_load(&engines) > 0 && atomic_load(&lines) > 0);
    if (given != NULL)
        printf("%ld cancels of %ld streams in %.0f s, %ld loads, %ld engines, %ld lines of the log, %ld times a full queue; "
               "grown by %ld KiB in %ld cancels\n",
               atomic_load(&cancelled), atomic_load(&submitted), (now_ms() - begun) / 1e3, atomic_load(&loads),
               atomic_load(&engines), atomic_load(&lines), atomic_load(&full), grown, counted);
    /* Heaps of threads waver by tens of mebibytes; what a cancel leaves behind shows in a million. */
    CHECK(SANITIZED || grown < (cancels < 500000 ? 64 : 16) * 1024);
    qask_request_free(question);
    qask_request_free(request);
    qask_engine_free((qask_engine *) engine);
    qask_model_free((qask_model *) model);
    return report("storm");
}
