/* templates MODEL.gguf: the prompt that a conversation becomes, by the model's own chat template and by one of yours;
 * and what a bad template gives. */
#include "example.h"

static const char own[] = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] ";
static const char bad[] = "{% for m in messages %}{{ m.content";

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: templates MODEL.gguf\n");
        return 2;
    }
    const char *question = "What is the capital of France?";
    qask_model *model = NULL;
    qask_request *request = NULL;
    qask_string *prompt = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_message(request, "system", "You are brief.", 14, &error), &error);
    check(qask_request_add_message(request, "user", question, strlen(question), &error), &error);

    check(qask_model_render(model, request, &prompt, &error), &error);
    printf("%s\n\n", qask_string_data(prompt, NULL));
    qask_string_free(prompt);

    check(qask_request_set_template(request, own, sizeof own - 1, &error), &error);
    check(qask_model_render(model, request, &prompt, &error), &error);
    printf("%s\n\n", qask_string_data(prompt, NULL));
    qask_string_free(prompt);

    /* A bad one is an error when it is used. */
    check(qask_request_set_template(request, bad, sizeof bad - 1, &error), &error);
    qask_status status = qask_model_render(model, request, &prompt, &error);
    printf("%s: %s\n", qask_status_name(status), qask_error_message(error, NULL));
    qask_error_free(error);

    qask_request_free(request);
    qask_model_free(model);
    return 0;
}
