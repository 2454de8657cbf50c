/* chat MODEL.gguf "prompt": one answer, streamed. */
#include <qask.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(qask_status status, qask_error *error) {
    if (status == QASK_OK) return;
    fprintf(stderr, "%s: %s\n", qask_status_name(status), qask_error_message(error, NULL));
    qask_error_free(error);
    exit(1);
}

int main(int argc, char **argv) {
    /* The prompt may come by environment, where no shell can misread it. */
    const char *prompt = argc > 2 ? argv[2] : getenv("PROMPT");
    if (argc < 2 || prompt == NULL) {
        fprintf(stderr, "usage: chat MODEL.gguf PROMPT\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_error *error = NULL;

    check(qask_model_load(argv[1], NULL, NULL, &model, &error), error);
    check(qask_engine_new(model, NULL, &engine, &error), error);
    check(qask_request_new(&request, &error), error);
    check(qask_request_add_message(request, "user", prompt, strlen(prompt), &error), error);
    check(qask_request_set_max_tokens(request, 256, &error), error);
    check(qask_engine_submit(engine, request, NULL, &stream, &error), error);

    qask_status status, failed = QASK_OK;
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            fputs(qask_event_text(event, NULL), stdout);
            fflush(stdout);
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            failed = qask_event_error_code(event);
            if (failed != QASK_OK) fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
            printf("\n");
            fprintf(stderr, "[%s: %u prompt tokens, %u new ones, first after %lld ms, then %.1f a second]\n",
                    qask_event_finish_reason_name(event), qask_event_prompt_tokens(event),
                    qask_event_output_tokens(event), (long long) qask_event_first_token_us(event) / 1000,
                    qask_event_output_tokens(event) * 1e6 / (double) (qask_event_decode_us(event) + 1));
        }
    }
    if (status != QASK_DONE) check(status, error);

    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return failed == QASK_OK ? 0 : 1;
}
