/* inspect MODEL.gguf: what a model file says of itself, without loading it. */
#include "example.h"

static const char *or_dash(const char *text) { return text ? text : "-"; }

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: inspect MODEL.gguf\n");
        return 2;
    }
    qask_inspection *model = NULL;
    qask_error *error = NULL;
    check(qask_model_inspect(argv[1], &model, &error), &error);

    printf("architecture    %s\n", or_dash(qask_inspection_architecture(model, NULL)));
    printf("name            %s\n", or_dash(qask_inspection_name(model, NULL)));
    printf("quantization    %s\n", or_dash(qask_inspection_quantization(model, NULL)));
    printf("parameters      %llu\n", (unsigned long long) qask_inspection_parameters(model));
    printf("context length  %u\n", qask_inspection_context_length(model));
    printf("vocabulary      %u\n", qask_inspection_vocabulary_size(model));
    printf("chat template   %s\n", qask_inspection_chat_template(model, NULL) ? "true" : "false");
    printf("file size       %llu\n", (unsigned long long) qask_inspection_file_size(model));

    qask_inspection_free(model);
    return 0;
}
