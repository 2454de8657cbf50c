/* embed MODEL.gguf QUERY TEXT...: how near each text is to the query in meaning. */
#include "example.h"

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: embed MODEL.gguf QUERY TEXT...\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_embedder *embedder = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_embedder_new(model, NULL, &embedder, &error), &error);

    const char *const *texts = (const char *const *) argv + 3;
    size_t count = (size_t) argc - 3, width = qask_embedder_dimensions(embedder);
    float *query = malloc(width * sizeof *query);
    float *vectors = malloc((count + 1) * width * sizeof *vectors);
    if (query == NULL || vectors == NULL) return 1;
    check(qask_embedder_embed(embedder, texts - 1, NULL, 1, QASK_PURPOSE_QUERY, NULL, query, width, &error), &error);
    check(qask_embedder_embed(embedder, texts, NULL, count, QASK_PURPOSE_DOCUMENT, NULL, vectors, count * width, &error),
          &error);
    for (size_t i = 0; i < count; i++) {
        /* The vectors have length 1, so this is the cosine of the angle between them. */
        float near = 0;
        for (size_t j = 0; j < width; j++) near += query[j] * vectors[i * width + j];
        printf("%.3f %s\n", (double) near, texts[i]);
    }
    free(query);
    free(vectors);
    qask_embedder_free(embedder);
    qask_model_free(model);
    return 0;
}
