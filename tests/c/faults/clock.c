/* clock MODEL.gguf: the clock of the day jumps ten days forth and back with every look at it, and nothing that waits
 * notices. Linked with shim.c. */
#include "shim.h"
#include "../test.h"

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    shim_arm("clock", 1, 0, 0);
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model);
    const qask_event *event = NULL;

    /* An hour is not over, and the answer is whole. */
    qask_request *request = ask("Say hello.", 16);
    OK(qask_request_set_deadline_ms(request, 3600000, &error));
    qask_stream *stream = submit(engine, request);
    int32_t reason = drain(stream, NULL, 0);
    CHECK(reason == QASK_FINISH_STOP || reason == QASK_FINISH_LENGTH);
    qask_stream_free(stream);

    /* Half a second is over some time, and not at once. */
    OK(qask_request_set_max_tokens(request, 100000, &error));
    OK(qask_request_set_ignore_eos(request, true, &error));
    OK(qask_request_set_deadline_ms(request, 500, &error));
    double began = now_ms();
    stream = submit(engine, request);
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_DEADLINE);
    CHECK(now_ms() - began > 450);
    qask_stream_free(stream);

    /* Nor does a reader wait for less, or for ever. */
    OK(qask_engine_pause(engine, -1, &error));
    OK(qask_request_set_deadline_ms(request, 3600000, &error));
    stream = submit(engine, request);
    began = now_ms();
    CHECK(qask_stream_next(stream, 200, &event, NULL) == QASK_TIMEOUT);
    CHECK(now_ms() - began > 190);
    OK(qask_engine_resume(engine, &error));
    OK(qask_stream_next(stream, -1, &event, &error));
    qask_stream_free(stream);
    qask_request_free(request);
    OK(qask_engine_close(engine, -1, &error));
    qask_engine_free(engine);
    qask_model_free(model);
    shim_disarm();
    return report("clock");
}
