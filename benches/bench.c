/* The library under the stopwatch, through its header only: the counterpart of raw.rs.
 *
 * bench MODEL THREADS SEQUENCES UNIFIED obeys lines on stdin, each "COMMAND STREAMS TOKENS":
 *   time    seconds from submitting STREAMS prompts, each from a thread of its own, to the last of TOKENS new tokens
 *           each; greedy
 *   sample  the same with the default samplers (top_k 40, top_p 0.95, min_p 0.05, temperature 0.8)
 *   step    with the default samplers, only the seconds of decoding (STREAMS = 1)
 *   tokens  the ids of the greedy answers, a line each
 *   delay   the pauses between the tokens of a running stream, in ms, while prompts of 2,000 tokens arrive
 *   turn    "A B": ms to the first token of a second turn on a long conversation, and of a prompt that is as long as
 *           what is new in that turn, on the same engine
 *   cancel  the ms that a cancel of a 3,000-token prompt takes, alone and beside a running stream
 */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <qask.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, PIECES = 4096 };

static qask_model *model;
static qask_engine *engine;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void check(qask_status status, qask_error **error) {
    if (status == QASK_OK) return;
    fprintf(stderr, "%s: %s\n", qask_status_name(status), qask_error_message(*error, NULL));
    exit(1);
}
#define OK(call)                  \
    do {                          \
        qask_error *error = NULL; \
        check((call), &error);    \
    } while (0)

/* The prompts of raw.rs, word for word: the driver compares the answers. */
static void prompt_of(int i, int words, char *out, size_t room) {
    static const char *const some[] = {"river", "market", "window", "engine", "garden", "letter", "winter", "bridge"};
    size_t n = (size_t) snprintf(out, room, "%d stories about the %s:", i + 3, some[i % 8]);
    for (int w = 0; w < words - 5; w++) n += (size_t) snprintf(out + n, room - n, " %s", some[(w * 5 + w / 7 + i) % 8]);
    snprintf(out + n, room - n, ". Once upon a time there");
}

static qask_request *request_of(const char *prompt, int tokens, int sampled) {
    qask_request *request = NULL;
    OK(qask_request_new(&request, &error));
    OK(qask_request_set_prompt(request, prompt, strlen(prompt), false, &error));
    OK(qask_request_set_max_tokens(request, (uint32_t) tokens, &error));
    OK(qask_request_set_ignore_eos(request, true, &error));
    if (!sampled) OK(qask_request_set_temperature(request, 0, &error));
    return request;
}

static qask_stream *submit(const qask_request *request) {
    qask_stream *stream = NULL;
    OK(qask_engine_submit(engine, request, NULL, &stream, &error));
    return stream;
}

struct job {
    int index, tokens, sampled, keep;
    int32_t ids[PIECES];
    size_t count;
    size_t bytes;
    double decode;
};

static void *work(void *argument) {
    struct job *job = argument;
    char prompt[8192];
    prompt_of(job->index, 40, prompt, sizeof prompt);
    qask_request *request = request_of(prompt, job->tokens, job->sampled);
    if (job->keep) OK(qask_request_set_return_tokens(request, true, &error));
    qask_stream *stream = submit(request);
    const qask_event *event = NULL;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        size_t n = 0;
        if (qask_event_type(event) == QASK_EVENT_DONE) {
            job->decode = (double) qask_event_decode_us(event) / 1e6;
            if (qask_event_error_code(event) != QASK_OK) fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
            continue;
        }
        qask_event_text(event, &n);
        job->bytes += n;
        const int32_t *ids = job->keep ? qask_event_tokens(event, &n) : NULL;
        for (size_t i = 0; ids && i < n && job->count < PIECES; i++) job->ids[job->count++] = ids[i];
    }
    qask_stream_free(stream);
    qask_request_free(request);
    return NULL;
}

static struct job jobs[MOST];

/* STREAMS host threads at once; returns the seconds. */
static double many(int streams, int tokens, int sampled, int keep) {
    pthread_t threads[MOST];
    memset(jobs, 0, sizeof jobs);
    double began = now();
    for (int i = 0; i < streams; i++) {
        jobs[i].index = i, jobs[i].tokens = tokens, jobs[i].sampled = sampled, jobs[i].keep = keep;
        pthread_create(&threads[i], NULL, work, &jobs[i]);
    }
    for (int i = 0; i < streams; i++) pthread_join(threads[i], NULL);
    return now() - began;
}

static char *words(int salt, int tokens) {
    char *text = malloc((size_t) tokens * 8 + 64);
    size_t n = (size_t) sprintf(text, "%d.", salt);
    for (int i = 0; i < tokens; i++) n += (size_t) sprintf(text + n, " %s", i % 3 ? "the" : i % 2 ? "a" : "of");
    return text;
}

/* Lets the reader of a running stream note the time of every piece. */
static double pieces[PIECES];
static volatile int piece_count;

static void *note(void *stream) {
    const qask_event *event = NULL;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK)
        if (qask_event_type(event) == QASK_EVENT_TEXT && piece_count < PIECES) pieces[piece_count++] = now();
    return NULL;
}

static void delay(int prompts) {
    qask_request *endless = request_of("Once upon a time", 3000, 0);
    qask_stream *running = submit(endless);
    piece_count = 0;
    pthread_t reader;
    pthread_create(&reader, NULL, note, running);
    while (piece_count < 10) usleep(1000);
    static int salt = 0;
    int first = piece_count;
    for (int i = 0; i < prompts; i++) {
        char *text = words(++salt, 2000);
        qask_request *request = request_of(text, 1, 0);
        qask_stream *stream = submit(request);
        const qask_event *event = NULL;
        while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {}
        qask_stream_free(stream);
        qask_request_free(request);
        free(text);
    }
    int last = piece_count;
    OK(qask_stream_cancel(running, &error));
    pthread_join(reader, NULL);
    for (int i = first; i < last; i++) printf("%.3f ", (pieces[i] - pieces[i - 1]) * 1e3);
    printf("\n");
    qask_stream_free(running);
    qask_request_free(endless);
}

static double first_token(const qask_request *request, char *answer, size_t room, uint32_t *evaluated) {
    double began = now(), first = 0;
    qask_stream *stream = submit(request);
    const qask_event *event = NULL;
    size_t used = 0;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        if (first == 0) first = now() - began;
        size_t n = 0;
        const char *text = qask_event_text(event, &n);
        if (qask_event_type(event) == QASK_EVENT_DONE) {
            *evaluated = qask_event_prompt_tokens(event) - qask_event_cached_tokens(event);
        } else if (used + n < room) {
            memcpy(answer + used, text, n + 1);
            used += n;
        }
    }
    qask_stream_free(stream);
    return first * 1e3;
}

static void turn(void) {
    static int salt = 1000;
    char answer[4096] = "";
    char *text = words(++salt, 1000), *question = words(++salt, 120);
    qask_request *request = NULL;
    uint32_t n = 0, only = 0;
    OK(qask_request_new(&request, &error));
    OK(qask_request_set_temperature(request, 0, &error));
    OK(qask_request_set_max_tokens(request, 16, &error));
    OK(qask_request_add_message(request, "user", text, strlen(text), &error));
    first_token(request, answer, sizeof answer, &n);
    OK(qask_request_add_message(request, "assistant", answer, strlen(answer), &error));
    OK(qask_request_add_message(request, "user", question, strlen(question), &error));
    double second = first_token(request, answer, sizeof answer, &n);
    /* The same number of new tokens behind the same conversation, as ids: no template, no tokenizer, no search. */
    static int32_t ids[PIECES];
    size_t count = 0;
    char *other = words(++salt, 1000);
    OK(qask_model_tokenize(model, other, strlen(other), true, false, ids, PIECES, &count, &error));
    qask_request *base = NULL;
    OK(qask_request_new(&base, &error));
    OK(qask_request_set_temperature(base, 0, &error));
    OK(qask_request_set_max_tokens(base, 1, &error));
    OK(qask_request_set_prompt_tokens(base, ids, count, &error));
    first_token(base, answer, sizeof answer, &only);
    for (uint32_t i = 0; i < n; i++) ids[count + i] = ids[1 + i];
    OK(qask_request_set_prompt_tokens(base, ids, count + n, &error));
    double bare = first_token(base, answer, sizeof answer, &only);
    printf("%.3f %.3f %u %u\n", second, bare, n, only);
    qask_request_free(request);
    qask_request_free(base);
    free(text);
    free(question);
    free(other);
}

static void cancel(int beside) {
    static int salt = 5000;
    char *text = words(++salt, 3000);
    qask_request *request = request_of(text, 4, 0), *endless = request_of("Once upon a time", 1000, 0);
    qask_stream *running = NULL;
    const qask_event *event = NULL;
    if (beside) {
        running = submit(endless);
        OK(qask_stream_next(running, -1, &event, &error));
    }
    qask_stream *stream = submit(request);
    usleep((useconds_t) (200000 + salt % 7 * 90000));
    double began = now();
    OK(qask_stream_cancel(stream, &error));
    OK(qask_stream_next(stream, -1, &event, &error));
    printf("%.3f ", (now() - began) * 1e3);
    if (qask_event_finish_reason(event) != QASK_FINISH_CANCELLED) fprintf(stderr, "not cancelled\n");
    qask_stream_free(stream);
    qask_stream_free(running);
    qask_request_free(request);
    qask_request_free(endless);
    free(text);
    usleep(300000);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: bench MODEL.gguf THREADS SEQUENCES UNIFIED\n");
        return 2;
    }
    double began = now();
    qask_engine_options *options = NULL;
    OK(qask_model_load(argv[1], NULL, NULL, &model, &error));
    OK(qask_engine_options_new(&options, &error));
    uint32_t sequences = (uint32_t) atoi(argv[3]);
    /* As raw.rs: room for 512 tokens a sequence and no reuse; with SEQUENCES 0 every default. */
    if (sequences > 0) {
        OK(qask_engine_options_set_n_ctx(options, 512, &error));
        OK(qask_engine_options_set_kv_tokens(options, 512 * sequences, &error));
        OK(qask_engine_options_set_max_sequences(options, sequences, &error));
        OK(qask_engine_options_set_prefix_cache(options, false, &error));
        OK(qask_engine_options_set_unified_kv(options, atoi(argv[4]) == 1, &error));
    }
    OK(qask_engine_options_set_threads(options, (uint32_t) atoi(argv[2]), &error));
    /* To see what adapting costs. */
    OK(qask_engine_options_set_adapt_threads(options, getenv("QASK_BENCH_FIXED") == NULL, &error));
    OK(qask_engine_new(model, options, &engine, &error));
    printf("ready %f\n", now() - began);
    fflush(stdout);
    char command[32];
    int streams, tokens;
    while (scanf("%31s %d %d", command, &streams, &tokens) == 3 && streams <= MOST) {
        if (strcmp(command, "time") == 0) printf("%f\n", many(streams, tokens, 0, 0));
        else if (strcmp(command, "sample") == 0) printf("%f\n", many(streams, tokens, 1, 0));
        else if (strcmp(command, "step") == 0) many(1, tokens, 1, 0), printf("%f\n", jobs[0].decode);
        else if (strcmp(command, "delay") == 0) delay(streams);
        else if (strcmp(command, "turn") == 0) turn();
        else if (strcmp(command, "cancel") == 0) {
            for (int i = 0; i < tokens; i++) cancel(streams > 1);
            printf("\n");
        } else if (strcmp(command, "tokens") == 0) {
            many(streams, tokens, 0, 1);
            for (int i = 0; i < streams; i++) {
                for (size_t t = 0; t < jobs[i].count; t++) printf("%d ", jobs[i].ids[t]);
                printf("\n");
            }
        } else {
            printf("unknown command\n");
        }
        fflush(stdout);
    }
    qask_engine_options_free(options);
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
