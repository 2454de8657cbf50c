/* plan MODEL.gguf [BUDGET_MB]: how much memory an engine over the model would take, without loading it; with a budget,
 * the largest context that fits, and the refusal of what does not. */
#include "example.h"

static const char *const names[] = {"mapped", "weights", "kv", "state", "compute", "output", "other"};

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: plan MODEL.gguf [BUDGET_MB]\n");
        return 2;
    }
    qask_plan *plan = NULL;
    qask_error *error = NULL;
    check(qask_model_plan(argv[1], NULL, NULL, &plan, &error), &error);
    for (size_t i = 0; i < qask_plan_device_count(plan); i++) {
        printf("%s%s\n", qask_plan_device_name_at(plan, i), qask_plan_device_is_gpu_at(plan, i) ? " (GPU)" : "");
        for (int32_t part = QASK_PART_MAPPED; part <= QASK_PART_OTHER; part++)
            printf("  %-10s %8.1f MB\n", names[part], (double) qask_plan_device_bytes_at(plan, i, part) / 1e6);
    }
    printf("total        %8.1f MB\n", (double) qask_plan_total(plan) / 1e6);
    printf("a sequence   %8.1f MB for %u tokens\n", (double) qask_plan_sequence_bytes(plan) / 1e6,
           qask_plan_n_ctx(plan));
    if (argc == 2) {
        qask_plan_free(plan);
        return 0;
    }

    uint64_t budget = strtoull(argv[2], NULL, 10) * 1000000;
    uint32_t n_ctx = 0;
    check(qask_plan_largest_context(plan, budget, &n_ctx, &error), &error);
    qask_plan_free(plan);
    if (n_ctx > 0) printf("n_ctx can be %u\n", n_ctx);
    else printf("no n_ctx fits\n");

    qask_model_options *model_options = NULL;
    qask_engine_options *engine_options = NULL;
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    check(qask_model_options_new(&model_options, &error), &error);
    check(qask_model_options_set_memory_budget(model_options, budget, &error), &error);
    check(qask_engine_options_new(&engine_options, &error), &error);
    check(qask_engine_options_set_memory_budget(engine_options, budget, &error), &error);
    qask_status status = qask_model_load(argv[1], model_options, NULL, &model, &error);
    if (status == QASK_OK) status = qask_engine_new(model, engine_options, &engine, &error);
    if (status == QASK_OK) {
        printf("started, with an n_ctx of %u\n", qask_engine_n_ctx(engine));
    } else {
        printf("%s: %s\n", qask_status_name(status), qask_error_message(error, NULL));
        qask_error_free(error);
    }
    qask_engine_free(engine);
    qask_model_free(model);
    qask_engine_options_free(engine_options);
    qask_model_options_free(model_options);
    return 0;
}
