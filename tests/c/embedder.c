/* embedder MODEL.gguf EMBEDDING_MODEL.gguf: vectors in the caller's memory, and everything that can be wrong with it. */
#include <math.h>
#include <pthread.h>
#include <unistd.h>
#include "test.h"

enum { WIDTH = 384 };
static const char *texts[] = {"A cat sits on the mat.", "一只猫坐在垫子上。", "Rates went up."};

static void vectors(const qask_embedder *embedder) {
    static float all[3 * WIDTH + 1], one[WIDTH];
    CHECK(qask_embedder_dimensions(embedder) == WIDTH);
    CHECK(qask_embedder_pooling(embedder) == QASK_POOLING_MEAN);
    all[3 * WIDTH] = 42;
    OK(qask_embedder_embed(embedder, texts, NULL, 3, QASK_PURPOSE_PLAIN, NULL, all, 3 * WIDTH, &error));
    CHECK(all[3 * WIDTH] == 42);
    for (int t = 0; t < 3; t++) {
        double length = 0;
        size_t bytes = strlen(texts[t]);
        OK(qask_embedder_embed(embedder, texts + t, &bytes, 1, QASK_PURPOSE_PLAIN, NULL, one, WIDTH, &error));
        for (int i = 0; i < WIDTH; i++) {
            length += (double) one[i] * one[i];
            CHECK(fabs((double) one[i] - all[t * WIDTH + i]) < 1e-4);
        }
        CHECK(fabs(length - 1) < 1e-4);
    }
    /* Nothing in, nothing out. */
    OK(qask_embedder_embed(embedder, NULL, NULL, 0, QASK_PURPOSE_PLAIN, NULL, one, 0, &error));
}

static void wrong(const qask_embedder *embedder) {
    static float out[WIDTH];
    const char *bad[] = {"\xff\xfe"};
    const char *null[] = {NULL};
    size_t huge[] = {SIZE_MAX};
    out[0] = 42;
    FAILS(QASK_ERR_RANGE,
          qask_embedder_embed(embedder, texts, NULL, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH - 1, &error));
    FAILS(QASK_ERR_UTF8, qask_embedder_embed(embedder, bad, NULL, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &error));
    FAILS(QASK_ERR_NULL, qask_embedder_embed(embedder, null, NULL, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &error));
    FAILS(QASK_ERR_RANGE, qask_embedder_embed(embedder, texts, huge, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &error));
    FAILS(QASK_ERR_RANGE, qask_embedder_embed(embedder, texts, NULL, 1, 3, NULL, out, WIDTH, &error));
    FAILS(QASK_ERR_UNSUPPORTED, qask_embedder_rerank(embedder, "x", 1, texts, NULL, 1, NULL, out, WIDTH, &error));
    size_t count = 7;
    FAILS(QASK_ERR_UNSUPPORTED,
          qask_embedder_embed_tokens(embedder, "x", 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &count, &error));
    CHECK(count == 7 && out[0] == 42);
}

static void tokens(const qask_model *model) {
    qask_embedder_options *options = NULL;
    qask_embedder *embedder = NULL;
    static float out[16 * WIDTH];
    size_t count = 0;
    OK(qask_embedder_options_new(&options, &error));
    OK(qask_embedder_options_set_pooling(options, QASK_POOLING_NONE, &error));
    OK(qask_embedder_new(model, options, &embedder, &error));
    qask_embedder_options_free(options);
    FAILS(QASK_ERR_RANGE,
          qask_embedder_embed_tokens(embedder, "a cat", 5, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &count, &error));
    CHECK(count == 4);
    OK(qask_embedder_embed_tokens(embedder, "a cat", 5, QASK_PURPOSE_PLAIN, NULL, out, 16 * WIDTH, &count, &error));
    CHECK(count == 4 && out[4 * WIDTH - 1] != 0 && out[4 * WIDTH] == 0);
    size_t counted = 0;
    OK(qask_embedder_count_tokens(embedder, "a cat", 5, QASK_PURPOSE_PLAIN, &counted, &error));
    CHECK(counted == count);
    qask_embedder_free(embedder);
}

static void settings(const qask_model *model) {
    qask_embedder_options *options = NULL;
    qask_embedder *embedder = NULL;
    static float as[3][64];
    const char *text[] = {"a long text that has more tokens than eight, so that its end is cut away and is not seen"};
    const char *longer[] = {"a long text that has more tokens than eight, and another end"};
    OK(qask_embedder_options_new(&options, &error));
    OK(qask_embedder_options_set_normalize(options, false, &error));
    OK(qask_embedder_options_set_dimensions(options, 64, &error));
    OK(qask_embedder_options_set_max_tokens(options, 8, &error));
    OK(qask_embedder_options_set_truncation(options, QASK_TRUNCATE_END, &error));
    OK(qask_embedder_options_set_batch_tokens(options, 64, &error));
    OK(qask_embedder_options_set_max_sequences(options, 2, &error));
    OK(qask_embedder_options_set_query_prefix(options, "query: ", 7, &error));
    OK(qask_embedder_options_set_document_prefix(options, "passage: ", 9, &error));
    OK(qask_embedder_options_set_threads(options, 1, &error));
    OK(qask_embedder_options_set_adapt_threads(options, false, &error));
    OK(qask_embedder_new(model, options, &embedder, &error));
    qask_embedder_options_free(options);
    CHECK(qask_embedder_dimensions(embedder) == 64 && qask_embedder_max_tokens(embedder) == 8);
    const int32_t purposes[] = {QASK_PURPOSE_PLAIN, QASK_PURPOSE_QUERY, QASK_PURPOSE_DOCUMENT};
    for (int i = 0; i < 3; i++) OK(qask_embedder_embed(embedder, text, NULL, 1, purposes[i], NULL, as[i], 64, &error));
    double length = 0;
    for (int i = 0; i < 64; i++) length += (double) as[0][i] * as[0][i];
    CHECK(fabs(length - 1) > 0.01);
    CHECK(memcmp(as[0], as[1], sizeof as[0]) != 0 && memcmp(as[1], as[2], sizeof as[0]) != 0);
    OK(qask_embedder_embed(embedder, longer, NULL, 1, QASK_PURPOSE_PLAIN, NULL, as[1], 64, &error));
    for (int i = 0; i < 64; i++) CHECK(fabs((double) as[0][i] - as[1][i]) < 1e-4);
    qask_embedder_free(embedder);
}

static void *raise_soon(void *cancel) {
    usleep(100 * 1000);
    OK(qask_cancel_raise(cancel, &error));
    return NULL;
}

/* Many texts, cancelled on the way: back at once, nothing written, and the next call works. */
static void cancelled(const qask_embedder *embedder) {
    enum { MANY = 5000 };
    static const char *many[MANY];
    float *out = calloc(MANY, WIDTH * sizeof *out);
    qask_cancel *cancel = NULL;
    pthread_t other;
    for (int i = 0; i < MANY; i++) many[i] = texts[i % 3];
    OK(qask_cancel_new(&cancel, &error));
    pthread_create(&other, NULL, raise_soon, cancel);
    double start = now_ms();
    FAILS(QASK_ERR_CANCELLED, qask_embedder_embed(embedder, many, NULL, MANY, QASK_PURPOSE_PLAIN, cancel, out,
                                                  MANY * WIDTH, &error));
    CHECK(now_ms() - start < 2000);
    CHECK(out[0] == 0);
    pthread_join(other, NULL);
    OK(qask_embedder_embed(embedder, texts, NULL, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, &error));
    CHECK(out[0] != 0);
    qask_cancel_free(cancel);
    free(out);
}

static void *embed_once(void *embedder) {
    float out[WIDTH];
    qask_status status = QASK_OK;
    while (status == QASK_OK)
        status = qask_embedder_embed(embedder, texts, NULL, 1, QASK_PURPOSE_PLAIN, NULL, out, WIDTH, NULL);
    CHECK(status == QASK_ERR_CLOSED);
    return NULL;
}

static void closed(const qask_model *model) {
    qask_embedder *embedder = NULL, *second = NULL;
    pthread_t threads[4];
    OK(qask_embedder_new(model, NULL, &embedder, &error));
    OK(qask_embedder_retain(embedder, &second, &error));
    qask_embedder_free(embedder);
    for (int i = 0; i < 4; i++) pthread_create(threads + i, NULL, embed_once, second);
    usleep(50 * 1000);
    OK(qask_embedder_close(second, 10000, &error));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    qask_embedder_free(second);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    qask_model *chat = load(argv[1]), *model = load(argv[2]);
    qask_embedder *embedder = NULL;
    qask_engine *engine = NULL;
    FAILS(QASK_ERR_UNSUPPORTED, qask_embedder_new(chat, NULL, &embedder, &error));
    FAILS(QASK_ERR_UNSUPPORTED, qask_engine_new(model, NULL, &engine, &error));
    OK(qask_embedder_new(model, NULL, &embedder, &error));
    vectors(embedder);
    wrong(embedder);
    tokens(model);
    settings(model);
    cancelled(embedder);
    closed(model);
    qask_embedder_free(embedder);
    qask_model_free(model);
    qask_model_free(chat);
    return report("embedder");
}
