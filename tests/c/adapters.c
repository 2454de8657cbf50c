/* An adapter changes the answers of the requests that name it, and of no other. */
#include "test.h"
#include <unistd.h>

enum { WIDTH = 576, RANK = 4 }; /* SmolLM2-135M */

static void number(FILE *file, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) fputc((int) (value >> 8 * i & 255), file);
}

static void text(FILE *file, const char *value) {
    number(file, strlen(value), 8);
    fputs(value, file);
}

static void pair(FILE *file, const char *key, const char *value) {
    text(file, key);
    number(file, 8, 4); /* a string */
    text(file, value);
}

static void tensor(FILE *file, const char *name, uint64_t columns, uint64_t rows, uint64_t offset) {
    text(file, name);
    number(file, 2, 4);
    number(file, columns, 8);
    number(file, rows, 8);
    number(file, 0, 4); /* F32 */
    number(file, offset, 8);
}

static void align(FILE *file) {
    while (ftell(file) % 32 != 0) fputc(0, file);
}

/* A LoRA for the output of the first layer's attention, far too strong. */
static void write_lora(const char *path) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    fputs("GGUF", file);
    number(file, 3, 4);
    number(file, 2, 8);
    number(file, 4, 8);
    pair(file, "general.architecture", "llama");
    pair(file, "general.type", "adapter");
    pair(file, "adapter.type", "lora");
    text(file, "adapter.lora.alpha");
    number(file, 6, 4); /* F32 */
    number(file, 0x42000000, 4); /* 32 */
    tensor(file, "blk.0.attn_output.weight.lora_a", WIDTH, RANK, 0);
    tensor(file, "blk.0.attn_output.weight.lora_b", RANK, WIDTH, WIDTH * RANK * 4);
    align(file);
    for (int i = 0; i < 2 * WIDTH * RANK; i++) {
        float value = (float) (i * 37 % 101 - 50) / 50;
        fwrite(&value, sizeof value, 1, file);
    }
    align(file);
    CHECK(fclose(file) == 0);
}

static void answer(const qask_engine *engine, const qask_request *request, char out[512]) {
    qask_stream *stream = submit(engine, request);
    drain(stream, out, 512);
    qask_stream_free(stream);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    char path[] = "/tmp/qask-adapter-XXXXXX";
    close(mkstemp(path));
    write_lora(path);
    qask_model *model = load(argv[1]);
    qask_engine *engine = start_repeatable(model);
    qask_adapter *adapter = NULL, *second = NULL;
    FAILS(QASK_ERR_INVALID, qask_adapter_load(model, argv[1], &adapter, &error)); /* a model is none */
    OK(qask_adapter_load(model, path, &adapter, &error));
    CHECK(qask_adapter_kind(adapter) == QASK_ADAPTER_LORA);

    char plain[512], adapted[512], again[512];
    qask_request *request = ask("Name three colours.", 16);
    answer(engine, request, plain);
    OK(qask_request_add_adapter(request, adapter, 1.0f, &error));
    answer(engine, request, adapted);
    CHECK(strcmp(plain, adapted) != 0);
    /* A request, or another handle, keeps it. */
    OK(qask_adapter_retain(adapter, &second, &error));
    qask_adapter_free(adapter);
    CHECK(qask_adapter_kind(second) == QASK_ADAPTER_LORA && qask_adapter_kind(adapter) == 0);
    qask_adapter_free(second);
    answer(engine, request, again);
    CHECK(strcmp(adapted, again) == 0);
    OK(qask_request_clear_adapters(request, &error));
    answer(engine, request, again);
    CHECK(strcmp(plain, again) == 0);

    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
    unlink(path);
    return report("adapters");
}
