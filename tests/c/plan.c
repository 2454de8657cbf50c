/* plan MODEL.gguf EMBEDDING_MODEL.gguf: plans before and after loading, and budgets that refuse. */
#include "test.h"

static uint64_t sum(const qask_plan *plan) {
    uint64_t all = 0;
    for (size_t i = 0; i < qask_plan_device_count(plan); i++)
        for (int32_t part = QASK_PART_MAPPED; part <= QASK_PART_OTHER; part++)
            all += qask_plan_device_bytes_at(plan, i, part);
    return all;
}

static void parts(const char *path) {
    qask_plan *plan = NULL;
    OK(qask_model_plan(path, NULL, NULL, &plan, &error));
    CHECK(sum(plan) == qask_plan_total(plan) && qask_plan_total(plan) > 0);
    /* On a GPU they are a copy. */
    CHECK(qask_plan_bytes(plan, qask_supports("cuda") ? QASK_PART_WEIGHTS : QASK_PART_MAPPED) > 80000000);
    CHECK(qask_plan_bytes(plan, QASK_PART_KV) > 0);
    CHECK(qask_plan_bytes(plan, QASK_PART_STATE) == 0 && qask_plan_bytes(plan, 99) == 0);
    CHECK(qask_plan_n_ctx(plan) == 4096);
    /* The pool holds two sequences by default. */
    CHECK(2 * qask_plan_sequence_bytes(plan) == qask_plan_bytes(plan, QASK_PART_KV));
    CHECK(strcmp(qask_plan_device_name_at(plan, 0), "CPU") == 0 && !qask_plan_device_is_gpu_at(plan, 0));
    CHECK(qask_plan_device_name_at(plan, 99) == NULL && qask_plan_device_bytes_at(plan, 99, QASK_PART_KV) == 0);
    uint32_t n_ctx = 7;
    OK(qask_plan_largest_context(plan, UINT64_MAX, &n_ctx, &error));
    CHECK(n_ctx == 8192);
    OK(qask_plan_largest_context(plan, qask_plan_total(plan), &n_ctx, &error));
    CHECK(n_ctx >= 4096 && n_ctx < 8192);
    OK(qask_plan_largest_context(plan, 1, &n_ctx, &error));
    CHECK(n_ctx == 0);
    qask_plan_free(plan);
}

static void budgets(const char *path) {
    qask_model_options *model_options = NULL;
    qask_engine_options *engine_options = NULL;
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_plan *plan = NULL;
    OK(qask_model_options_new(&model_options, &error));
    OK(qask_model_options_set_memory_budget(model_options, 50000000, &error));
    FAILS(QASK_ERR_TOO_LARGE, qask_model_load(path, model_options, NULL, &model, &error));
    OK(qask_model_options_set_memory_budget(model_options, 1000000000, &error));
    OK(qask_model_load(path, model_options, NULL, &model, &error));
    OK(qask_engine_plan(model, NULL, &plan, &error));
    OK(qask_engine_options_new(&engine_options, &error));
    OK(qask_engine_options_set_memory_budget(engine_options, qask_plan_total(plan) - 1, &error));
    FAILS(QASK_ERR_TOO_LARGE, qask_engine_new(model, engine_options, &engine, &error));
    OK(qask_engine_options_set_memory_budget(engine_options, qask_plan_total(plan), &error));
    OK(qask_engine_new(model, engine_options, &engine, &error));
    qask_engine_free(engine);
    OK(qask_engine_options_set_memory_budget(engine_options, 0, &error));
    OK(qask_engine_new(model, engine_options, &engine, &error));
    qask_engine_free(engine);
    qask_plan_free(plan);
    qask_model_free(model);
    qask_model_options_free(model_options);
    qask_engine_options_free(engine_options);
}

static void embedders(const char *path) {
    qask_model *model = NULL;
    qask_embedder *embedder = NULL;
    qask_embedder_options *options = NULL;
    qask_plan *before = NULL, *after = NULL;
    uint32_t n_ctx = 7;
    OK(qask_model_plan_embedder(path, NULL, NULL, &before, &error));
    FAILS(QASK_ERR_UNSUPPORTED, qask_plan_largest_context(before, 1, &n_ctx, &error));
    CHECK(n_ctx == 7 && qask_plan_bytes(before, QASK_PART_OUTPUT) > 0);
    FAILS(QASK_ERR_UNSUPPORTED, qask_model_plan(path, NULL, NULL, &after, &error));
    model = load(path);
    OK(qask_embedder_plan(model, NULL, &after, &error));
    CHECK(qask_plan_total(before) == qask_plan_total(after));
    OK(qask_embedder_options_new(&options, &error));
    OK(qask_embedder_options_set_memory_budget(options, qask_plan_total(after) - 1, &error));
    FAILS(QASK_ERR_TOO_LARGE, qask_embedder_new(model, options, &embedder, &error));
    qask_embedder_options_free(options);
    qask_plan_free(before);
    qask_plan_free(after);
    qask_model_free(model);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    parts(argv[1]);
    budgets(argv[1]);
    embedders(argv[2]);
    return report("plan");
}
