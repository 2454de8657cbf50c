/* The fixtures of misuse.c: right handles of every type, made anew when a call has used them up. */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <unistd.h>
#include "test.h"

/* Any status but a crash; and any failure. */
#define ANY INT32_MIN
#define FAILURE (INT32_MIN + 1)
/* What *error holds before a call: it must be ignored and overwritten. */
#define POISON ((qask_error *) (uintptr_t) 0x5a5a5a5a)

static const char *model_path;
static const char *paths[1];
static const char *texts[1] = {"x"};
static size_t calls = 0;
static qask_error *error;

static qask_model *model;
static qask_engine *engine;
static qask_request *request;
static qask_model_options *model_options;
static qask_engine_options *engine_options;
static qask_cancel *cancel;
static qask_embedder *embedder;
static qask_embedder_options *embedder_options;
static qask_scorer *scorer;
static qask_scorer_options *scorer_options;
static qask_scores *scores;
static qask_stats *stats;
static qask_inspection *inspection;
static qask_stream *stream;
static qask_chat *chat;
static const qask_event *event;
static qask_queue *queue;
static qask_string *string;
static qask_error *kept_error;
static qask_adapter *adapter;
static qask_plan *plan;
static qask_save_options *save_options;

static qask_model *out_model;
static qask_engine *out_engine;
static qask_request *out_request;
static qask_model_options *out_model_options;
static qask_engine_options *out_engine_options;
static qask_cancel *out_cancel;
static qask_embedder *out_embedder;
static qask_embedder_options *out_embedder_options;
static qask_scorer *out_scorer;
static qask_scorer_options *out_scorer_options;
static qask_scores *out_scores;
static qask_stats *out_stats;
static qask_inspection *out_inspection;
static qask_stream *out_stream;
static qask_chat *out_chat;
static const qask_event *out_event;
static qask_queue *out_queue;
static qask_string *out_string;
static qask_adapter *out_adapter;
static qask_plan *out_plan;
static qask_save_options *out_save_options;

static int32_t some_int32_t[8];
static uint32_t some_uint32_t[1];
static size_t some_size_t[1];
static uint64_t some_uint64_t[1];
static float some_float[1];
static double some_double[1];
static bool some_bool[1];

static void on_progress(void *user_data, float share) {
    (void) user_data;
    (void) share;
}

static void on_line(void *user_data, int32_t level, const char *target, const char *message, size_t length) {
    (void) user_data, (void) level, (void) target, (void) message, (void) length;
}

static void on_wake(void *user_data) { (void) user_data; }

static int fixture_fd(void) {
    static int fd = -1;
    if (fd < 0) fd = open(model_path, O_RDONLY);
    return fd;
}

/* A handle may have been freed by the function under test: freeing it again is allowed, and then a new one is made. */
static qask_model *ok_model(void) {
    if (qask_model_vocabulary_size(model) == 0) model = load(model_path);
    return model;
}

static qask_engine *ok_engine(void) {
    if (qask_engine_n_ctx(engine) == 0) {
        OK(qask_engine_options_new(&out_engine_options, &error));
        OK(qask_engine_options_set_n_ctx(out_engine_options, 256, &error));
        OK(qask_engine_new(ok_model(), out_engine_options, &engine, &error));
        qask_engine_options_free(out_engine_options);
    }
    return engine;
}

static qask_request *ok_request(void) {
    qask_request_free(request);
    return request = ask("Hi", 1);
}

static qask_model_options *ok_model_options(void) {
    qask_model_options_free(model_options);
    OK(qask_model_options_new(&model_options, &error));
    return model_options;
}

static qask_engine_options *ok_engine_options(void) {
    qask_engine_options_free(engine_options);
    OK(qask_engine_options_new(&engine_options, &error));
    return engine_options;
}

static qask_embedder_options *ok_embedder_options(void) {
    qask_embedder_options_free(embedder_options);
    OK(qask_embedder_options_new(&embedder_options, &error));
    /* The model is one for chats: it does not name a pooling. */
    OK(qask_embedder_options_set_pooling(embedder_options, QASK_POOLING_MEAN, &error));
    OK(qask_embedder_options_set_max_tokens(embedder_options, 64, &error));
    OK(qask_embedder_options_set_batch_tokens(embedder_options, 64, &error));
    return embedder_options;
}

static qask_embedder *ok_embedder(void) {
    if (qask_embedder_dimensions(embedder) == 0) {
        OK(qask_embedder_new(ok_model(), ok_embedder_options(), &embedder, &error));
    }
    return embedder;
}

static qask_plan *ok_plan(void) {
    if (qask_plan_total(plan) == 0) OK(qask_model_plan(model_path, NULL, NULL, &plan, &error));
    return plan;
}

static qask_scorer_options *ok_scorer_options(void) {
    qask_scorer_options_free(scorer_options);
    OK(qask_scorer_options_new(&scorer_options, &error));
    OK(qask_scorer_options_set_max_tokens(scorer_options, 64, &error));
    OK(qask_scorer_options_set_batch_tokens(scorer_options, 16, &error));
    OK(qask_scorer_options_set_max_sequences(scorer_options, 2, &error));
    return scorer_options;
}

static qask_scorer *ok_scorer(void) {
    if (qask_scorer_max_tokens(scorer) == 0) OK(qask_scorer_new(ok_model(), ok_scorer_options(), &scorer, &error));
    return scorer;
}

static qask_scores *ok_scores(void) {
    if (qask_scores_count(scores) == 0) {
        qask_scorer *own = NULL;
        /* Its own scorer: the other may have been closed by the function under test. */
        OK(qask_scorer_new(ok_model(), ok_scorer_options(), &own, &error));
        OK(qask_scorer_score(own, "Hi", 2, texts, NULL, 1, NULL, -1, &scores, &error));
        qask_scorer_free(own);
    }
    return scores;
}

static qask_cancel *ok_cancel(void) {
    qask_cancel_free(cancel);
    OK(qask_cancel_new(&cancel, &error));
    return cancel;
}

static qask_stats *ok_stats(void) {
    qask_stats_free(stats);
    OK(qask_engine_stats(ok_engine(), &stats, &error));
    return stats;
}

static qask_inspection *ok_inspection(void) {
    if (qask_inspection_vocabulary_size(inspection) == 0) OK(qask_model_inspect(model_path, &inspection, &error));
    return inspection;
}

static qask_stream *ok_stream(void) {
    qask_stream_free(stream);
    /* The engine may have been closed by the function under test. */
    qask_error *e = NULL;
    if (qask_engine_submit(ok_engine(), ok_request(), NULL, &stream, &e) != QASK_OK) {
        qask_error_free(e);
        qask_engine_free(engine);
        engine = NULL;
        stream = submit(ok_engine(), request);
    }
    return stream;
}

/* One message to answer, and none being answered. */
static qask_chat *ok_chat(void) {
    qask_chat_free(chat);
    OK(qask_chat_new(ok_engine(), ok_request(), &chat, &error));
    return chat;
}

static const qask_event *ok_event(void) {
    OK(qask_stream_next(ok_stream(), -1, &event, &error));
    return event;
}

static qask_queue *ok_queue(void) {
    qask_queue_free(queue);
    OK(qask_queue_new(&queue, &error));
    /* Something to wait for, for as long as it takes. */
    OK(qask_queue_add(queue, ok_stream(), 1, &error));
    return queue;
}

static qask_string *ok_string(void) {
    if (qask_string_data(string, NULL) == NULL) {
        OK(qask_model_detokenize(ok_model(), some_int32_t, 1, true, &string, &error));
    }
    return string;
}

/* A control vector of zeros for layer 1 of SmolLM2, 576 wide, written where it is read from. */
static const char *adapter_path(void) {
    static char path[] = "/tmp/qask-misuse-XXXXXX";
    static bool made = false;
    if (made) return path;
    static const float zeros[576];
    static const char key[] = "general.architecture", value[] = "controlvector", name[] = "direction.1";
    unsigned char file[160 + sizeof zeros] = {0};
    size_t n = 0;
#define PUT(type, x)                         \
    do {                                     \
        type v = (x);                        \
        memcpy(file + n, &v, sizeof v);      \
        n += sizeof v;                       \
    } while (0)
#define PUT_TEXT(x)                          \
    do {                                     \
        PUT(uint64_t, sizeof(x) - 1);        \
        memcpy(file + n, x, sizeof(x) - 1);  \
        n += sizeof(x) - 1;                  \
    } while (0)
    memcpy(file, "GGUF\3\0\0", 8);
    n = 8;
    PUT(uint64_t, 1); /* tensors */
    PUT(uint64_t, 1); /* metadata */
    PUT_TEXT(key);
    PUT(uint32_t, 8); /* a string */
    PUT_TEXT(value);
    PUT_TEXT(name);
    PUT(uint32_t, 1); /* dimensions */
    PUT(uint64_t, 576);
    PUT(uint32_t, 0); /* F32 */
    PUT(uint64_t, 0); /* offset */
    n = (n + 31) / 32 * 32 + sizeof zeros;
    int fd = mkstemp(path);
    made = fd >= 0 && write(fd, file, n) == (ssize_t) n;
    CHECK(made);
    close(fd);
    return path;
}

static qask_adapter *ok_adapter(void) {
    if (qask_adapter_kind(adapter) == 0) OK(qask_adapter_load(ok_model(), adapter_path(), &adapter, &error));
    return adapter;
}

static qask_save_options *ok_save_options(void) {
    qask_save_options_free(save_options);
    OK(qask_save_options_new(&save_options, &error));
    return save_options;
}

/* Where sessions are saved; there is always one. */
static const char *session_path(void) {
    static char path[64];
    if (path[0] == 0) {
        snprintf(path, sizeof path, "/tmp/qask-misuse-%ld.session", (long) getpid());
        OK(qask_chat_save(ok_chat(), path, NULL, NULL, NULL, NULL, &error));
    }
    return path;
}

static qask_error *ok_error(void) {
    qask_error_free(kept_error);
    qask_cancel_new(NULL, &kept_error);
    return kept_error;
}

#define FREED(type)                          \
    static qask_##type *freed_##type(void) { \
        qask_##type *x = ok_##type();        \
        qask_##type##_free(x);               \
        return x;                            \
    }
FREED(model)
FREED(engine)
FREED(request)
FREED(model_options)
FREED(engine_options)
FREED(cancel)
FREED(embedder)
FREED(embedder_options)
FREED(scorer)
FREED(scorer_options)
FREED(scores)
FREED(stats)
FREED(inspection)
FREED(stream)
FREED(chat)
FREED(queue)
FREED(string)
FREED(error)
FREED(adapter)
FREED(plan)
FREED(save_options)

static const qask_event *freed_event(void) {
    const qask_event *x = ok_event();
    qask_stream_free(stream);
    return x;
}

/* One call: its status is what is expected, and the error object agrees with it. */
static void judge(qask_status status, qask_status expected, bool has_error, const char *function, const char *what) {
    calls++;
    bool failed = status >= 100;
    if (expected == FAILURE ? !failed : expected != ANY && status != expected) {
        fprintf(stderr, "%s, %s: gave %s, expected %s\n", function, what, qask_status_name(status),
                expected == FAILURE ? "a failure" : qask_status_name(expected));
        failures++;
    }
    if (!has_error) return;
    if (failed ? qask_error_code(error) != status || *qask_error_message(error, NULL) == 0 : error != NULL) {
        fprintf(stderr, "%s, %s: the error does not agree with %s\n", function, what, qask_status_name(status));
        failures++;
    }
    if (failed) qask_error_free(error);
}

static void setup(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: misuse MODEL.gguf\n");
        exit(2);
    }
    model_path = paths[0] = argv[1];
}

static int finish(int functions) {
    qask_stream_free(stream);
    qask_chat_free(chat);
    qask_engine_free(engine);
    qask_model_free(model);
    qask_request_free(request);
    qask_model_options_free(model_options);
    qask_engine_options_free(engine_options);
    qask_cancel_free(cancel);
    qask_embedder_free(embedder);
    qask_embedder_options_free(embedder_options);
    qask_scores_free(scores);
    qask_scorer_free(scorer);
    qask_scorer_options_free(scorer_options);
    qask_stats_free(stats);
    qask_inspection_free(inspection);
    qask_queue_free(queue);
    qask_string_free(string);
    qask_error_free(kept_error);
    qask_adapter_free(adapter);
    qask_plan_free(plan);
    qask_save_options_free(save_options);
    unlink(session_path());
    unlink(adapter_path());
    close(fixture_fd());
    printf("misuse: %d functions, %zu calls, %d wrong\n", functions, calls, failures);
    return report("misuse");
}
