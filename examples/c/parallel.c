/* parallel MODEL.gguf: eight requests at once over one engine, with one system prompt that is evaluated once. */
#include <pthread.h>
#include "example.h"

static const char system_prompt[] =
    "You are a helpful assistant who answers in one short sentence. Be precise, be friendly, never lie, say so when "
    "you do not know, and use plain words that a child understands.";
static const char *const topics[] = {"the sun", "rain", "bread", "a bicycle", "music", "a river", "glass", "the moon"};
enum { TOPICS = sizeof topics / sizeof *topics };

struct job {
    const qask_engine *engine;
    const char *topic;
    char answer[2048];
    unsigned cached, prompt;
};

/* Each thread has its own request and stream; the engine is shared. */
static void *answer(void *argument) {
    struct job *job = argument;
    qask_request *request = NULL;
    qask_stream *stream = NULL;
    const qask_event *event = NULL;
    qask_error *error = NULL;
    char question[64];
    int length = snprintf(question, sizeof question, "What is %s?", job->topic);

    check(qask_request_new(&request, &error), &error);
    check(qask_request_add_message(request, "system", system_prompt, strlen(system_prompt), &error), &error);
    check(qask_request_add_message(request, "user", question, (size_t) length, &error), &error);
    check(qask_request_set_max_tokens(request, 40, &error), &error);
    check(qask_engine_submit(job->engine, request, NULL, &stream, &error), &error);
    qask_status status;
    while ((status = qask_stream_next(stream, -1, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            size_t used = strlen(job->answer);
            snprintf(job->answer + used, sizeof job->answer - used, "%s", qask_event_text(event, NULL));
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            job->cached = qask_event_cached_tokens(event);
            job->prompt = qask_event_prompt_tokens(event);
        }
    }
    if (status != QASK_DONE) check(status, &error);
    qask_stream_free(stream);
    qask_request_free(request);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: parallel MODEL.gguf\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);

    static struct job jobs[TOPICS];
    pthread_t threads[TOPICS];
    for (int i = 0; i < TOPICS; i++) {
        jobs[i].engine = engine;
        jobs[i].topic = topics[i];
        pthread_create(&threads[i], NULL, answer, &jobs[i]);
    }
    for (int i = 0; i < TOPICS; i++) {
        pthread_join(threads[i], NULL);
        printf("%s: %s [%u of %u prompt tokens cached]\n", jobs[i].topic, jobs[i].answer, jobs[i].cached, jobs[i].prompt);
    }
    qask_engine_free(engine);
    qask_model_free(model);
    return 0;
}
