/* What goes in and comes out: text, tokens, descriptors, logprobs, JSON, stop texts, numbers of an answer. */
#include <fcntl.h>
#include <math.h>
#include <unistd.h>
#include "test.h"

static bool is_utf8(const char *s) {
    for (const unsigned char *p = (const unsigned char *) s; *p;) {
        int more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : -1;
        if (more < 0) return false;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xc0) != 0x80) return false;
    }
    return true;
}

static void tokens(const qask_model *model) {
    const char *text = "Hello, Wörld! 你好 🎉 <|im_end|>";
    int32_t ids[64];
    size_t count = 0, again = 0;
    OK(qask_model_tokenize(model, text, strlen(text), false, false, NULL, 0, &count, &error));
    CHECK(count > 5 && count < 64);
    OK(qask_model_tokenize(model, text, strlen(text), false, false, ids, 64, &again, &error));
    CHECK(again == count);
    for (size_t i = 0; i < count; i++) CHECK(!qask_model_is_eog(model, ids[i]));
    qask_string *back = NULL;
    OK(qask_model_detokenize(model, ids, count, true, &back, &error));
    CHECK(strcmp(qask_string_data(back, NULL), text) == 0);
    qask_string_free(back);
    /* With special tokens the last one is the end of a turn. */
    OK(qask_model_tokenize(model, text, strlen(text), false, true, ids, 64, &again, &error));
    CHECK(again < count && qask_model_is_eog(model, ids[again - 1]));
    /* An id that does not exist. */
    int32_t wrong[] = {1, 1 << 30};
    FAILS(QASK_ERR_RANGE, qask_model_detokenize(model, wrong, 2, true, &back, &error));
}

static void answer_as_text_tokens_and_logprobs(const qask_model *model, const qask_engine *engine) {
    qask_request *request = ask("Write one sentence about Zürich with an emoji.", 24);
    OK(qask_request_set_return_tokens(request, true, &error));
    OK(qask_request_set_top_logprobs(request, 3, &error));
    qask_stream *stream = submit(engine, request);
    int32_t ids[64];
    size_t n = 0, used = 0;
    char text[1024] = "";
    const qask_event *event = NULL;
    bool done = false;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        size_t count = 0, length = 0;
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            const int32_t *piece = qask_event_tokens(event, &count);
            for (size_t i = 0; i < count && n < 64; i++) ids[n++] = piece[i];
            CHECK(qask_event_logprob_count(event) == count);
            for (size_t i = 0; i < count; i++) {
                int32_t token = -1, top = -1;
                float logprob = 1, best = 1;
                CHECK(qask_event_logprob_at(event, i, &token, &logprob) && token == piece[i] && logprob <= 0);
                CHECK(qask_event_top_logprob_at(event, i, 0, &top, &best) && best <= 0);
                CHECK(top == token && fabsf(best - logprob) < 1e-6f); /* greedy */
                CHECK(qask_event_top_logprob_at(event, i, 2, &top, &logprob) && logprob <= best);
                CHECK(!qask_event_top_logprob_at(event, i, 3, &top, &logprob));
            }
            const char *t = qask_event_text(event, &length);
            CHECK(is_utf8(t) && strlen(t) == length);
            memcpy(text + used, t, length + 1);
            used += length;
            qask_string *json = NULL;
            OK(qask_event_json(event, "id-1", &json, &error));
            CHECK(strstr(qask_string_data(json, NULL), "chat.completion.chunk") != NULL);
            qask_string_free(json);
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            done = true;
            CHECK(qask_event_output_tokens(event) >= n);
            CHECK(qask_event_prompt_tokens(event) > 10);
            CHECK(qask_event_first_token_us(event) >= qask_event_prefill_us(event));
            CHECK(qask_event_decode_us(event) > 0 && qask_event_queue_us(event) >= 0);
            CHECK(qask_event_error_code(event) == QASK_OK);
        }
    }
    CHECK(done && n > 0);
    qask_string *whole = NULL;
    OK(qask_model_detokenize(model, ids, n, false, &whole, &error));
    CHECK(strncmp(qask_string_data(whole, NULL), text, strlen(text)) == 0);
    qask_string_free(whole);
    qask_stream_free(stream);
    qask_request_free(request);
}

/* The same request by setters and by OpenAI's JSON gives the same answer; a stop text is not part of it. */
static void json_and_stop(const qask_engine *engine) {
    const char *json =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Name three colours.\"}],\"temperature\":0,\"max_tokens\":40}";
    char by_json[1024], by_setters[1024], stopped[1024], needle[8] = "";
    qask_request *request = NULL;
    OK(qask_request_from_json(json, strlen(json), &request, &error));
    /* Once for the cache: behind a kept prefix other kernels compute, which on some CPUs round otherwise. */
    qask_stream *stream = submit(engine, request);
    drain(stream, by_json, sizeof by_json);
    qask_stream_free(stream);
    stream = submit(engine, request);
    drain(stream, by_json, sizeof by_json);
    qask_stream_free(stream);
    qask_request_free(request);
    request = ask("Name three colours.", 40);
    stream = submit(engine, request);
    drain(stream, by_setters, sizeof by_setters);
    qask_stream_free(stream);
    CHECK(strlen(by_json) > 20 && strcmp(by_json, by_setters) == 0);
    /* Five bytes out of the middle: they begin and end inside tokens. */
    memcpy(needle, by_setters + 11, 5);
    OK(qask_request_add_stop(request, needle, 5, &error));
    stream = submit(engine, request);
    CHECK(drain(stream, stopped, sizeof stopped) == QASK_FINISH_STOP);
    CHECK(strstr(stopped, needle) == NULL && strncmp(stopped, by_setters, strlen(stopped)) == 0);
    qask_stream_free(stream);
    qask_request_free(request);
    FAILS(QASK_ERR_JSON, qask_request_from_json("{\"mesages\":[]}", 14, &request, &error));
    FAILS(QASK_ERR_JSON, qask_request_from_json("{", 1, &request, &error));
}

/* The whole answer at once is the streamed one; what was pulled before is not given twice; a failure is an error. */
static void collected(const qask_engine *engine) {
    qask_request *request = ask("Name three colours.", 20);
    OK(qask_request_set_ignore_eos(request, true, &error)); /* a GPU's answer may be shorter */
    char streamed[1024];
    qask_stream *stream = submit(engine, request);
    CHECK(drain(stream, streamed, sizeof streamed) == QASK_FINISH_LENGTH);
    qask_stream_free(stream);
    qask_string *text = NULL;
    const qask_event *done = NULL, *first = NULL;
    stream = submit(engine, request);
    OK(qask_stream_collect(stream, &text, &done, &error));
    CHECK(strlen(streamed) > 10 && strcmp(qask_string_data(text, NULL), streamed) == 0);
    CHECK(qask_event_finish_reason(done) == QASK_FINISH_LENGTH && qask_event_output_tokens(done) == 20);
    qask_string_free(text);
    qask_stream_free(stream);
    CHECK(qask_event_type(done) == QASK_EVENT_NONE);
    stream = submit(engine, request);
    OK(qask_stream_next(stream, -1, &first, &error));
    size_t pulled = strlen(qask_event_text(first, NULL));
    OK(qask_stream_collect(stream, &text, NULL, &error));
    CHECK(pulled > 0 && strcmp(qask_string_data(text, NULL), streamed + pulled) == 0);
    qask_string_free(text);
    qask_stream_free(stream);
    OK(qask_request_set_template(request, "{{", 2, &error));
    stream = submit(engine, request);
    FAILS(QASK_ERR_TEMPLATE, qask_stream_collect(stream, &text, &done, &error));
    qask_stream_free(stream);
    qask_request_free(request);
}

/* A model in the middle of another file: aligned, unaligned, and with a length that is not its own. */
static void descriptors(const char *path) {
    char name[] = "/tmp/qask-test-XXXXXX";
    for (int shift = 32; shift <= 45; shift += 13) {
        int to = mkstemp(name), from = open(path, O_RDONLY);
        CHECK(to >= 0 && from >= 0);
        CHECK(lseek(to, shift, SEEK_SET) == shift);
        static char buffer[1 << 20];
        ssize_t n;
        uint64_t length = 0;
        while ((n = read(from, buffer, sizeof buffer)) > 0) {
            CHECK(write(to, buffer, (size_t) n) == n);
            length += (uint64_t) n;
        }
        CHECK(write(to, "trailing bytes of another asset", 31) == 31);
        CHECK(lseek(to, 7, SEEK_SET) == 7);
        qask_model *model = NULL;
        OK(qask_model_load_fd(to, (uint64_t) shift, length, NULL, NULL, &model, &error));
        CHECK(qask_model_vocabulary_size(model) == 49152 && qask_model_file_size(model) == length);
        qask_engine *engine = start(model);
        qask_request *request = ask("Hello", 4);
        qask_stream *stream = submit(engine, request);
        int32_t reason = drain(stream, NULL, 0);
        CHECK(reason == QASK_FINISH_LENGTH || reason == QASK_FINISH_STOP);
        qask_stream_free(stream);
        qask_request_free(request);
        qask_engine_free(engine);
        qask_model_free(model);
        /* The caller's descriptor is as it was. */
        CHECK(lseek(to, 0, SEEK_CUR) == 7);
        model = NULL;
        FAILS(QASK_ERR_INVALID, qask_model_load_fd(to, (uint64_t) shift + 1, length, NULL, NULL, &model, &error));
        FAILS(QASK_ERR_INVALID, qask_model_load_fd(to, (uint64_t) shift, length / 2, NULL, NULL, &model, &error));
        FAILS(QASK_ERR_RANGE, qask_model_load_fd(to, (uint64_t) shift, length * 2, NULL, NULL, &model, &error));
        CHECK(model == NULL);
        close(from);
        close(to);
        unlink(name);
        memcpy(name + sizeof name - 7, "XXXXXX", 6);
    }
}

/* A tokenizer in C strings must be NUL-terminated: what a reader of the header would try first. */
static void facts(const qask_model *model, const char *path) {
    size_t length = 0;
    CHECK(strcmp(qask_model_architecture(model, &length), "llama") == 0 && length == 5);
    CHECK(qask_model_context_length(model) >= 2048);
    CHECK(strstr(qask_model_chat_template(model, &length), "im_start") != NULL && length > 50);
    CHECK(strcmp(qask_model_metadata(model, "general.architecture", NULL), "llama") == 0);
    CHECK(qask_model_metadata(model, "no.such.key", NULL) == NULL);
    size_t keys = qask_model_metadata_count(model);
    CHECK(keys > 10 && qask_model_metadata_key_at(model, keys - 1) != NULL);
    CHECK(qask_model_metadata_key_at(model, keys) == NULL);
    uint64_t bytes = 0;
    CHECK(qask_model_device_at(model, 0, &bytes) != NULL && bytes > 0);
    CHECK(qask_model_device_at(model, 99, &bytes) == NULL);
    CHECK(qask_supports("cuda") || qask_model_gpu_layers(model) == 0);
    qask_inspection *inspection = NULL;
    OK(qask_model_inspect(path, &inspection, &error));
    CHECK(qask_inspection_parameters(inspection) == qask_model_parameters(model));
    qask_inspection_free(inspection);
    CHECK(qask_abi_version() == QASK_ABI_VERSION);
    CHECK(!qask_supports("no such thing"));
    FAILS(QASK_ERR_NOT_FOUND, qask_model_inspect("no such file.gguf", &inspection, &error));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start_repeatable(model);
    facts(model, argv[1]);
    tokens(model);
    answer_as_text_tokens_and_logprobs(model, engine);
    json_and_stop(engine);
    collected(engine);
    descriptors(argv[1]);
    qask_engine_free(engine);
    qask_model_free(model);
    return report("content");
}
