/* A model calls a function of this program, gets its result and answers: tools MODEL [QUESTION] */
#include "example.h"

static const char TOOL[] =
    "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"The weather in a city, now\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}";

/* The program's own function. A real one reads the arguments, which are always a JSON object. */
static const char *get_weather(const char *arguments) {
    return strstr(arguments, "Paris") ? "21 degrees Celsius, clear sky" : "5 degrees Celsius, rain";
}

/* Prints an answer. A call is run, and put into the request together with its result. */
static void answer(qask_engine *engine, qask_request *request) {
    static char call[4096], result[4096];
    int called = 0;
    qask_error *error = NULL;
    qask_stream *stream = NULL;
    const qask_event *event = NULL;

    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) fputs(qask_event_text(event, NULL), stdout);
        if (qask_event_type(event) == QASK_EVENT_DONE && qask_event_error_message(event, NULL))
            fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
        if (qask_event_type(event) != QASK_EVENT_TOOL_CALL) continue;
        const char *id = qask_event_tool_id(event, NULL);
        const char *name = qask_event_tool_name(event, NULL);
        const char *arguments = qask_event_tool_arguments(event, NULL);
        printf("%s(%s)\n", name, arguments);
        if (strlen(arguments) > 2048) continue;
        called = 1;
        sprintf(call, "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"%s\",\"type\":\"function\","
                      "\"function\":{\"name\":\"%s\",\"arguments\":%s}}]}", id, name, arguments);
        sprintf(result, "{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":\"%s\"}", id, get_weather(arguments));
    }
    qask_stream_free(stream);
    if (!called) return;
    check(qask_request_add_message_json(request, call, strlen(call), &error), &error);
    check(qask_request_add_message_json(request, result, strlen(result), &error), &error);
}

int main(int argc, char **argv) {
    qask_error *error = NULL;
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL [QUESTION]\n", argv[0]);
        return 2;
    }
    const char *question = argc > 2 ? argv[2] : "What is the weather in Paris?";
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_tool_json(request, TOOL, strlen(TOOL), &error), &error);
    check(qask_request_set_max_tokens(request, 200, &error), &error);
    check(qask_request_set_temperature(request, 0, &error), &error);
    check(qask_request_set_parallel_tool_calls(request, false, &error), &error);
    check(qask_request_add_message(request, "user", question, strlen(question), &error), &error);

    /* "auto" leaves it to the model; so small a one is better told. */
    check(qask_request_set_tool_choice(request, "required", &error), &error);
    answer(engine, request);
    check(qask_request_set_tool_choice(request, "auto", &error), &error);
    answer(engine, request);
    putchar('\n');

    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
