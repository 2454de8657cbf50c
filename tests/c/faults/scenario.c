/* scenario MODEL.gguf FOLDER KIND FIRST COUNT ERRNO: the whole way of a program while calls into the system fail (KIND
 * and the rest as shim.c has them), and then once more while none does. With the kind `recover` only the latter, in a
 * folder where a process was killed.
 *
 * Prints a line for each call of the library that failed, and how many calls of each kind there were; ends with 0 when
 * every failure was an error with a message, nothing was left behind, and the second way worked. What it said stands
 * in the last line. */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>
#include "shim.h"
#include "../test.h"

static const char *model_path, *folder;
/* Whether every call must work. */
static bool strict;
/* Engines that a fault left behind keep their thread for good. */
static int poisoned;
/* llama.cpp opens a model's file, and does not close it when there is no memory for what it reads. */
static int unclosed;

static void wrong(const char *what) {
    printf("WRONG %s\n", what);
    failures++;
}

/* What the system refuses may be told like this, and in no other way. */
static bool is_expected(qask_status status) {
    switch (status) {
    case QASK_ERR_IO:
    case QASK_ERR_OUT_OF_MEMORY:
    case QASK_ERR_ENGINE_FAULT:
    /* A file that is shorter than a moment ago. */
    case QASK_ERR_INVALID:
    case QASK_ERR_STATE_INVALID:
    case QASK_ERR_CHECKSUM: return true;
    default: return false;
    }
}

static void told(const char *call, qask_status status, const char *message) {
    printf("%.*s %s %s\n", (int) strcspn(call, "("), call, qask_status_name(status), message);
    if (strict) wrong("this has to work");
    if (!is_expected(status)) wrong("not a code for this");
    if (strlen(message) < 10 || strpbrk(message, "\n\r")) wrong("not a message for this");
    poisoned += status == QASK_ERR_ENGINE_FAULT;
    unclosed += status == QASK_ERR_OUT_OF_MEMORY && strncmp(call, "qask_model_load", 15) == 0;
}

static bool check(const char *call, qask_status status, qask_error *error) {
    if (status == QASK_OK) return true;
    told(call, status, qask_error_message(error, NULL));
    qask_error_free(error);
    return false;
}
/* True when it worked. `error` is the call's own. */
#define TRY(call) (error = NULL, status = (call), check(#call, status, error))
#define PLACES qask_error *error; qask_status status

static void on_log(void *unused, int32_t level, const char *target, const char *message, size_t length) {
    (void) unused, (void) level, (void) target, (void) message, (void) length;
}
static void on_wake(void *unused) { (void) unused; }

/* A stream to its end; true when it ended well. */
static bool finish(qask_stream *stream, char *text, size_t room) {
    const qask_event *event = NULL;
    qask_status status;
    bool well = false;
    size_t used = 0;
    if (room) text[0] = 0;
    while ((status = qask_stream_next(stream, -1, &event, NULL)) == QASK_OK) {
        size_t length = 0;
        const char *piece = qask_event_text(event, &length);
        if (qask_event_type(event) == QASK_EVENT_TEXT && used + length < room) {
            memcpy(text + used, piece, length + 1);
            used += length;
        }
        if (qask_event_type(event) != QASK_EVENT_DONE) continue;
        well = qask_event_finish_reason(event) != QASK_FINISH_ERROR;
        if (!well) told("generation", qask_event_error_code(event), qask_event_error_message(event, NULL));
    }
    if (status != QASK_DONE) wrong("a stream without its end");
    qask_stream_free(stream);
    return well;
}

static void answer(const qask_engine *engine, bool schema, char *text, size_t room) {
    PLACES;
    qask_stream *stream = NULL;
    qask_request *request = ask("Say hello.", 8);
    static const char shape[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}},\"required\":[\"a\"]}";
    bool well = !schema || TRY(qask_request_set_json_schema(request, shape, sizeof shape - 1, &error));
    if (well && TRY(qask_engine_submit(engine, request, NULL, &stream, &error))) {
        if (!schema) TRY(qask_stream_set_wake(stream, on_wake, NULL, NULL, &error));
        finish(stream, text, room);
    }
    qask_request_free(request);
}

static bool say(qask_chat *chat, char *text, size_t room) {
    PLACES;
    qask_stream *stream = NULL;
    return TRY(qask_chat_send(chat, "And now?", 8, NULL, &stream, &error)) && finish(stream, text, room);
}

static void sessions(const qask_engine *engine, char *text, size_t room) {
    PLACES;
    char path[4096];
    qask_chat *chat = NULL, *copy = NULL;
    qask_request *settings = ask("Be brief.", 6);
    snprintf(path, sizeof path, "%s/chat", folder);
    /* What an earlier way left must be whole. */
    if (access(path, F_OK) == 0 && TRY(qask_chat_new(engine, settings, &chat, &error))) {
        TRY(qask_chat_restore(chat, path, NULL, NULL, &error));
        qask_chat_free(chat);
    }
    if (TRY(qask_chat_new(engine, settings, &chat, &error))) {
        say(chat, text, 0);
        TRY(qask_chat_save(chat, path, NULL, NULL, NULL, NULL, &error));
        say(chat, text, 0);
        bool saved = TRY(qask_chat_save(chat, path, NULL, NULL, NULL, NULL, &error));
        if (saved && TRY(qask_chat_new(engine, settings, &copy, &error))) {
            if (TRY(qask_chat_restore(copy, path, NULL, NULL, &error))) say(copy, text, room);
            qask_chat_free(copy);
        }
        qask_chat_free(chat);
    }
    qask_request_free(settings);
}

/* The way; `text` gets all that was said. */
static void go(char *text, size_t room) {
    PLACES;
    qask_model_options *options = NULL;
    qask_engine_options *engine_options = NULL;
    qask_model *model = NULL, *copied = NULL;
    qask_engine *engine = NULL;
    text[0] = 0;
    TRY(qask_log_set(QASK_LOG_WARN, on_log, NULL, NULL, &error));
    OK(qask_model_options_new(&options, &error));
    OK(qask_model_options_set_mmap(options, false, &error));
    if (TRY(qask_model_load(model_path, options, NULL, &copied, &error))) qask_model_free(copied);
    OK(qask_engine_options_new(&engine_options, &error));
    OK(qask_engine_options_set_threads(engine_options, 3, &error));
    OK(qask_engine_options_set_n_ctx(engine_options, 256, &error));
    OK(qask_engine_options_set_deterministic(engine_options, true, &error));
    if (TRY(qask_model_load(model_path, NULL, NULL, &model, &error))) {
        if (TRY(qask_engine_new(model, engine_options, &engine, &error))) {
            answer(engine, false, text, room / 3);
            /* The tables of constraints are made by a library that takes memory for granted: docs/reliability.md. */
            shim_spare_memory(true);
            answer(engine, true, text + strlen(text), room / 3);
            shim_spare_memory(false);
            sessions(engine, text + strlen(text), room / 3);
            TRY(qask_engine_close(engine, -1, &error));
            qask_engine_free(engine);
        }
        qask_model_free(model);
    }
    qask_engine_options_free(engine_options);
    qask_model_options_free(options);
    if (qask_live_handles() != 0) wrong("handles are alive");
}

/* How many entries a folder has. */
static int entries(const char *path, const char *like) {
    DIR *all = opendir(path);
    int n = 0;
    for (struct dirent *one; all && (one = readdir(all));)
        n += one->d_name[0] != '.' || (like[0] && strstr(one->d_name, like));
    if (all) closedir(all);
    return n;
}

static void nothing_is_left(int files, bool was_killed) {
    if (entries("/proc/self/fd", "") > files + unclosed) wrong("a file is still open");
    if (!was_killed && entries(folder, ".qask-tmp") > 1) wrong("half a file is left");
    /* This one, three that prepare, one that logs, one that wakes. */
    int threads = 0;
    for (int i = 0; i < 200 && (threads = entries("/proc/self/task", "")) > 6 + poisoned; i++) usleep(10000);
    if (threads > 6 + poisoned) wrong("threads are left");
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    model_path = argv[1], folder = argv[2];
    bool was_killed = strcmp(argv[3], "recover") == 0;
    char text[3072];
    setvbuf(stdout, NULL, _IOLBF, 0);
    int files = entries("/proc/self/fd", "");
    if (!was_killed) {
        shim_arm(argv[3], atol(argv[4]), atol(argv[5]), atoi(argv[6]));
        go(text, sizeof text);
        printf("failed %ld\n", shim_disarm());
        shim_report();
        nothing_is_left(files, false);
    }
    strict = true;
    go(text, sizeof text);
    nothing_is_left(files, was_killed);
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
    printf("said %s\n", text);
    return failures ? 1 : 0;
}
