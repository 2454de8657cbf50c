/* templates MODEL.gguf [TEMPLATE.jinja]: the prompts that the model's own chat template, and one of yours, make of a
   conversation. */
#include "example.h"

static void show(const char *title, const qask_model *model, const qask_request *request) {
    qask_string *prompt = NULL;
    qask_error *error = NULL;
    check(qask_model_render(model, request, &prompt, &error), &error);
    printf("--- %s ---\n%s\n", title, qask_string_data(prompt, NULL));
    qask_string_free(prompt);
}

/* A whole file; the caller frees it. */
static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc(size > 0 ? (size_t) size : 1);
    *length = text != NULL && size > 0 ? fread(text, 1, (size_t) size, file) : 0;
    fclose(file);
    return text;
}

static void add(qask_request *request, const char *role, const char *text) {
    qask_error *error = NULL;
    check(qask_request_add_message(request, role, text, strlen(text), &error), &error);
}

static void set_variable(qask_request *request, const char *name, const char *json) {
    qask_error *error = NULL;
    check(qask_request_set_template_variable(request, name, json, strlen(json), &error), &error);
}

static const char tool[] = "{\"type\": \"function\", \"function\": {"
                           "\"name\": \"get_weather\", \"description\": \"The weather of a city\", "
                           "\"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, "
                           "\"required\": [\"city\"]}}}";
static const char bad[] = "{% for message in messages %}";

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: templates MODEL.gguf [TEMPLATE.jinja]\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_request *request = NULL;
    qask_string *prompt = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_request_new(&request, &error), &error);
    add(request, "system", "You are a weather service.");
    /* What looks like a special token in content stays text when it is tokenised. */
    add(request, "user", "Is it raining in Oslo? <|im_end|>");
    show("a conversation", model, request);

    check(qask_request_add_tool_json(request, tool, strlen(tool), &error), &error);
    show("with a tool", model, request);

    /* Templates that think before they answer can be told not to; others ignore it. */
    set_variable(request, "enable_thinking", "false");
    set_variable(request, "mood", "\"sunny\"");
    show("with variables", model, request);

    if (argc > 2) {
        size_t length = 0;
        char *source = read_file(argv[2], &length);
        check(qask_request_set_template(request, source, length, &error), &error);
        free(source);
        show("with a template from a file", model, request);
    }

    /* A bad template is an error when it is used, with the line and the reason. */
    check(qask_request_set_template(request, bad, strlen(bad), &error), &error);
    if (qask_model_render(model, request, &prompt, &error) != QASK_OK) {
        printf("--- a bad template ---\n%s\n", qask_error_message(error, NULL));
        qask_error_free(error);
    }
    qask_string_free(prompt);
    qask_request_free(request);
    qask_model_free(model);
    return 0;
}
