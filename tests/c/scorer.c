/* scorer MODEL.gguf: choices, per-token numbers, perplexity, cancel and deadline, closing. */
#include <math.h>
#include <pthread.h>
#include <unistd.h>
#include "test.h"

static const char *PROMPT = "The capital of France is";
static const char *CHOICES[] = {" Paris", " a large cheese", " Berlin"};

static qask_scores *score(const qask_scorer *scorer, const char *const *choices, size_t count) {
    qask_scores *scores = NULL;
    OK(qask_scorer_score(scorer, PROMPT, strlen(PROMPT), choices, NULL, count, NULL, -1, &scores, &error));
    CHECK(qask_scores_count(scores) == count);
    return scores;
}

static void choices(const qask_scorer *scorer) {
    qask_scores *scores = score(scorer, CHOICES, 3);
    const int32_t all[] = {QASK_NORMALIZE_NONE, QASK_NORMALIZE_TOKENS, QASK_NORMALIZE_BYTES};
    for (int i = 0; i < 3; i++) CHECK(qask_scores_likeliest(scores, all[i]) == 0);
    CHECK(qask_scores_likeliest(scores, 3) == SIZE_MAX && isnan(qask_scores_log_probability(scores, 0, 3)));
    CHECK(isnan(qask_scores_log_probability(scores, 3, QASK_NORMALIZE_NONE)));
    CHECK(qask_scores_tokens(scores, 3, NULL) == NULL);
    for (size_t i = 0; i < 3; i++) {
        size_t count = 0, tokens = 0;
        const float *each = qask_scores_log_probabilities(scores, i, &count);
        CHECK(qask_scores_tokens(scores, i, &tokens) && tokens == count && count > 0);
        double sum = 0;
        for (size_t j = 0; j < count; j++) sum += (double) each[j];
        CHECK(fabs(sum - qask_scores_log_probability(scores, i, QASK_NORMALIZE_NONE)) < 1e-6);
        CHECK(fabs(sum / (double) count - qask_scores_log_probability(scores, i, QASK_NORMALIZE_TOKENS)) < 1e-6);
        CHECK(fabs(sum / (double) strlen(CHOICES[i]) - qask_scores_log_probability(scores, i, QASK_NORMALIZE_BYTES)) < 1e-6);
        /* By itself, and with a length, the same. */
        qask_scores *alone = score(scorer, CHOICES + i, 1);
        CHECK(fabs(qask_scores_log_probability(alone, 0, QASK_NORMALIZE_NONE) - sum) < 0.5);
        qask_scores_free(alone);
    }
    const size_t lengths[] = {2, 2, 2};
    qask_scores *cut = NULL;
    OK(qask_scorer_score(scorer, PROMPT, strlen(PROMPT), CHOICES, lengths, 2, NULL, -1, &cut, &error));
    size_t count = 0;
    CHECK(qask_scores_tokens(cut, 1, &count) && count == 1);
    qask_scores_free(cut);
    qask_scores_free(scores);
}

static void wrong(const qask_scorer *scorer) {
    qask_scores *scores = NULL;
    double perplexity = 0;
    const char *empty[] = {"x", ""};
    FAILS(QASK_ERR_RANGE, qask_scorer_score(scorer, "a", 1, empty, NULL, 2, NULL, -1, &scores, &error));
    FAILS(QASK_ERR_RANGE, qask_scorer_score(scorer, NULL, 0, CHOICES, NULL, 1, NULL, -1, &scores, &error));
    FAILS(QASK_ERR_RANGE, qask_scorer_score(scorer, "a", 1, CHOICES, NULL, 1, NULL, 0, &scores, &error));
    FAILS(QASK_ERR_RANGE, qask_scorer_perplexity(scorer, "x", 1, 0, 0, 0, 0, NULL, -1, &perplexity, NULL, NULL, &error));
    FAILS(QASK_ERR_RANGE, qask_scorer_perplexity(scorer, PROMPT, strlen(PROMPT), 1, 0, 0, 0, NULL, -1, &perplexity, NULL,
                                                 NULL, &error));
    CHECK(scores == NULL && perplexity == 0);
}

static void *raise_soon(void *cancel) {
    usleep(100 * 1000);
    OK(qask_cancel_raise(cancel, &error));
    return NULL;
}

static void texts(const qask_scorer *scorer) {
    double perplexity = 0, standard_error = 0;
    uint64_t tokens = 0;
    OK(qask_scorer_perplexity(scorer, PROMPT, strlen(PROMPT), 0, 0, 0, 0, NULL, -1, &perplexity, &standard_error, &tokens,
                              &error));
    CHECK(perplexity > 1 && standard_error > 0 && tokens == 4);
    size_t length = 200000;
    char *text = malloc(length);
    for (size_t i = 0; i < length; i++) text[i] = "word "[i % 5];
    OK(qask_scorer_perplexity(scorer, text, length, 64, 64, 33, 2, NULL, -1, &perplexity, NULL, &tokens, &error));
    CHECK(tokens == 62);
    qask_cancel *cancel = NULL;
    pthread_t other;
    OK(qask_cancel_new(&cancel, &error));
    pthread_create(&other, NULL, raise_soon, cancel);
    double start = now_ms();
    FAILS(QASK_ERR_CANCELLED,
          qask_scorer_perplexity(scorer, text, length, 0, 0, 0, 0, cancel, -1, &perplexity, NULL, NULL, &error));
    pthread_join(other, NULL);
    FAILS(QASK_ERR_DEADLINE,
          qask_scorer_perplexity(scorer, text, length, 0, 0, 0, 0, NULL, 100, &perplexity, NULL, NULL, &error));
    CHECK(now_ms() - start < 5000);
    qask_cancel_free(cancel);
    free(text);
}

static void *score_once(void *scorer) {
    qask_status status = QASK_OK;
    while (status == QASK_OK) {
        qask_scores *scores = NULL;
        status = qask_scorer_score(scorer, PROMPT, strlen(PROMPT), CHOICES, NULL, 3, NULL, -1, &scores, NULL);
        qask_scores_free(scores);
    }
    CHECK(status == QASK_ERR_CLOSED);
    return NULL;
}

/* Small in every way; four threads score until it is closed. */
static void closed(const qask_model *model) {
    qask_scorer_options *options = NULL;
    qask_scorer *scorer = NULL, *second = NULL;
    pthread_t threads[4];
    OK(qask_scorer_options_new(&options, &error));
    OK(qask_scorer_options_set_max_tokens(options, 64, &error));
    OK(qask_scorer_options_set_batch_tokens(options, 16, &error));
    OK(qask_scorer_options_set_max_sequences(options, 2, &error));
    OK(qask_scorer_options_set_threads(options, 1, &error));
    OK(qask_scorer_options_set_adapt_threads(options, false, &error));
    OK(qask_scorer_options_set_special_tokens(options, true, &error));
    OK(qask_scorer_new(model, options, &scorer, &error));
    CHECK(qask_scorer_max_tokens(scorer) == 64);
    const char *special[] = {"<|im_end|>"};
    qask_scores *scores = score(scorer, special, 1);
    size_t count = 0;
    CHECK(qask_scores_tokens(scores, 0, &count) && count == 1);
    qask_scores_free(scores);
    OK(qask_scorer_options_set_max_sequences(options, 1, &error));
    FAILS(QASK_ERR_RANGE, qask_scorer_new(model, options, &second, &error));
    qask_scorer_options_free(options);
    OK(qask_scorer_retain(scorer, &second, &error));
    qask_scorer_free(scorer);
    for (int i = 0; i < 4; i++) pthread_create(threads + i, NULL, score_once, second);
    usleep(50 * 1000);
    OK(qask_scorer_close(second, 10000, &error));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    qask_scorer_free(second);
}

/* A model that chats, asked for yes or no. */
static void judged(const qask_model *model) {
    qask_embedder_options *options = NULL;
    qask_embedder *embedder = NULL;
    const char *documents[] = {"Paris is the capital of France.", "Cheese is made of milk."};
    float scores[2] = {-1, -1};
    OK(qask_embedder_options_new(&options, &error));
    OK(qask_embedder_options_set_pooling(options, QASK_POOLING_RANK, &error));
    OK(qask_embedder_options_set_instruction(options, "Judge the relevance", 19, &error));
    OK(qask_embedder_new(model, options, &embedder, &error));
    qask_embedder_options_free(options);
    CHECK(qask_embedder_pooling(embedder) == QASK_POOLING_RANK);
    OK(qask_embedder_rerank(embedder, "What is the capital of France?", 30, documents, NULL, 2, NULL, scores, 2, &error));
    for (int i = 0; i < 2; i++) CHECK(scores[i] > 0 && scores[i] < 1);
    CHECK(scores[0] != scores[1]);
    qask_embedder_free(embedder);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_scorer *scorer = NULL;
    OK(qask_scorer_new(model, NULL, &scorer, &error));
    choices(scorer);
    wrong(scorer);
    texts(scorer);
    closed(model);
    judged(model);
    qask_scorer_free(scorer);
    qask_model_free(model);
    return report("scorer");
}
