/* How likely a model finds answers to a question, and its own question: score [MODEL] */
#include "example.h"

int main(int argc, char **argv) {
    const char *question = "The capital of France is";
    const char *answers[] = {" Paris", " Berlin", " cheese"};
    qask_model *model = NULL;
    qask_scorer *scorer = NULL;
    qask_scores *scores = NULL;
    qask_error *error = NULL;
    double perplexity = 0;
    check(qask_model_load(argc > 1 ? argv[1] : "model.gguf", NULL, NULL, &model, &error), &error);
    check(qask_scorer_new(model, NULL, &scorer, &error), &error);
    check(qask_scorer_score(scorer, question, strlen(question), answers, NULL, 3, NULL, -1, &scores, &error), &error);
    for (size_t i = 0; i < 3; i++)
        printf("%8.3f %s\n", qask_scores_log_probability(scores, i, QASK_NORMALIZE_TOKENS), answers[i]);
    size_t best = qask_scores_likeliest(scores, QASK_NORMALIZE_TOKENS);
    if (best < 3) printf("%s%s\n", question, answers[best]);
    check(qask_scorer_perplexity(scorer, question, strlen(question), 0, 0, 0, 0, NULL, -1, &perplexity, NULL, NULL, &error),
          &error);
    printf("perplexity of the question: %.1f\n", perplexity);
    qask_scores_free(scores);
    qask_scorer_free(scorer);
    qask_model_free(model);
    return 0;
}
