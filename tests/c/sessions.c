/* Sessions on disk: a chat that goes on in another engine, a prefix, files that are not theirs, and the prefix cache
 * directory. */
#include <unistd.h>
#include "test.h"

static char folder[] = "/tmp/qask-sessions-XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static int next = 0;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static qask_request *settings(void) {
    qask_request *request = NULL;
    OK(qask_request_new(&request, &error));
    OK(qask_request_add_message(request, "system", "You are brief.", 14, &error));
    OK(qask_request_set_max_tokens(request, 8, &error));
    OK(qask_request_set_temperature(request, 0, &error));
    return request;
}

static qask_chat *new_chat(const qask_engine *engine) {
    qask_request *request = settings();
    qask_chat *chat = NULL;
    OK(qask_chat_new(engine, request, &chat, &error));
    qask_request_free(request);
    return chat;
}

/* Says something; gives the answer, and how many tokens were there already. */
static qask_string *say(qask_chat *chat, const char *text, uint32_t *cached) {
    qask_stream *stream = NULL;
    qask_string *answer = NULL;
    const qask_event *done = NULL;
    OK(qask_chat_send(chat, text, strlen(text), NULL, &stream, &error));
    OK(qask_stream_collect(stream, &answer, &done, &error));
    *cached = qask_event_cached_tokens(done);
    qask_stream_free(stream);
    return answer;
}

static void chats(const qask_model *model, const qask_engine *engine) {
    qask_chat *chat = new_chat(engine);
    qask_save_options *compressed = NULL;
    OK(qask_save_options_new(&compressed, &error));
    OK(qask_save_options_set_compress(compressed, true, &error));
    uint32_t cached = 0, again = 0;
    uint64_t tokens = 0, bytes = 0, smaller = 0, restored = 0;
    qask_string_free(say(chat, "Hello! 你好 🎉", &cached));
    OK(qask_chat_save(chat, in_folder("chat"), NULL, NULL, &tokens, &bytes, &error));
    OK(qask_chat_save(chat, in_folder("small"), compressed, NULL, NULL, &smaller, &error));
    CHECK(tokens > 10 && bytes > 10000 && smaller < bytes);
    qask_string *expected = say(chat, "And you?", &cached);
    CHECK(cached >= tokens);

    qask_engine *other = start(model);
    for (int i = 0; i < 2; i++) {
        qask_chat *copy = new_chat(other);
        OK(qask_chat_restore(copy, in_folder(i ? "small" : "chat"), NULL, &restored, &error));
        CHECK(restored == tokens && qask_chat_count(copy) == 3);
        qask_string *answer = say(copy, "And you?", &again);
        CHECK(again >= tokens && strcmp(qask_string_data(answer, NULL), qask_string_data(expected, NULL)) == 0);
        qask_string_free(answer);
        qask_chat_free(copy);
    }

    /* A file that was damaged, one that was cut off, and none. */
    FILE *file = fopen(in_folder("chat"), "r+b");
    CHECK(file && fseek(file, 1000, SEEK_SET) == 0 && fputc('!', file) == '!' && fclose(file) == 0);
    FAILS(QASK_ERR_CHECKSUM, qask_chat_restore(chat, in_folder("chat"), NULL, NULL, &error));
    CHECK(truncate(in_folder("chat"), 2000) == 0);
    FAILS(QASK_ERR_STATE_INVALID, qask_chat_restore(chat, in_folder("chat"), NULL, NULL, &error));
    FAILS(QASK_ERR_NOT_FOUND, qask_chat_restore(chat, in_folder("none"), NULL, NULL, &error));
    FAILS(QASK_ERR_NOT_FOUND, qask_chat_save(chat, in_folder("none/chat"), NULL, NULL, NULL, NULL, &error));
    CHECK(qask_chat_count(chat) == 5);
    qask_string_free(expected);
    qask_save_options_free(compressed);
    qask_engine_free(other);
    qask_chat_free(chat);
}

static void prefixes(const qask_model *model, const qask_engine *engine) {
    qask_request *request = settings();
    uint64_t tokens = 0, restored = 0;
    OK(qask_engine_save_prefix(engine, request, in_folder("prefix"), NULL, NULL, &tokens, NULL, &error));
    qask_engine *other = start(model);
    OK(qask_engine_restore_prefix(other, request, in_folder("prefix"), NULL, &restored, &error));
    CHECK(tokens > 4 && restored == tokens);
    qask_chat *chat = new_chat(other);
    uint32_t cached = 0;
    qask_string_free(say(chat, "Hello!", &cached));
    CHECK(cached == tokens);
    FAILS(QASK_ERR_STATE_MISMATCH, qask_chat_restore(chat, in_folder("prefix"), NULL, NULL, &error));
    qask_chat_free(chat);
    qask_engine_free(other);
    qask_request_free(request);
}

/* Two prompts that begin alike, each by an engine of its own, and a third. */
static void directory(const qask_model *model) {
    for (int i = 0; i < 3; i++) {
        qask_engine_options *options = NULL;
        qask_engine *engine = NULL;
        qask_stats *stats = NULL;
        OK(qask_engine_options_new(&options, &error));
        OK(qask_engine_options_set_prefix_cache_dir(options, in_folder("prefixes"), 1 << 26, &error));
        OK(qask_engine_new(model, options, &engine, &error));
        char rules[2000] = "";
        for (int line = 0; line < 40; line++)
            snprintf(rules + strlen(rules), sizeof rules - strlen(rules), "Rule %d: be kind. ", line);
        qask_chat *chat = new_chat(engine);
        OK(qask_chat_set_system(chat, rules, strlen(rules), &error));
        uint32_t cached = 0;
        const char *questions[] = {"Hello!", "Who are you?", "What is the sea?"};
        qask_string_free(say(chat, questions[i], &cached));
        /* It is written behind the answer. */
        for (int wait = 0; i == 1 && wait < 600; wait++) {
            char command[256];
            snprintf(command, sizeof command, "ls %s | grep -q 'qaskprefix$'", in_folder("prefixes"));
            if (system(command) == 0) break;
            usleep(10000);
        }
        OK(qask_engine_stats(engine, &stats, &error));
        CHECK(i < 2 ? qask_stats_disk_tokens(stats) == 0 : qask_stats_disk_tokens(stats) > 100 && cached > 100);
        qask_stats_free(stats);
        qask_chat_free(chat);
        qask_engine_free(engine);
        qask_engine_options_free(options);
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || mkdtemp(folder) == NULL) return 1;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model);
    chats(model, engine);
    prefixes(model, engine);
    directory(model);
    qask_engine_free(engine);
    qask_model_free(model);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return report("sessions");
}
