/* A model calls a function of this program, gets its result and answers: tools MODEL [QUESTION] */
#include <qask.h>
#include <stdio.h>
#include <string.h>

static const char TOOL[] =
    "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"The weather in a city, now\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}";

/* The program's own function. A real one reads `arguments`, which is always a JSON object. */
static const char *get_weather(const char *arguments) {
    return strstr(arguments, "Paris") ? "21 degrees Celsius, clear sky" : "5 degrees Celsius, rain";
}

static int failed(qask_error *error) {
    fprintf(stderr, "%s\n", qask_error_message(error, NULL));
    qask_error_free(error);
    return 1;
}

static qask_status add_json(qask_request *request, const char *json, qask_error **error) {
    return qask_request_add_message_json(request, json, strlen(json), error);
}

/* Prints the text of an answer. A call is run, and put into the request with its result. */
static qask_status answer(qask_engine *engine, qask_request *request, qask_error **error) {
    char call[4096], result[4096];
    int called = 0;
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_status status = qask_engine_submit(engine, request, NULL, &stream, error);
    while (status == QASK_OK && (status = qask_stream_next(stream, -1, &event, error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) fputs(qask_event_text(event, NULL), stdout);
        if (qask_event_type(event) == QASK_EVENT_DONE && qask_event_error_message(event, NULL))
            fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
        if (qask_event_type(event) != QASK_EVENT_TOOL_CALL || called) continue;
        const char *id = qask_event_tool_id(event, NULL), *name = qask_event_tool_name(event, NULL);
        const char *arguments = qask_event_tool_arguments(event, NULL);
        printf("%s(%s)\n", name, arguments);
        called = snprintf(call, sizeof call,
                          "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"%s\",\"type\":\"function\","
                          "\"function\":{\"name\":\"%s\",\"arguments\":%s}}]}", id, name, arguments) < (int) sizeof call;
        snprintf(result, sizeof result, "{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":[{\"type\":\"text\","
                 "\"text\":\"%s\"}]}", id, get_weather(arguments));
    }
    qask_stream_free(stream);
    if (status == QASK_DONE) status = QASK_OK;
    if (status == QASK_OK && called) status = add_json(request, call, error);
    if (status == QASK_OK && called) status = add_json(request, result, error);
    return status;
}

int main(int argc, char **argv) {
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_error *error = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL [QUESTION]\n", argv[0]);
        return 2;
    }
    const char *question = argc > 2 ? argv[2] : "What is the weather in Paris?";
    if (qask_model_load(argv[1], NULL, NULL, &model, &error) != QASK_OK ||
        qask_engine_new(model, NULL, &engine, &error) != QASK_OK ||
        qask_request_new(&request, &error) != QASK_OK ||
        qask_request_add_tool_json(request, TOOL, strlen(TOOL), &error) != QASK_OK ||
        qask_request_set_max_tokens(request, 200, &error) != QASK_OK ||
        qask_request_set_temperature(request, 0, &error) != QASK_OK ||
        qask_request_set_parallel_tool_calls(request, false, &error) != QASK_OK ||
        /* "auto" leaves it to the model; so small a one is better told. */
        qask_request_set_tool_choice(request, "required", &error) != QASK_OK ||
        qask_request_add_message(request, "user", question, strlen(question), &error) != QASK_OK ||
        answer(engine, request, &error) != QASK_OK ||
        qask_request_set_tool_choice(request, "auto", &error) != QASK_OK ||
        answer(engine, request, &error) != QASK_OK)
        return failed(error);
    putchar('\n');
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
