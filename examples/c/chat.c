/* chat [--once] MODEL.gguf PROMPT: one answer, streamed as it is made, or at once when it is whole. */
#include "example.h"

static void report(const qask_event *done) {
    fprintf(stderr, "[%s: %u prompt tokens, %u new ones, first after %lld ms, then %.1f a second]\n",
            qask_event_finish_reason_name(done), qask_event_prompt_tokens(done), qask_event_output_tokens(done),
            (long long) qask_event_first_token_us(done) / 1000,
            qask_event_output_tokens(done) * 1e6 / (double) (qask_event_decode_us(done) + 1));
}

static qask_status stream_it(qask_stream *stream) {
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status, failed = QASK_OK;
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            fputs(qask_event_text(event, NULL), stdout);
            fflush(stdout);
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            printf("\n");
            failed = qask_event_error_code(event);
            if (failed == QASK_OK) report(event);
            else fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
        }
    }
    if (status != QASK_DONE) check(status, &error);
    return failed;
}

static void collect_it(qask_stream *stream) {
    const qask_event *done = NULL;
    qask_string *text = NULL;
    qask_error *error = NULL;
    check(qask_stream_collect(stream, &text, &done, &error), &error);
    printf("%s\n", qask_string_data(text, NULL));
    report(done);
    qask_string_free(text);
}

int main(int argc, char **argv) {
    int once = argc > 1 && strcmp(argv[1], "--once") == 0;
    argc -= once;
    argv += once;
    /* The prompt may come by environment, where no shell can misread it. */
    const char *prompt = argc > 2 ? argv[2] : getenv("PROMPT");
    if (argc < 2 || prompt == NULL) {
        fprintf(stderr, "usage: chat [--once] MODEL.gguf PROMPT\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    qask_error *error = NULL;

    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_message(request, "user", prompt, strlen(prompt), &error), &error);
    check(qask_request_set_max_tokens(request, 256, &error), &error);
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);

    qask_status failed = QASK_OK;
    if (once) collect_it(stream);
    else failed = stream_it(stream);

    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return failed == QASK_OK ? 0 : 1;
}
