/* chat [--once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt
 * a conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands. */
#include "example.h"

static void report(const qask_event *done) {
    fprintf(stderr, "[%s: %u prompt tokens, %u of them cached, %u new ones, first after %lld ms, then %.1f a second]\n",
            qask_event_finish_reason_name(done), qask_event_prompt_tokens(done), qask_event_cached_tokens(done),
            qask_event_output_tokens(done), (long long) qask_event_first_token_us(done) / 1000,
            qask_event_output_tokens(done) * 1e6 / (double) (qask_event_decode_us(done) + 1));
}

static qask_status stream_it(qask_stream *stream) {
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status, failed = QASK_OK;
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            fputs(qask_event_text(event, NULL), stdout);
            fflush(stdout);
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            printf("\n");
            fflush(stdout);
            failed = qask_event_error_code(event);
            if (failed == QASK_OK) report(event);
            else fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
        }
    }
    if (status != QASK_DONE) check(status, &error);
    qask_stream_free(stream);
    return failed;
}

static void collect_it(qask_stream *stream) {
    const qask_event *done = NULL;
    qask_string *text = NULL;
    qask_error *error = NULL;
    check(qask_stream_collect(stream, &text, &done, &error), &error);
    printf("%s\n", qask_string_data(text, NULL));
    report(done);
    qask_string_free(text);
    qask_stream_free(stream);
}

/* In a conversation an error is told, and the conversation goes on. */
static int told(qask_status status, qask_error **error) {
    if (status == QASK_OK) return 1;
    fprintf(stderr, "%s\n", qask_error_message(*error, NULL));
    qask_error_free(*error);
    return 0;
}

static void save(const qask_chat *chat, const char *path) {
    qask_string *json = NULL;
    qask_error *error = NULL;
    size_t length = 0;
    if (!told(qask_chat_export(chat, &json, &error), &error)) return;
    const char *data = qask_string_data(json, &length);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, length, file) != length) perror(path);
    if (file != NULL && fclose(file) != 0) perror(path);
    qask_string_free(json);
}

static void load(qask_chat *chat, const char *path) {
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    size_t length = 0, got;
    if (file == NULL) {
        perror(path);
        return;
    }
    do {
        char *more = realloc(data, length + 4096);
        if (more == NULL) abort();
        data = more;
        got = fread(data + length, 1, 4096, file);
        length += got;
    } while (got > 0);
    fclose(file);
    qask_error *error = NULL;
    if (told(qask_chat_import(chat, data, length, &error), &error))
        fprintf(stderr, "[%zu messages]\n", qask_chat_count(chat));
    free(data);
}

static void converse(qask_chat *chat) {
    char line[65536];
    while (fputs("> ", stderr), fgets(line, sizeof line, stdin) != NULL) {
        qask_stream *stream = NULL;
        qask_error *error = NULL;
        line[strcspn(line, "\r\n")] = 0;
        if (strcmp(line, "/quit") == 0) return;
        if (strncmp(line, "/save ", 6) == 0) save(chat, line + 6);
        else if (strncmp(line, "/load ", 6) == 0) load(chat, line + 6);
        else if (strcmp(line, "/regenerate") == 0) {
            if (told(qask_chat_regenerate(chat, NULL, &stream, &error), &error)) stream_it(stream);
        } else if (line[0] == '/') fprintf(stderr, "commands: /save FILE, /load FILE, /regenerate, /quit\n");
        else if (line[0] != 0) {
            if (told(qask_chat_send(chat, line, strlen(line), NULL, &stream, &error), &error)) stream_it(stream);
        }
    }
}

int main(int argc, char **argv) {
    int once = argc > 1 && strcmp(argv[1], "--once") == 0;
    argc -= once;
    argv += once;
    if (argc < 2) {
        fprintf(stderr, "usage: chat [--once] MODEL.gguf [PROMPT]\n");
        return 2;
    }
    /* The prompt may come by environment, where no shell can misread it. */
    const char *prompt = argc > 2 ? argv[2] : getenv("PROMPT");
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *settings = NULL;
    qask_chat *chat = NULL;
    qask_error *error = NULL;

    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_request_new(&settings, &error), &error);
    check(qask_request_set_max_tokens(settings, 256, &error), &error);
    check(qask_request_set_context_policy(settings, QASK_CONTEXT_DROP_OLDEST, &error), &error);
    check(qask_chat_new(engine, settings, &chat, &error), &error);

    qask_status failed = QASK_OK;
    if (prompt == NULL) converse(chat);
    else {
        qask_stream *stream = NULL;
        check(qask_chat_send(chat, prompt, strlen(prompt), NULL, &stream, &error), &error);
        if (once) collect_it(stream);
        else failed = stream_it(stream);
    }

    qask_chat_free(chat);
    qask_request_free(settings);
    qask_engine_free(engine);
    qask_model_free(model);
    return failed == QASK_OK ? 0 : 1;
}
