/* Resting, and letting go of memory. */
#include <unistd.h>
#include "test.h"

static qask_stream *begin(const qask_engine *engine, uint32_t tokens) {
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    /* The same greedy text in every batch, as in tests/rest.rs. */
    char text[512] = "";
    for (int i = 1; i < 30; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "Line %d\n", i);
    OK(qask_request_new(&request, &error));
    OK(qask_request_set_prompt(request, text, strlen(text), false, &error));
    OK(qask_request_set_temperature(request, 0, &error));
    OK(qask_request_set_max_tokens(request, tokens, &error));
    OK(qask_engine_submit(engine, request, NULL, &stream, &error));
    qask_request_free(request);
    return stream;
}

static qask_string *rest(qask_stream *stream) {
    qask_string *text = NULL;
    OK(qask_stream_collect(stream, &text, NULL, &error));
    qask_stream_free(stream);
    return text;
}

static uint64_t steps(const qask_engine *engine) {
    qask_stats *stats = NULL;
    OK(qask_engine_stats(engine, &stats, &error));
    uint64_t steps = qask_stats_steps(stats);
    qask_stats_free(stats);
    return steps;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model);
    qask_string *expected = rest(begin(engine, 24));

    qask_stream *stream = begin(engine, 24);
    OK(qask_engine_pause(engine, -1, &error));
    uint64_t before = steps(engine);
    usleep(100000);
    CHECK(steps(engine) == before);
    const qask_event *event = NULL;
    qask_error *error = NULL;
    while (qask_stream_next(stream, 0, &event, &error) == QASK_OK) continue;
    CHECK(error == NULL);
    OK(qask_engine_trim(engine, QASK_TRIM_WEIGHTS, -1, &error));
    OK(qask_engine_resume(engine, &error));
    qask_string_free(rest(stream));

    for (int32_t level = QASK_TRIM_CACHE; level <= QASK_TRIM_WEIGHTS; level++) {
        OK(qask_engine_trim(engine, level, -1, &error));
        qask_string *text = rest(begin(engine, 24));
        CHECK(strcmp(qask_string_data(text, NULL), qask_string_data(expected, NULL)) == 0);
        qask_string_free(text);
    }
    FAILS(QASK_ERR_RANGE, qask_engine_trim(engine, 0, -1, &error));
    FAILS(QASK_ERR_RANGE, qask_engine_trim(engine, QASK_TRIM_WEIGHTS + 1, -1, &error));
    FAILS(QASK_ERR_RANGE, qask_engine_pause(engine, -2, &error));

    qask_string_free(expected);
    qask_engine_free(engine);
    qask_model_free(model);
    return report("rest");
}
