/* tools MODEL.gguf: a call that is asked for by name comes as one event whose arguments keep to the schema; thoughts. */
#include "test.h"

static const char tool[] = "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":\"object\","
                           "\"properties\":{\"city\":{\"enum\":[\"Paris\",\"Oslo\"]}},\"required\":[\"city\"],"
                           "\"additionalProperties\":false}}}";

static qask_request *with_tool(void) {
    qask_request *request = ask("What is the weather in Paris?", 64);
    OK(qask_request_add_tool_json(request, tool, strlen(tool), &error));
    return request;
}

static void a_named_call(const qask_engine *engine) {
    qask_request *request = with_tool();
    OK(qask_request_set_tool_format(request, "hermes", &error));
    OK(qask_request_set_tool_choice_function(request, "get_weather", &error));
    OK(qask_request_set_parallel_tool_calls(request, false, &error));
    qask_stream *stream = submit(engine, request);
    const qask_event *event = NULL;
    int calls = 0;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        size_t length = 0;
        switch (qask_event_type(event)) {
        case QASK_EVENT_TOOL_CALL:
            calls++;
            CHECK(qask_event_tool_index(event) == 0);
            CHECK(strlen(qask_event_tool_id(event, NULL)) == 9);
            CHECK(strcmp(qask_event_tool_name(event, NULL), "get_weather") == 0);
            CHECK(strstr(qask_event_tool_arguments(event, &length), "\"city\"") != NULL && length > 0);
            break;
        case QASK_EVENT_DONE:
            CHECK(qask_event_finish_reason(event) == QASK_FINISH_TOOL_CALLS);
            CHECK(qask_event_reasoning_tokens(event) == 0);
            break;
        }
    }
    CHECK(calls == 1);
    qask_stream_free(stream);
    qask_request_free(request);
}

/* The whole answer as a message: its call is there, and the next request takes it as history. */
static void a_call_as_a_message(const qask_engine *engine) {
    qask_request *request = with_tool();
    OK(qask_request_set_tool_format(request, "hermes", &error));
    OK(qask_request_set_tool_choice_function(request, "get_weather", &error));
    OK(qask_request_set_parallel_tool_calls(request, false, &error));
    qask_string *message = NULL;
    const qask_event *done = NULL;
    qask_stream *stream = submit(engine, request);
    OK(qask_stream_collect_message(stream, &message, &done, &error));
    CHECK(qask_event_finish_reason(done) == QASK_FINISH_TOOL_CALLS);
    size_t length = 0;
    const char *json = qask_string_data(message, &length);
    CHECK(strstr(json, "\"role\":\"assistant\"") != NULL && strstr(json, "\"content\":\"\"") != NULL);
    CHECK(strstr(json, "\"tool_calls\":[{\"id\":\"") != NULL && strstr(json, "\"name\":\"get_weather\"") != NULL);
    OK(qask_request_add_message_json(request, json, length, &error));
    qask_string_free(message);
    qask_stream_free(stream);
    qask_request_free(request);
}

static void what_does_not_exist(const qask_engine *engine) {
    qask_stream *stream = NULL;
    qask_request *request = with_tool();
    OK(qask_request_set_tool_choice_function(request, "nobody", &error));
    FAILS(QASK_ERR_RANGE, qask_engine_submit(engine, request, NULL, &stream, &error));
    OK(qask_request_set_tool_choice(request, "auto", &error));
    OK(qask_request_set_tool_format(request, "no such format", &error));
    FAILS(QASK_ERR_RANGE, qask_engine_submit(engine, request, NULL, &stream, &error));
    qask_request_free(request);
}

/* This model's template knows no thoughts: what looks like one stays text, whatever the settings. */
static void thoughts(const qask_engine *engine) {
    for (int split = 0; split < 2; split++) {
        qask_request *request = ask("Hello", 16);
        const char lark[] = "start: \"<think>so</think>Yes.\"";
        OK(qask_request_set_lark(request, lark, strlen(lark), &error));
        OK(qask_request_set_split_reasoning(request, split == 1, &error));
        OK(qask_request_set_thinking(request, true, &error));
        OK(qask_request_set_reasoning_budget(request, 1000, &error));
        char text[256];
        qask_stream *stream = submit(engine, request);
        CHECK(drain(stream, text, sizeof text) == QASK_FINISH_STOP);
        CHECK(strcmp(text, "<think>so</think>Yes.") == 0);
        qask_stream_free(stream);
        qask_request_free(request);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model);
    a_named_call(engine);
    a_call_as_a_message(engine);
    what_does_not_exist(engine);
    thoughts(engine);
    qask_engine_free(engine);
    qask_model_free(model);
    return report("tools");
}
