/* exits MODEL MODE [EMBEDDING_MODEL]: one way for a process to end while it has a GPU. Its exit status is 0, or it was
 * ended by a signal. */
#include <pthread.h>
#include <unistd.h>
#include "../c/test.h"

static qask_stream *endless(const qask_engine *engine) {
    qask_request *request = ask("Count from one to a thousand.", 4000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(engine, request);
    qask_request_free(request);
    return stream;
}
static void *embeds(void *model) {
    qask_embedder *embedder = NULL;
    OK(qask_embedder_new(model, NULL, &embedder, &error));
    static const char *texts[256];
    static float out[256 * 384];
    for (int i = 0; i < 256; i++) texts[i] = "The quick brown fox jumps over the lazy dog, again and again and again.";
    for (;;)
        if (qask_embedder_embed(embedder, texts, NULL, 256, QASK_PURPOSE_DOCUMENT, NULL, out, 256 * 384, NULL)) return NULL;
}
int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *mode = argv[2];
    const qask_event *event = NULL;
    srand((unsigned) getpid());
    if (!strcmp(mode, "embedding")) {
        pthread_t t;
        pthread_create(&t, NULL, embeds, load(argv[3]));
        usleep(600000 + (useconds_t) (rand() % 300000));
        return 0;
    }
    qask_model *model = load(argv[1]);
    if (!strcmp(mode, "model")) return 0;                       /* only a model */
    qask_engine *engine = start(model);
    if (!strcmp(mode, "idle")) return 0;                        /* an engine that never computed */
    if (!strcmp(mode, "freed")) {                               /* the last handle goes right before the end */
        qask_stream *stream = submit(engine, ask("Hello", 8));
        while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {}
        qask_stream_free(stream);
        qask_model_free(model);
        qask_engine_free(engine);
        exit(0);
    }
    if (!strcmp(mode, "freed-running")) {                       /* the same, while it decodes */
        qask_stream *stream = endless(engine);
        OK(qask_stream_next(stream, -1, &event, &error));
        qask_model_free(model);
        qask_engine_free(engine);
        qask_stream_free(stream);
        exit(0);
    }
    if (!strcmp(mode, "held")) {                                /* all is held, nothing runs */
        qask_stream *stream = submit(engine, ask("Hello", 8));
        while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {}
        exit(0);
    }
    if (!strcmp(mode, "first-steps")) {                         /* somewhere in the first steps */
        endless(engine);
        usleep((useconds_t) (rand() % 400000));
        exit(0);
    }
    if (!strcmp(mode, "decoding")) {                            /* two engines, eight streams */
        qask_engine *other = start(model);
        qask_stream *first = NULL;
        for (int i = 0; i < 8; i++) first = endless(i % 2 ? other : engine);
        OK(qask_stream_next(first, -1, &event, &error));
        usleep((useconds_t) (rand() % 200000));
        exit(0);
    }
    return 2;
}
