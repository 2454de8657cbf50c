/* What a stranger writes from the header alone: app MODEL.gguf PROMPT. */
#include <qask.h>
#include <stdio.h>
#include <string.h>

static int failed(qask_error *error) {
    fprintf(stderr, "app: %s\n", qask_error_message(error, NULL));
    qask_error_free(error);
    return 1;
}

int main(int argc, char **argv) {
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    qask_string *text = NULL;
    qask_error *error = NULL;
    if (argc != 3) return 2;
    if (qask_model_load(argv[1], NULL, NULL, &model, &error) != QASK_OK) return failed(error);
    if (qask_engine_new(model, NULL, &engine, &error) != QASK_OK) return failed(error);
    if (qask_request_new(&request, &error) != QASK_OK) return failed(error);
    if (qask_request_add_message(request, "user", argv[2], strlen(argv[2]), &error) != QASK_OK) return failed(error);
    if (qask_request_set_max_tokens(request, 24, &error) != QASK_OK) return failed(error);
    if (qask_request_set_temperature(request, 0, &error) != QASK_OK) return failed(error);
    if (qask_engine_submit(engine, request, NULL, &stream, &error) != QASK_OK) return failed(error);
    if (qask_stream_collect(stream, &text, NULL, &error) != QASK_OK) return failed(error);
    printf("%s\n", qask_string_data(text, NULL));
    qask_string_free(text);
    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return qask_live_handles() == 0 ? 0 : 3;
}
