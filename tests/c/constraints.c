/* Constrained answers through the header: every kind, errors with their place, and the answer as a value. */
#include "test.h"

#define TEXT(s) s, strlen(s)
static const char SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"colour\":{\"enum\":[\"red\",\"blue\"]},"
                             "\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}},"
                             "\"required\":[\"colour\",\"count\"],\"additionalProperties\":false}";

/* Generates under the request's constraint and has the library check the text against it. */
static void keeps(const qask_engine *engine, qask_request *request, const char *what) {
    qask_stream *stream = submit(engine, request);
    qask_string *text = NULL;
    const qask_event *done = NULL;
    OK(qask_stream_collect(stream, &text, &done, &error));
    bool accepted = false;
    OK(qask_request_accepts(request, qask_string_data(text, NULL), strlen(qask_string_data(text, NULL)), &accepted, &error));
    if (!accepted) fprintf(stderr, "%s: not kept\n", what);
    CHECK(accepted && qask_event_finish_reason(done) == QASK_FINISH_STOP);
    CHECK(qask_event_forced_tokens(done) <= qask_event_output_tokens(done));
    qask_string_free(text);
    qask_stream_free(stream);
}

static void every_kind(const qask_engine *engine) {
    qask_request *request = ask("Answer with one short value.", 200);
    OK(qask_request_set_json_schema(request, TEXT(SCHEMA), &error));
    keeps(engine, request, "schema");
    OK(qask_request_set_json_whitespace(request, true, &error));
    keeps(engine, request, "schema with whitespace");
    OK(qask_request_set_regex(request, TEXT("[a-z]{3}-[0-9]{2}"), &error));
    keeps(engine, request, "regex");
    OK(qask_request_add_choice(request, TEXT("yes"), &error));
    OK(qask_request_add_choice(request, TEXT("no"), &error));
    keeps(engine, request, "choice");
    OK(qask_request_set_grammar(request, TEXT("root ::= \"(\" [0-9] \")\" | \"[\" [a-z]{2} \"]\""), &error));
    keeps(engine, request, "grammar");
    OK(qask_request_set_lark(request, TEXT("start: \"<\" /[a-z]{1,5}/ \">\"\n"), &error));
    OK(qask_request_set_heal(request, true, &error));
    OK(qask_request_set_prompt(request, TEXT("An HTML tag: "), false, &error));
    keeps(engine, request, "lark, healed");
    qask_request_free(request);
}

static void what_is_accepted(void) {
    qask_request *request = NULL;
    bool accepted = false;
    OK(qask_request_new(&request, &error));
    OK(qask_request_accepts(request, TEXT("anything"), &accepted, &error));
    CHECK(accepted);
    OK(qask_request_set_json(request, true, &error));
    OK(qask_request_accepts(request, TEXT("{\"a\": [1]}"), &accepted, &error));
    CHECK(accepted);
    OK(qask_request_accepts(request, TEXT("[1]"), &accepted, &error));
    CHECK(!accepted);
    OK(qask_request_set_json(request, false, &error));
    OK(qask_request_accepts(request, TEXT("[1]"), &accepted, &error));
    CHECK(accepted);
    OK(qask_request_set_json_schema(request, TEXT("{\"not\":{}}"), &error));
    FAILS(QASK_ERR_GRAMMAR, qask_request_accepts(request, TEXT("1"), &accepted, &error));
    FAILS(QASK_ERR_JSON, qask_request_set_json_schema(request, TEXT("{"), &error));
    FAILS(QASK_ERR_RANGE, qask_request_add_choice(request, "", 0, &error));
    FAILS(QASK_ERR_RANGE, qask_request_add_constraint_trigger(request, "", 0, &error));
    qask_request_free(request);
}

static void values(const qask_engine *engine) {
    qask_request *request = ask("Name a colour and a number.", 100);
    qask_string *json = NULL;
    OK(qask_engine_ask_json(engine, request, TEXT(SCHEMA), NULL, &json, &error));
    CHECK(strncmp(qask_string_data(json, NULL), "{\"colour\":\"", 11) == 0);
    qask_string_free(json);
    json = NULL;
    FAILS(QASK_ERR_GRAMMAR, qask_engine_ask_json(engine, request, TEXT("{\"if\":{},\"then\":{}}"), NULL, &json, &error));
    OK(qask_request_set_max_tokens(request, 3, &error));
    FAILS(QASK_ERR_TOO_LONG, qask_engine_ask_json(engine, request, TEXT(SCHEMA), NULL, &json, &error));
    CHECK(json == NULL);
    qask_request_free(request);
    qask_chat *chat = NULL;
    OK(qask_chat_new(engine, NULL, &chat, &error));
    OK(qask_chat_ask_json(chat, TEXT("Name a colour and a number."), TEXT(SCHEMA), NULL, &json, &error));
    CHECK(json != NULL && qask_chat_count(chat) == 2);
    qask_string_free(json);
    qask_chat_free(chat);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model);
    what_is_accepted();
    every_kind(engine);
    values(engine);
    qask_engine_free(engine);
    qask_model_free(model);
    return report("constraints");
}
