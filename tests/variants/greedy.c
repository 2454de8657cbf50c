/* greedy MODEL.gguf [TOKENS [PROMPTS]]: greedy answers to up to five prompts, the same on every CPU but for the order in which its
 * kernels add up. Prints the version, then a line a token: prompt, id, and by how much the second best was less likely
 * (natural logarithm); to standard error how fast it was. tests/variants/compare.py reads it. */
#include <qask.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const PROMPTS[] = {
    "Complete the sentence: the capital of France is",
    "Explain in two sentences what a compiler does.",
    "Write a short poem about the sea.",
    "List three things that one needs to bake bread.",
    "What is the difference between a list and a set?",
};

static void check(qask_status status, qask_error *error) {
    if (status == QASK_OK) return;
    fprintf(stderr, "greedy: %s: %s\n", qask_status_name(status), qask_error_message(error, NULL));
    exit(1);
}
/* First the call, then its error. */
#define OK(call)                    \
    do {                            \
        qask_status made = (call);  \
        check(made, error);         \
    } while (0)

int main(int argc, char **argv) {
    qask_model *model = NULL;
    qask_engine_options *options = NULL;
    qask_engine *engine = NULL;
    qask_error *error = NULL;
    long long prompt_us = 0, decode_us = 0;
    unsigned prompt_tokens = 0, tokens = 0;
    if (argc < 2) return 2;
    printf("%s\n", qask_version());
    OK(qask_model_load(argv[1], NULL, NULL, &model, &error));
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_deterministic(options, true, &error));
    OK(qask_engine_options_set_n_ctx(options, 512, &error));
    OK(qask_engine_new(model, options, &engine, &error));
    int prompts = (int)(sizeof PROMPTS / sizeof *PROMPTS);
    if (argc > 3 && atoi(argv[3]) < prompts) prompts = atoi(argv[3]);
    for (int i = 0; i < prompts; i++) {
        qask_request *request = NULL;
        qask_stream *stream = NULL;
        const qask_event *event = NULL;
        qask_status status;
        OK(qask_request_new(&request, &error));
        OK(qask_request_add_message(request, "user", PROMPTS[i], strlen(PROMPTS[i]), &error));
        OK(qask_request_set_max_tokens(request, argc > 2 ? (uint32_t)atoi(argv[2]) : 64, &error));
        OK(qask_request_set_temperature(request, 0, &error));
        OK(qask_request_set_top_logprobs(request, 2, &error));
        OK(qask_engine_submit(engine, request, NULL, &stream, &error));
        while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
            int32_t token, second;
            float best, next;
            for (size_t at = 0; qask_event_logprob_at(event, at, &token, &best); at++)
                if (qask_event_top_logprob_at(event, at, 1, &second, &next))
                    printf("%d %d %.3f\n", i, token, (double)(best - next));
            if (qask_event_type(event) == QASK_EVENT_DONE) {
                check(qask_event_error_code(event), NULL);
                prompt_us += qask_event_prefill_us(event);
                decode_us += qask_event_decode_us(event);
                prompt_tokens += qask_event_prompt_tokens(event);
                tokens += qask_event_output_tokens(event);
            }
        }
        if (status != QASK_DONE) check(status, error);
        qask_stream_free(stream);
        qask_request_free(request);
    }
    fprintf(stderr, "%s: %.1f prompt tokens a second, %.1f new ones\n", qask_version(),
            prompt_tokens * 1e6 / (double)(prompt_us + 1), tokens * 1e6 / (double)(decode_us + 1));
    qask_engine_free(engine);
    qask_engine_options_free(options);
    qask_model_free(model);
    return qask_live_handles() == 0 ? 0 : 3;
}
