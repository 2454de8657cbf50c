/* A library with test hooks: a caught fault, a caught panic, and every code as an error. */
#include "qask_test.h"
#include "test.h"

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    FAILS(QASK_ERR_PANIC, qask_test_panic(&error));
    static const qask_status codes[] = {100, 101, 102, 103, 104, 105, 106, 107, 200, 201, 202, 203, 204, 300, 301, 302,
                                        303, 304, 305, 306, 400, 401, 402, 403, 404, 900, 901, 902, 903};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        FAILS(codes[i], qask_test_fail(codes[i], &error));
        CHECK(strncmp(qask_status_name(codes[i]), "QASK_ERR_", 9) == 0);
    }
    CHECK(strcmp(qask_status_name(12345), "QASK_UNKNOWN") == 0);

    qask_model *model = load(argv[1]);
    qask_engine *broken = start(model), *fine = start(model);
    qask_request *request = ask("Count from one to a thousand.", 1000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *victim = submit(broken, request), *other = submit(fine, request);
    const qask_event *event = NULL;
    OK(qask_stream_next(victim, -1, &event, &error));
    OK(qask_test_provoke_fault(broken, &error));
    /* The victim ends with a DONE event that tells what llama.cpp said, without a path of the build machine. */
    qask_status status, code = QASK_OK;
    char message[1024] = "";
    while ((status = qask_stream_next(victim, -1, &event, NULL)) == QASK_OK)
        if (qask_event_type(event) == QASK_EVENT_DONE) {
            code = qask_event_error_code(event);
            snprintf(message, sizeof message, "%s", qask_event_error_message(event, NULL));
        }
    CHECK(status == QASK_DONE);
    CHECK(code == QASK_ERR_ENGINE_FAULT);
    CHECK(strstr(message, "n_batch") != NULL && strchr(message, '/') == NULL);
    qask_stream *stream = NULL;
    FAILS(QASK_ERR_ENGINE_FAULT, qask_engine_submit(broken, request, NULL, &stream, &error));
    /* The other engine goes on, and a third one on the same model starts. */
    OK(qask_stream_next(other, -1, &event, &error));
    OK(qask_stream_cancel(other, &error));
    CHECK(drain(other, NULL, 0) == QASK_FINISH_CANCELLED);
    qask_engine *third = start(model);
    OK(qask_request_set_max_tokens(request, 5, &error));
    stream = submit(third, request);
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_LENGTH);
    qask_model *again = load(argv[1]);
    qask_stream_free(victim);
    qask_stream_free(other);
    qask_stream_free(stream);
    qask_engine_free(broken);
    qask_engine_free(fine);
    qask_engine_free(third);
    qask_request_free(request);
    qask_model_free(model);
    qask_model_free(again);
    return report("faults");
}
