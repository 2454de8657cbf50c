/* Every setting does what its name says: the same by setters and by JSON, what an engine reports of its options, and
 * what a model file says of itself. */
#include "test.h"
#include <unistd.h>

#define SET(object, setter, value) OK(setter(object, value, &error))
#define ROOM 1024

static void answer(const qask_engine *engine, const qask_request *request, char text[ROOM]) {
    qask_stream *stream = submit(engine, request);
    drain(stream, text, ROOM);
    qask_stream_free(stream);
}

static qask_request *from_json(const char *fields) {
    char json[2048];
    int length = snprintf(json, sizeof json,
                          "{\"messages\":[{\"role\":\"user\",\"content\":\"Write a poem about rain, rain, rain.\"}],"
                          "\"max_tokens\":24,\"seed\":7,\"temperature\":1.5%s}", fields);
    qask_request *request = NULL;
    OK(qask_request_from_json(json, (size_t) length, &request, &error));
    return request;
}

static qask_request *poem(void) {
    qask_request *request = ask("Write a poem about rain, rain, rain.", 24);
    SET(request, qask_request_set_temperature, 1.5f);
    SET(request, qask_request_set_seed, 7);
    return request;
}

/* Takes both requests. */
static void same_answer(const qask_engine *engine, qask_request *by_setters, const char *fields, const char *plain) {
    char one[ROOM], other[ROOM];
    qask_request *by_json = from_json(fields);
    answer(engine, by_setters, one);
    answer(engine, by_json, other);
    if (strcmp(one, other) != 0) fprintf(stderr, "%s\n  by setters: %s\n  by JSON: %s\n", fields, one, other);
    CHECK(strlen(one) > 5 && strcmp(one, other) == 0);
    CHECK(strcmp(one, plain) != 0); /* they have an effect */
    qask_request_free(by_setters);
    qask_request_free(by_json);
}

static void samplers(const qask_engine *engine, const qask_model *model) {
    char plain[ROOM], again[ROOM];
    qask_request *request = poem();
    answer(engine, request, plain);
    answer(engine, request, again);
    CHECK(strlen(plain) > 5 && strcmp(plain, again) == 0); /* the same seed */
    qask_request_free(request);

    request = poem();
    SET(request, qask_request_set_top_k, 12);
    SET(request, qask_request_set_top_p, 0.8f);
    SET(request, qask_request_set_min_p, 0.01f);
    SET(request, qask_request_set_typical_p, 0.9f);
    SET(request, qask_request_set_top_n_sigma, 3.0f);
    SET(request, qask_request_set_min_keep, 2);
    SET(request, qask_request_set_xtc_probability, 0.7f);
    SET(request, qask_request_set_xtc_threshold, 0.05f);
    SET(request, qask_request_set_dynatemp_range, 0.5f);
    SET(request, qask_request_set_dynatemp_exponent, 1.5f);
    same_answer(engine, request,
                ",\"top_k\":12,\"top_p\":0.8,\"min_p\":0.01,\"typical_p\":0.9,\"top_n_sigma\":3.0,\"min_keep\":2,"
                "\"xtc_probability\":0.7,\"xtc_threshold\":0.05,\"dynatemp_range\":0.5,\"dynatemp_exponent\":1.5", plain);

    const char *breakers[] = {".", ";"};
    request = poem();
    SET(request, qask_request_set_repeat_penalty, 1.3f);
    SET(request, qask_request_set_frequency_penalty, 0.4f);
    SET(request, qask_request_set_presence_penalty, 0.6f);
    SET(request, qask_request_set_penalty_last_n, 32);
    SET(request, qask_request_set_dry_multiplier, 0.8f);
    SET(request, qask_request_set_dry_base, 1.5f);
    SET(request, qask_request_set_dry_allowed_length, 1);
    SET(request, qask_request_set_dry_penalty_last_n, 64);
    OK(qask_request_set_dry_sequence_breakers(request, breakers, 2, &error));
    same_answer(engine, request,
                ",\"repeat_penalty\":1.3,\"frequency_penalty\":0.4,\"presence_penalty\":0.6,\"penalty_last_n\":32,"
                "\"dry_multiplier\":0.8,\"dry_base\":1.5,\"dry_allowed_length\":1,\"dry_penalty_last_n\":64,"
                "\"dry_sequence_breakers\":[\".\",\";\"]", plain);

    request = poem();
    SET(request, qask_request_set_mirostat, 2);
    SET(request, qask_request_set_mirostat_tau, 3.0f);
    SET(request, qask_request_set_mirostat_eta, 0.2f);
    same_answer(engine, request, ",\"mirostat\":2,\"mirostat_tau\":3.0,\"mirostat_eta\":0.2", plain);

    /* A bias that nothing else can outweigh: one word, and then the end. */
    int32_t word[4];
    size_t count = 0;
    OK(qask_model_tokenize(model, "rain", 4, false, false, word, 4, &count, &error));
    request = ask("Hello", 3);
    OK(qask_request_add_logit_bias(request, word[0], 1000, &error));
    answer(engine, request, again);
    char *piece = again;
    for (int i = 0; i < 3; i++) {
        CHECK(strncmp(piece, "ra", 2) == 0);
        piece = strchr(piece + 1, 'r') ? strchr(piece + 1, 'r') : piece;
    }
    qask_request_free(request);
}

/* Other ways to say what is asked for. */
static void prompts(const qask_engine *engine, const qask_model *model) {
    char text[ROOM], tokens_text[ROOM];
    const char *prompt = "The capital of France is";
    int32_t tokens[16];
    size_t count = 0;
    qask_request *request = ask("ignored", 5);
    OK(qask_request_set_prompt(request, prompt, strlen(prompt), false, &error));
    answer(engine, request, text);
    CHECK(strstr(text, "Paris") != NULL);
    OK(qask_model_tokenize(model, prompt, strlen(prompt), true, false, tokens, 16, &count, &error));
    OK(qask_request_set_prompt_tokens(request, tokens, count, &error));
    answer(engine, request, tokens_text);
    CHECK(strcmp(text, tokens_text) == 0);

    /* This model has no tokens for filling in: an error on the stream, of the code that says so. */
    CHECK(!qask_model_supports_infill(model));
    OK(qask_request_set_infill(request, "a", 1, "b", 1, &error));
    qask_stream *stream = submit(engine, request);
    qask_string *none = NULL;
    FAILS(QASK_ERR_UNSUPPORTED, qask_stream_collect(stream, &none, NULL, &error));
    qask_stream_free(stream);
    qask_request_free(request);

    /* What the template makes of messages, variables and tools. */
    const char *source = "{{ mood }}|{% for t in tools %}{{ t.function.name }}{% endfor %}|{% for m in messages %}"
                         "{{ m.role }}:{{ m.content }};{% endfor %}";
    const char *tool = "{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":{}}}";
    const char *message = "{\"role\":\"assistant\",\"content\":\"Good\"}";
    qask_string *rendered = NULL;
    request = ask("Hi", 4);
    OK(qask_request_add_message_json(request, message, strlen(message), &error));
    OK(qask_request_add_tool_json(request, tool, strlen(tool), &error));
    OK(qask_request_set_template_variable(request, "mood", "\"calm\"", 6, &error));
    OK(qask_request_set_template(request, source, strlen(source), &error));
    OK(qask_model_render(model, request, &rendered, &error));
    CHECK(strcmp(qask_string_data(rendered, NULL), "calm|add|user:Hi;assistant:Good;") == 0);
    qask_string_free(rendered);
    qask_request_free(request);

    /* An answer that was begun is gone on with. */
    request = ask("What is the capital of France?", 8);
    OK(qask_request_add_message(request, "assistant", "The capital of France is", 24, &error));
    SET(request, qask_request_set_continue_final_message, true);
    answer(engine, request, text);
    CHECK(strstr(text, "Paris") != NULL);
    qask_request_free(request);
}

static void limits(const qask_engine *engine) {
    qask_request *request = ask("Say yes.", 40);
    char text[ROOM];
    OK(qask_request_add_stop(request, "e", 1, &error));
    SET(request, qask_request_set_min_tokens, 12);
    SET(request, qask_request_set_shift_keep, 4);
    SET(request, qask_request_set_context_policy, QASK_CONTEXT_SHIFT);
    answer(engine, request, text);
    CHECK(strlen(text) > 12); /* "e" comes sooner */
    qask_request_free(request);

    request = ask("Name a colour.", 6);
    SET(request, qask_request_set_n, 3);
    SET(request, qask_request_set_temperature, 2.0f);
    SET(request, qask_request_set_priority, 5);
    SET(request, qask_request_set_cache_key, "tenant");
    qask_stream *stream = submit(engine, request);
    const qask_event *event = NULL;
    unsigned ended = 0;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {
        CHECK(qask_event_choice(event) < 3);
        if (qask_event_type(event) != QASK_EVENT_DONE) continue;
        ended |= 1u << qask_event_choice(event);
        CHECK(qask_event_preemptions(event) == 0);
        (void) qask_event_seed(event); /* any number is one */
    }
    CHECK(ended == 7);
    qask_stream_free(stream);
    qask_request_free(request);
}

static void engines(const qask_model *model) {
    qask_engine_options *options = NULL;
    qask_engine *engine = NULL;
    qask_stats *stats = NULL;
    OK(qask_engine_options_new(&options, &error));
    SET(options, qask_engine_options_set_n_ctx, 512);
    SET(options, qask_engine_options_set_kv_tokens, 1024);
    SET(options, qask_engine_options_set_max_sequences, 3);
    SET(options, qask_engine_options_set_max_queue, 2);
    SET(options, qask_engine_options_set_n_batch, 128);
    SET(options, qask_engine_options_set_n_ubatch, 64);
    SET(options, qask_engine_options_set_threads, 1);
    SET(options, qask_engine_options_set_threads_batch, 2);
    SET(options, qask_engine_options_set_adapt_threads, false);
    SET(options, qask_engine_options_set_flash_attention, QASK_FLASH_ON);
    SET(options, qask_engine_options_set_cache_type_k, QASK_CACHE_Q8_0);
    SET(options, qask_engine_options_set_cache_type_v, QASK_CACHE_Q8_0);
    SET(options, qask_engine_options_set_unified_kv, true);
    SET(options, qask_engine_options_set_max_step_ms, 100);
    SET(options, qask_engine_options_set_prefix_cache, true);
    SET(options, qask_engine_options_set_offload_kv, false);
    OK(qask_engine_new(model, options, &engine, &error));
    CHECK(qask_engine_n_ctx(engine) == 512 && qask_engine_kv_tokens(engine) == 1024);

    /* A prefix that is kept is not computed again. */
    const char *prefix = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen,"
                         " fifteen, sixteen, seventeen, eighteen, nineteen, twenty,";
    qask_request *request = ask("ignored", 4);
    qask_stream *stream = NULL;
    OK(qask_request_set_prompt(request, prefix, strlen(prefix), false, &error));
    OK(qask_engine_prewarm(engine, request, true, &stream, &error));
    CHECK(drain(stream, NULL, 0) != QASK_FINISH_ERROR);
    qask_stream_free(stream);
    char text[ROOM];
    answer(engine, request, text);
    OK(qask_engine_unpin(engine, &error));
    OK(qask_engine_set_threads(engine, 2, 1, &error));
    answer(engine, request, text);

    /* The figures follow an event by a moment. */
    for (int i = 0; i < 1000; i++) {
        OK(qask_engine_stats(engine, &stats, &error));
        if (qask_stats_active(stats) == 0) break;
        qask_stats_free(stats);
        usleep(5000);
    }
    CHECK(qask_stats_threads(stats) == 2 && qask_stats_threads_batch(stats) == 1);
    CHECK(qask_stats_threads_used(stats) == 2 && qask_stats_threads_batch_used(stats) == 1);
    CHECK(qask_stats_queued(stats) == 0);
    CHECK(qask_stats_submitted(stats) >= 2 && qask_stats_finished(stats) == qask_stats_submitted(stats));
    CHECK(qask_stats_failed(stats) == 0 && qask_stats_preemptions(stats) == 0 && qask_stats_evictions(stats) == 0);
    CHECK(qask_stats_kv_tokens_total(stats) == 1024 && qask_stats_kv_tokens_used(stats) <= 1024);
    CHECK(qask_stats_cached_tokens(stats) > 30 && qask_stats_reused_tokens(stats) > 60);
    CHECK(qask_stats_prompt_tokens(stats) > 30 && qask_stats_output_tokens(stats) >= 4);
    CHECK(qask_stats_steps(stats) >= 5 && qask_stats_longest_step_us(stats) > 0);
    CHECK(qask_stats_prompt_tokens_per_second(stats) > 0 && qask_stats_output_tokens_per_second(stats) > 0);
    qask_stats_free(stats);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_engine_options_free(options);
}

static void models(const char *path) {
    qask_model_options *options = NULL;
    qask_model *model = NULL;
    qask_inspection *inspection = NULL;
    OK(qask_model_options_new(&options, &error));
    SET(options, qask_model_options_set_mmap, false);
    SET(options, qask_model_options_set_mlock, false);
    SET(options, qask_model_options_set_check_tensors, true);
    SET(options, qask_model_options_set_repack, false);
    SET(options, qask_model_options_set_gpu_layers, 0);
    SET(options, qask_model_options_set_main_gpu, 0);
    /* A model of one part is its own list of parts. */
    OK(qask_model_load_splits(&path, 1, options, NULL, &model, &error));
    uint64_t bytes = 0;
    CHECK(strstr(qask_model_device_at(model, 0, &bytes), "Mapped") == NULL && bytes > 0);
    CHECK(qask_model_bos(model) == 1 && qask_model_eos(model) == 2 && qask_model_is_eog(model, qask_model_eos(model)));
    CHECK(qask_model_eot(model) == -1 || qask_model_is_eog(model, qask_model_eot(model)));

    OK(qask_model_inspect(path, &inspection, &error));
    size_t count = qask_inspection_metadata_count(inspection), length = 0;
    CHECK(count > 10 && count == qask_model_metadata_count(model));
    for (size_t i = 0; i < count; i++) {
        const char *key = qask_inspection_metadata_key_at(inspection, i);
        const char *value = qask_inspection_metadata(inspection, key, &length);
        CHECK(strlen(value) == length && strcmp(value, qask_inspection_metadata_value_at(inspection, i)) == 0);
        CHECK(strcmp(value, qask_model_metadata_value_at(model, i)) == 0);
    }
    CHECK(strcmp(qask_version(), "0") > 0 && strstr(qask_version(), "+cpu.") != NULL);
    qask_inspection_free(inspection);
    qask_model_free(model);
    qask_model_options_free(options);
}

static void chat_by_json(const qask_engine *engine) {
    const char *first = "{\"role\":\"user\",\"content\":\"Hi\"}", *second = "{\"role\":\"assistant\",\"content\":\"Hello!\"}";
    const char *next = "{\"role\":\"user\",\"content\":\"What did you say?\"}";
    qask_chat *chat = NULL;
    qask_stream *stream = NULL;
    OK(qask_chat_new(engine, NULL, &chat, &error));
    OK(qask_chat_add_message_json(chat, first, strlen(first), &error));
    OK(qask_chat_add_message_json(chat, second, strlen(second), &error));
    OK(qask_chat_send_message_json(chat, next, strlen(next), NULL, &stream, &error));
    OK(qask_stream_cancel(stream, &error));
    CHECK(drain(stream, NULL, 0) != 0);
    CHECK(qask_chat_count(chat) >= 2);
    qask_stream_free(stream);
    qask_chat_free(chat);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    qask_model *model = load(argv[1]);
    qask_engine *engine = start(model), *exact = NULL;
    qask_engine_options *options = NULL;
    OK(qask_engine_options_new(&options, &error));
    SET(options, qask_engine_options_set_deterministic, true);
    OK(qask_engine_new(model, options, &exact, &error));
    samplers(exact, model);
    prompts(engine, model);
    limits(engine);
    engines(model);
    models(argv[1]);
    chat_by_json(engine);
    qask_engine_options_free(options);
    qask_engine_free(exact);
    qask_engine_free(engine);
    qask_model_free(model);
    return report("settings");
}
