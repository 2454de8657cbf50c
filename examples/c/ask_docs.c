/* ask_docs EMBEDDING.gguf CHAT.gguf FOLDER QUESTION: answers from the text files of a folder, with the places that the
 * answer stands on. */
#define _POSIX_C_SOURCE 200809L
#include "example.h"
#include <dirent.h>
#include <sys/stat.h>

/* Tokens of a passage, lines that it shares with the next, and passages that the answer is made from. */
enum { PASSAGE_TOKENS = 200, OVERLAP = 2, PASSAGES = 4 };

static const char SYSTEM[] =
    "Answer the question in two or three sentences, only from the numbered passages. At the end put the number of the "
    "passage that says it in square brackets, such as [2].";

/* Lines of a file; `text` begins with the file's name, which is part of what a passage means. */
typedef struct {
    char *text, *file;
    size_t first, last;
    float near;
} passage;

static passage *passages;
static size_t count;

static void *must(void *memory) {
    if (memory == NULL) abort();
    return memory;
}

/* The pieces in one text of its own. */
static char *join(const char *a, const char *b, const char *c) {
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = must(malloc(size));
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static void add(const char *file, char **lines, size_t first, size_t end) {
    char *text = join(file, "", "");
    int empty = 1;
    for (size_t i = first; i < end; i++) {
        char *longer = join(text, "\n", lines[i]);
        free(text);
        text = longer;
        if (strspn(lines[i], " \t") < strlen(lines[i])) empty = 0;
    }
    if (!empty) {
        passages = must(realloc(passages, (count + 1) * sizeof *passages));
        passages[count++] = (passage) {text, join(file, "", ""), first + 1, end, 0};
    } else {
        free(text);
    }
}

/* Cuts a text into passages: of whole lines, ending at an empty line where one is near. */
static void cut(const qask_embedder *embedder, const char *file, char *text) {
    size_t n = 0;
    char **lines = NULL;
    size_t *tokens = NULL;
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        lines = must(realloc(lines, (n + 1) * sizeof *lines));
        tokens = must(realloc(tokens, (n + 1) * sizeof *tokens));
        lines[n] = line;
        qask_error *error = NULL;
        check(qask_embedder_count_tokens(embedder, line, strlen(line), QASK_PURPOSE_PLAIN, &tokens[n], &error), &error);
        n++;
        line = end == NULL ? NULL : end + 1;
    }
    for (size_t first = 0; first < n;) {
        size_t end = first, sum = 0;
        while (end < n && (end == first || sum + tokens[end] <= PASSAGE_TOKENS)) sum += tokens[end++];
        if (end < n) {
            size_t half = first + (end - first) / 2, i = end;
            while (--i > half && lines[i][0] != '\0') {}
            if (i > half) end = i;
        }
        add(file, lines, first, end);
        size_t again = end > first + OVERLAP ? end - OVERLAP : first + 1;
        first = end < n ? again : end;
    }
    free(lines);
    free(tokens);
}

static void read_file(const qask_embedder *embedder, const char *path, const char *name) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t length = 0, got;
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    do {
        text = must(realloc(text, length + 4097));
        got = fread(text + length, 1, 4096, file);
        length += got;
    } while (got > 0);
    text[length] = '\0';
    fclose(file);
    cut(embedder, name, text);
    free(text);
}

static int ends_with(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* The text files under a folder, by name; `name` is what of `path` is shown. */
static void read_folder(const qask_embedder *embedder, const char *path, const char *name) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        const char *entry = entries[i]->d_name;
        char *below = join(path, "/", entry), *shown = join(name, *name ? "/" : "", entry);
        struct stat facts;
        if (strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0 && stat(below, &facts) == 0) {
            if (S_ISDIR(facts.st_mode)) read_folder(embedder, below, shown);
            else if (ends_with(entry, ".md") || ends_with(entry, ".txt")) read_file(embedder, below, shown);
        }
        free(below);
        free(shown);
        free(entries[i]);
    }
    free(entries);
}

/* Exact search: all vectors have length 1, so their product is the cosine. A million passages take about a second. */
static int nearer(const void *a, const void *b) {
    float x = ((const passage *) a)->near, y = ((const passage *) b)->near;
    return (x < y) - (x > y);
}

static void search(const qask_embedder *embedder, const char *question) {
    size_t width = qask_embedder_dimensions(embedder);
    const char **texts = must(malloc((count + 1) * sizeof *texts));
    float *vectors = must(malloc((count + 1) * width * sizeof *vectors)), *query = vectors + count * width;
    qask_error *error = NULL;
    for (size_t i = 0; i < count; i++) texts[i] = passages[i].text;
    texts[count] = question;
    check(qask_embedder_embed(embedder, texts, NULL, count, QASK_PURPOSE_DOCUMENT, NULL, vectors, count * width, &error),
          &error);
    check(qask_embedder_embed(embedder, texts + count, NULL, 1, QASK_PURPOSE_QUERY, NULL, query, width, &error), &error);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < width; j++) passages[i].near += vectors[i * width + j] * query[j];
    if (count > 0) qsort(passages, count, sizeof *passages, nearer);
    free(texts);
    free(vectors);
}

/* Prints an answer as it comes, and gives its text. */
static char *print(qask_engine *engine, const qask_request *request) {
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status;
    char *all = join("", "", "");
    check(qask_engine_submit(engine, request, NULL, &stream, &error), &error);
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            const char *text = qask_event_text(event, NULL);
            fputs(text, stdout);
            char *longer = join(all, text, "");
            free(all);
            all = longer;
        } else if (qask_event_type(event) == QASK_EVENT_DONE && qask_event_error_code(event) != QASK_OK) {
            fprintf(stderr, "%s\n", qask_event_error_message(event, NULL));
            exit(1);
        }
        fflush(stdout);
    }
    if (status != QASK_DONE) check(status, &error);
    qask_stream_free(stream);
    return all;
}

static void answer(const char *path, const char *prompt, size_t best) {
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_request *request = NULL;
    qask_error *error = NULL;
    check(qask_model_load(path, NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_message(request, "system", SYSTEM, strlen(SYSTEM), &error), &error);
    check(qask_request_add_message(request, "user", prompt, strlen(prompt), &error), &error);
    check(qask_request_set_max_tokens(request, 200, &error), &error);
    check(qask_request_set_temperature(request, 0, &error), &error);
    char *text = print(engine, request);
    bool cited = false;
    for (size_t i = 1; i <= best; i++) {
        char mark[32];
        snprintf(mark, sizeof mark, "[%zu]", i);
        cited = cited || strstr(text, mark) != NULL;
    }
    /* A small model forgets to name its source. So the answer goes on, and the constraint leaves it nothing else; all
       that was computed is still in the cache. */
    if (!cited && best > 0) {
        char number[32];
        snprintf(number, sizeof number, "[1-%zu]\\]", best);
        char *begun = join(text, " [", "");
        check(qask_request_add_message(request, "assistant", begun, strlen(begun), &error), &error);
        check(qask_request_set_continue_final_message(request, true, &error), &error);
        check(qask_request_set_regex(request, number, strlen(number), &error), &error);
        fputs(" [", stdout);
        free(print(engine, request));
        free(begun);
    }
    puts("\n");
    free(text);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: ask_docs EMBEDDING.gguf CHAT.gguf FOLDER QUESTION\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_embedder_options *options = NULL;
    qask_embedder *embedder = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_embedder_options_new(&options, &error), &error);
    check(qask_embedder_options_set_truncation(options, QASK_TRUNCATE_END, &error), &error);
    check(qask_embedder_new(model, options, &embedder, &error), &error);
    read_folder(embedder, argv[3], "");
    fprintf(stderr, "[%zu passages]\n", count);
    search(embedder, argv[4]);
    qask_embedder_free(embedder);
    qask_embedder_options_free(options);
    qask_model_free(model);

    size_t best = count < PASSAGES ? count : PASSAGES;
    char *prompt = join("", "", "");
    for (size_t i = 0; i < best; i++) {
        char head[32];
        snprintf(head, sizeof head, "Passage [%zu], from ", i + 1);
        char *passage = join(head, passages[i].text, "\n\n"), *longer = join(prompt, passage, "");
        free(passage);
        free(prompt);
        prompt = longer;
    }
    char *whole = join(prompt, "Question: ", argv[4]);
    answer(argv[2], whole, best);
    for (size_t i = 0; i < best; i++)
        printf("[%zu] %s:%zu-%zu (%.2f)\n", i + 1, passages[i].file, passages[i].first, passages[i].last,
               (double) passages[i].near);
    free(prompt);
    free(whole);
    for (size_t i = 0; i < count; i++) {
        free(passages[i].text);
        free(passages[i].file);
    }
    free(passages);
    return 0;
}
