/* memory MODEL EMBEDDING_MODEL CASE: what happens when the memory of a GPU is gone; this program takes it all by itself,
 * through the driver of CUDA. It prints what it was told, and run.sh looks at that. */
#include <dlfcn.h>
#include <unistd.h>
#include "../c/test.h"
static void *cuda;
static unsigned long long held[1 << 16];
static size_t count;
static void *sym(const char *name) {
    void *p = dlsym(cuda, name);
    if (!p) fprintf(stderr, "no %s\n", name), exit(3);
    return p;
}
#define CU(type, name) ((int (*) type) sym(name))
static void context(void) {
    if (cuda) return;
    cuda = dlopen("libcuda.so.1", RTLD_NOW);
    if (!cuda) fprintf(stderr, "%s\n", dlerror()), exit(3);
    int device = 0;
    void *c = NULL;
    int r = CU((unsigned), "cuInit")(0);
    r |= CU((int *, int), "cuDeviceGet")(&device, 0);
    r |= CU((void **, int), "cuDevicePrimaryCtxRetain")(&c, device);
    r |= CU((void *), "cuCtxSetCurrent")(c);
    if (r) fprintf(stderr, "driver: %d\n", r), exit(3);
}
static size_t left(void) {
    size_t free = 0, total = 0;
    context();
    CU((size_t *, size_t *), "cuMemGetInfo_v2")(&free, &total);
    return free >> 20;
}
static void fill(size_t keep_mib) {
    context();
    size_t keep = keep_mib << 20;
    unsigned long long reserve = 0;
    if (keep) CU((unsigned long long *, size_t), "cuMemAlloc_v2")(&reserve, keep);
    for (size_t chunk = 1u << 30; chunk >= 1u << 20; chunk /= 2)
        while (count < sizeof held / sizeof *held &&
               CU((unsigned long long *, size_t), "cuMemAlloc_v2")(&held[count], chunk) == 0)
            count++;
    if (reserve) CU((unsigned long long), "cuMemFree_v2")(reserve);
    printf("  filled: %zu pieces, %zu MiB left\n", count, left());
}
static void release(void) {
    while (count) CU((unsigned long long), "cuMemFree_v2")(held[--count]);
    printf("  released: %zu MiB left\n", left());
}
static void tell(qask_stream *stream) {
    const qask_event *event = NULL;
    size_t bytes = 0;
    qask_status status;
    while ((status = qask_stream_next(stream, -1, &event, NULL)) == QASK_OK) {
        size_t n = 0;
        if (qask_event_type(event) == QASK_EVENT_TEXT) qask_event_text(event, &n), bytes += n;
        if (qask_event_type(event) == QASK_EVENT_DONE)
            printf("  stream: %s, %s, %zu bytes: %s\n", qask_event_finish_reason_name(event),
                   qask_status_name(qask_event_error_code(event)), bytes, qask_event_error_message(event, NULL));
    }
    if (status != QASK_DONE) printf("  stream next: %s\n", qask_status_name(status));
    qask_stream_free(stream);
}
static void submits(const qask_engine *engine, const char *text, uint32_t tokens) {
    qask_stream *stream = NULL;
    qask_error *error = NULL;
    qask_status s = qask_engine_submit(engine, ask(text, tokens), NULL, &stream, &error);
    if (s) printf("  submit: %s: %s\n", qask_status_name(s), qask_error_message(error, NULL));
    else tell(stream);
}
static void result(const char *what, qask_status s, qask_error **error) {
    printf("  %s: %s: %s\n", what, qask_status_name(s), s ? qask_error_message(*error, NULL) : "");
}
int main(int argc, char **argv) {
    if (argc < 4) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *which = argv[3];
    static char words[24000];
    for (size_t i = 0; i + 6 < 9000; i += 5) memcpy(words + i, "word ", 6);
    qask_error *error = NULL;
    printf("%s\n", which);
    if (!strcmp(which, "load")) {
        fill(40);
        qask_model *model = NULL;
        result("load", qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
        release();
        model = load(argv[1]);
        submits(start(model), "Say hello.", 8);
        return 0;
    }
    if (!strncmp(which, "embed", 5)) {
        qask_model *model = load(argv[2]);
        qask_embedder *embedder = NULL;
        static const char *texts[64];
        static float out[64 * 384];
        for (int i = 0; i < 64; i++) texts[i] = words + 7500;
        if (!strcmp(which, "embed-new")) fill(1);
        qask_status s = qask_embedder_new(model, NULL, &embedder, &error);
        result("embedder", s, &error);
        if (!strcmp(which, "embed-first")) fill(1);
        if (!s) {
            for (int i = 0; i < 2; i++) {
                error = NULL;
                s = qask_embedder_embed(embedder, texts, NULL, 64, QASK_PURPOSE_DOCUMENT, NULL, out, 64 * 384, &error);
                result("embed", s, &error);
            }
        }
        release();
        OK(qask_embedder_new(model, NULL, &embedder, &error));
        OK(qask_embedder_embed(embedder, texts, NULL, 64, QASK_PURPOSE_DOCUMENT, NULL, out, 64 * 384, &error));
        printf("  a new embedder works\n");
        return 0;
    }
    qask_model *model = load(argv[1]);
    qask_engine *engine = NULL;
    if (!strcmp(which, "kv")) {
        qask_engine_options *o = NULL;
        OK(qask_engine_options_new(&o, &error));
        OK(qask_engine_options_set_kv_tokens(o, 8u << 20, &error));
        result("kv of 8 Mi tokens", qask_engine_new(model, o, &engine, &error), &error);
        submits(start(model), "Say hello.", 8);
        return 0;
    }
    if (!strcmp(which, "engine")) {
        fill(20);
        result("engine", qask_engine_new(model, NULL, &engine, &error), &error);
        release();
        submits(start(model), "Say hello.", 8);
        return 0;
    }
    engine = start(model);
    qask_engine *bystander = start(model);
    if (strcmp(which, "first")) submits(engine, "Say hello.", 8);
    submits(bystander, "Say hello.", 8);
    if (!strcmp(which, "during")) {
        qask_request *request = ask("Count from one to a thousand.", 1500);
        OK(qask_request_set_ignore_eos(request, true, &error));
        qask_stream *stream = submit(engine, request);
        const qask_event *event = NULL;
        OK(qask_stream_next(stream, -1, &event, &error));
        fill(0);
        tell(stream);
    } else {
        fill(0);
    }
    submits(engine, !strcmp(which, "first") ? "Say hello." : words, 8);
    submits(engine, "Say hello.", 8);
    printf("  bystander, while it is full:\n");
    submits(bystander, "Say hello.", 8);
    release();
    submits(bystander, "Say hello.", 8);
    printf("  bystander closes, and a new engine:\n");
    qask_engine_free(bystander);
    qask_engine *fresh = NULL;
    error = NULL;
    qask_status s = qask_engine_new(model, NULL, &fresh, &error);
    if (s) result("new engine", s, &error);
    else submits(fresh, "Say hello.", 8);
    return 0;
}
