/* Chats and the log: history after every way an answer ends, export and import, waiting and busy owners; whole lines,
 * and callbacks that are replaced, removed and called from inside. */
#include <pthread.h>
#include <unistd.h>
#include "test.h"

static qask_chat *new_chat(const qask_engine *engine, uint32_t max_tokens) {
    qask_request *settings = NULL;
    qask_chat *chat = NULL;
    OK(qask_request_new(&settings, &error));
    OK(qask_request_set_max_tokens(settings, max_tokens, &error));
    OK(qask_request_set_temperature(settings, 0, &error));
    OK(qask_request_set_ignore_eos(settings, max_tokens > 1000, &error));
    OK(qask_chat_new(engine, settings, &chat, &error));
    qask_request_free(settings);
    return chat;
}

static qask_stream *say(qask_chat *chat, const char *text) {
    qask_stream *stream = NULL;
    OK(qask_chat_send(chat, text, strlen(text), NULL, &stream, &error));
    return stream;
}

static bool is(const char *expected, qask_string *string) {
    bool same = strcmp(qask_string_data(string, NULL), expected) == 0;
    qask_string_free(string);
    return same;
}

static bool text_is(const qask_chat *chat, size_t index, const char *expected) {
    qask_string *text = NULL;
    OK(qask_chat_text_at(chat, index, &text, &error));
    return is(expected, text);
}

static bool role_is(const qask_chat *chat, size_t index, const char *expected) {
    qask_string *role = NULL;
    OK(qask_chat_role_at(chat, index, &role, &error));
    return is(expected, role);
}

/* Turns, with what is cached; the reply is in the history as it was read. */
static void turns(const qask_engine *engine) {
    qask_chat *chat = new_chat(engine, 8);
    OK(qask_chat_set_system(chat, "You are brief.", 14, &error));
    uint32_t before = 0;
    for (int turn = 0; turn < 3; turn++) {
        qask_stream *stream = say(chat, turn ? "And what else?" : "Hello! 你好 🎉");
        qask_string *text = NULL;
        const qask_event *done = NULL;
        OK(qask_stream_collect(stream, &text, &done, &error));
        CHECK(qask_chat_count(chat) == 3 + 2 * (size_t) turn);
        CHECK(text_is(chat, 2 + 2 * (size_t) turn, qask_string_data(text, NULL)));
        /* The last token of an answer that was cut short was not evaluated. */
        CHECK(qask_event_cached_tokens(done) + 1 >= before);
        before = qask_event_prompt_tokens(done) + qask_event_output_tokens(done);
        CHECK(qask_event_dropped_messages(done) == 0);
        qask_string_free(text);
        qask_stream_free(stream);
    }
    CHECK(role_is(chat, 0, "system") && role_is(chat, 1, "user") && role_is(chat, 6, "assistant"));
    CHECK(text_is(chat, 1, "Hello! 你好 🎉"));

    qask_string *json = NULL, *again = NULL;
    size_t length = 0;
    OK(qask_chat_export(chat, &json, &error));
    const char *data = qask_string_data(json, &length);
    qask_chat *copy = new_chat(engine, 8), *fork = NULL;
    OK(qask_chat_import(copy, data, length, &error));
    OK(qask_chat_export(copy, &again, &error));
    CHECK(is(data, again));
    OK(qask_chat_fork(chat, &fork, &error));
    OK(qask_chat_clear(chat, &error));
    CHECK(qask_chat_count(chat) == 1 && qask_chat_count(fork) == 7 && qask_chat_count(copy) == 7);
    OK(qask_chat_drop_turn_at(fork, 3, &error));
    CHECK(qask_chat_count(fork) == 5);
    FAILS(QASK_ERR_RANGE, qask_chat_drop_turn_at(fork, 0, &error));
    const char *message = "{\"role\":\"user\",\"content\":\"Hi\"}";
    OK(qask_chat_set_message_json_at(fork, 1, message, strlen(message), &error));
    OK(qask_chat_message_json_at(fork, 1, &again, &error));
    CHECK(is(message, again));
    FAILS(QASK_ERR_RANGE, qask_chat_message_json_at(fork, 5, &again, &error));
    FAILS(QASK_ERR_JSON, qask_chat_import(copy, data, length - 1, &error));
    const char *later = "{\"format\":\"qask.chat\",\"version\":2,\"messages\":[]}";
    FAILS(QASK_ERR_UNSUPPORTED, qask_chat_import(copy, later, strlen(later), &error));
    CHECK(qask_chat_count(copy) == 7);
    qask_string_free(json);
    qask_chat_free(fork);
    qask_chat_free(copy);
    qask_chat_free(chat);
}

/* A tool's results: all but the last are added, the last is sent. */
static void tool_results(const qask_engine *engine) {
    qask_chat *chat = new_chat(engine, 4);
    const char *json[] = {
        "{\"role\":\"user\",\"content\":\"How warm is it?\"}",
        "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":"
        "{\"name\":\"weather\",\"arguments\":\"{}\"}}]}",
        "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"18 degrees\"}",
    };
    qask_stream *stream = NULL;
    for (int i = 0; i < 2; i++) OK(qask_chat_add_message_json(chat, json[i], strlen(json[i]), &error));
    CHECK(!qask_chat_is_busy(chat) && qask_chat_count(chat) == 2);
    FAILS(QASK_ERR_JSON, qask_chat_add_message_json(chat, json[2], strlen(json[2]) - 1, &error));
    FAILS(QASK_ERR_JSON, qask_chat_send_message_json(chat, "[]", 2, NULL, &stream, &error));
    OK(qask_chat_send_message_json(chat, json[2], strlen(json[2]), NULL, &stream, &error));
    CHECK(drain(stream, NULL, 0) > 0 && qask_chat_count(chat) == 4);
    CHECK(role_is(chat, 2, "tool") && role_is(chat, 3, "assistant"));
    qask_stream_free(stream);
    /* The results go with the question. */
    OK(qask_chat_drop_turn_at(chat, 2, &error));
    CHECK(qask_chat_count(chat) == 0);
    qask_chat_free(chat);
}

static void *wait_for(void *chat) { return (void *) (intptr_t) qask_chat_wait(chat, -1, NULL); }

/* Busy while an answer is made; a freed stream is a cancel, and what was said stays, marked. */
static void busy_and_cancelled(const qask_engine *engine) {
    qask_chat *chat = new_chat(engine, 100000);
    qask_stream *stream = say(chat, "Count from one to a thousand."), *other = NULL;
    qask_string *json = NULL;
    const qask_event *event = NULL;
    OK(qask_stream_next(stream, -1, &event, &error));
    CHECK(qask_chat_is_busy(chat));
    CHECK(qask_chat_wait(chat, 1, NULL) == QASK_TIMEOUT);
    FAILS(QASK_ERR_BUSY, qask_chat_send(chat, "x", 1, NULL, &other, &error));
    FAILS(QASK_ERR_BUSY, qask_chat_regenerate(chat, NULL, &other, &error));
    FAILS(QASK_ERR_BUSY, qask_chat_export(chat, &json, &error));
    FAILS(QASK_ERR_BUSY, qask_chat_clear(chat, &error));
    CHECK(qask_chat_count(chat) == 1);
    /* A thread that waits keeps nobody from looking. */
    pthread_t waiter;
    pthread_create(&waiter, NULL, wait_for, chat);
    usleep(20000);
    CHECK(qask_chat_is_busy(chat) && qask_chat_count(chat) == 1);
    qask_stream_free(stream);
    void *status = NULL;
    pthread_join(waiter, &status);
    CHECK((qask_status) (intptr_t) status == QASK_OK);
    CHECK(qask_chat_count(chat) == 2 && !text_is(chat, 1, ""));
    CHECK(qask_chat_cut_short_at(chat, 1) == QASK_FINISH_CANCELLED && qask_chat_cut_short_at(chat, 0) == 0);

    /* An answer that fails takes its question with it. */
    qask_request *settings = ask("never sent", 4);
    OK(qask_request_set_template(settings, "{{ raise_exception('no') }}", 27, &error));
    OK(qask_chat_set_request(chat, settings, &error));
    stream = say(chat, "x");
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_ERROR);
    CHECK(qask_chat_count(chat) == 2);
    qask_stream_free(stream);
    OK(qask_chat_regenerate(chat, NULL, &stream, &error));
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_ERROR);
    CHECK(qask_chat_count(chat) == 2 && qask_chat_cut_short_at(chat, 1) == QASK_FINISH_CANCELLED);
    qask_stream_free(stream);
    qask_request_free(settings);

    /* A chat may go before its stream. */
    settings = ask("never sent", 4);
    OK(qask_chat_set_request(chat, settings, &error));
    qask_request_free(settings);
    stream = say(chat, "Hello");
    qask_chat_free(chat);
    CHECK(drain(stream, NULL, 0) > 0);
    qask_stream_free(stream);
}

/* Old turns go, the system message stays. */
static void oldest_dropped(const qask_model *model) {
    qask_engine_options *options = NULL;
    qask_engine *engine = NULL;
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_n_ctx(options, 128, &error));
    OK(qask_engine_new(model, options, &engine, &error));
    qask_engine_options_free(options);
    qask_request *settings = NULL;
    qask_chat *chat = NULL;
    const char *json = "{\"messages\":[{\"role\":\"system\",\"content\":\"You are brief.\"}],\"max_tokens\":4,"
                       "\"context_policy\":\"drop_oldest\"}";
    OK(qask_request_from_json(json, strlen(json), &settings, &error));
    OK(qask_chat_new(engine, settings, &chat, &error));
    uint64_t dropped = 0;
    for (int turn = 0; turn < 8; turn++) {
        qask_stream *stream = say(chat, "The quick brown fox jumps over the lazy dog.");
        const qask_event *done = NULL;
        qask_string *text = NULL;
        OK(qask_stream_collect(stream, &text, &done, &error));
        dropped += qask_event_dropped_messages(done);
        qask_string_free(text);
        qask_stream_free(stream);
    }
    CHECK(dropped > 0 && qask_chat_dropped_messages(chat) == dropped && qask_chat_count(chat) == 17 - dropped);
    CHECK(text_is(chat, 0, "You are brief.") && role_is(chat, 1, "user"));
    qask_chat_free(chat);
    qask_request_free(settings);
    qask_engine_free(engine);
}

/* ---- the log ---- */

struct log {
    pthread_mutex_t lock;
    int lines, levels[5], engine, own, broken, busy, destroyed;
};

static void on_line(void *user_data, int32_t level, const char *target, const char *message, size_t length) {
    struct log *log = user_data;
    pthread_mutex_lock(&log->lock);
    log->lines++;
    if (level >= QASK_LOG_ERROR && level <= QASK_LOG_DEBUG) log->levels[level]++;
    log->engine += strcmp(target, "engine") == 0;
    log->own += strcmp(target, "qask") == 0;
    log->broken += strlen(message) != length || length == 0 || strchr(message, '\n') != NULL;
    log->busy += qask_log_set(QASK_LOG_OFF, NULL, NULL, NULL, NULL) == QASK_ERR_BUSY;
    pthread_mutex_unlock(&log->lock);
}

static void on_destroy(void *user_data) {
    struct log *log = user_data;
    pthread_mutex_lock(&log->lock);
    log->destroyed++;
    pthread_mutex_unlock(&log->lock);
}

static bool reached(struct log *log, const int *counter, int least) {
    for (double until = now_ms() + 10000; now_ms() < until; usleep(1000)) {
        pthread_mutex_lock(&log->lock);
        bool enough = *counter >= least;
        pthread_mutex_unlock(&log->lock);
        if (enough) return true;
    }
    return false;
}

static void lines(const char *path) {
    static struct log log = {.lock = PTHREAD_MUTEX_INITIALIZER};
    OK(qask_log_set(QASK_LOG_INFO, on_line, &log, on_destroy, &error));
    qask_model *model = load(path);
    CHECK(reached(&log, &log.own, 1) && reached(&log, &log.engine, 10));
    qask_engine *engine = start(model);
    CHECK(reached(&log, &log.own, 2));
    OK(qask_engine_close(engine, -1, &error));
    CHECK(reached(&log, &log.own, 3));
    static struct log unused = {.lock = PTHREAD_MUTEX_INITIALIZER};
    FAILS(QASK_ERR_RANGE, qask_log_set(5, on_line, &unused, on_destroy, &error));
    CHECK(unused.destroyed == 1 && unused.lines == 0 && log.destroyed == 0);
    OK(qask_log_set(QASK_LOG_OFF, NULL, NULL, NULL, &error));
    CHECK(reached(&log, &log.destroyed, 1));
    qask_engine_free(engine);
    qask_model_free(model);
    usleep(50000);
    CHECK(log.destroyed == 1 && log.levels[QASK_LOG_DEBUG] == 0 && log.levels[QASK_LOG_INFO] > 10);
    CHECK(log.broken == 0 && log.busy == log.lines);
}

static volatile int stop_replacing;
static struct log logs[200];
static int replaced;

static void *replace(void *unused) {
    (void) unused;
    while (!stop_replacing && replaced < 200) {
        struct log *log = &logs[replaced++];
        pthread_mutex_init(&log->lock, NULL);
        OK(qask_log_set(QASK_LOG_DEBUG, on_line, log, on_destroy, &error));
        usleep(500);
    }
    return NULL;
}

/* Replaced again and again while others log: each callback's data is freed once, after its last line. */
static void replaced_while_logging(const qask_model *model) {
    pthread_t thread;
    pthread_create(&thread, NULL, replace, NULL);
    for (int i = 0; i < 4; i++) {
        qask_engine *engine = start(model);
        OK(qask_engine_close(engine, -1, &error));
        qask_engine_free(engine);
    }
    stop_replacing = 1;
    pthread_join(thread, NULL);
    OK(qask_log_set(QASK_LOG_OFF, NULL, NULL, NULL, &error));
    int lines = 0;
    for (int i = 0; i < replaced; i++) {
        CHECK(reached(&logs[i], &logs[i].destroyed, 1) && logs[i].destroyed == 1 && logs[i].broken == 0);
        lines += logs[i].lines;
    }
    CHECK(replaced > 3 && lines > 10);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    lines(argv[1]);
    qask_model *model = load(argv[1]);
    replaced_while_logging(model);
    qask_engine *engine = start(model);
    turns(engine);
    tool_results(engine);
    busy_and_cancelled(engine);
    qask_engine_free(engine);
    oldest_dropped(model);
    qask_model_free(model);
    return report("chat");
}
