/* An engine in a process of its own: this program is its own worker. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test.h"

static qask_engine *isolated(const qask_model *model, const char *worker, qask_status expected) {
    qask_engine_options *options = NULL;
    qask_engine *engine = NULL;
    OK(qask_engine_options_new(&options, &error));
    OK(qask_engine_options_set_isolated(options, true, &error));
    OK(qask_engine_options_set_worker(options, worker, &error));
    if (expected == QASK_OK) {
        OK(qask_engine_new(model, options, &engine, &error));
    } else {
        FAILS(expected, qask_engine_new(model, options, &engine, &error));
        CHECK(engine == NULL);
    }
    qask_engine_options_free(options);
    return engine;
}

static void answer(const qask_engine *engine, char *text, size_t room) {
    qask_request *request = ask("What is a compiler?", 12);
    qask_stream *stream = submit(engine, request);
    CHECK(drain(stream, text, room) == QASK_FINISH_LENGTH);
    qask_stream_free(stream);
    qask_request_free(request);
}

int main(int argc, char **argv) {
    int code = qask_worker_run(argc > 1 ? argv[1] : NULL);
    if (code >= 0) return code;
    if (argc != 2) return 2;
    static const char *const ordinary[] = {"", "x", "--qask-worker", "--qask-worker=", "--qask-worker=x", "\xff"};
    CHECK(qask_worker_run(NULL) == -1);
    for (size_t i = 0; i < sizeof ordinary / sizeof *ordinary; i++) CHECK(qask_worker_run(ordinary[i]) == -1);

    /* A host that lets the system forget its children, and one whose SIGPIPE would end it. */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    qask_model *model = load(argv[1]);
    isolated(model, "/nowhere/qask-worker", QASK_ERR_NOT_FOUND);
    isolated(model, "/bin/true", QASK_ERR_ENGINE_FAULT);
    qask_engine *here = start(model), *there = isolated(model, "/proc/self/exe", QASK_OK);
    setenv("QASK_WORKER", "/proc/self/exe", 1);
    qask_engine *other = isolated(model, NULL, QASK_OK);
    unsetenv("QASK_WORKER");
    char expected[512], text[512];
    answer(here, expected, sizeof expected);
    answer(there, text, sizeof text);
    CHECK(*expected && strcmp(expected, text) == 0);
    answer(other, text, sizeof text);
    CHECK(strcmp(expected, text) == 0);

    /* A cancel, and an engine that is closed with a stream in it. */
    qask_request *request = ask("Count from one to a thousand.", 1000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(there, request);
    const qask_event *event = NULL;
    OK(qask_stream_next(stream, -1, &event, &error));
    OK(qask_stream_cancel(stream, &error));
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_CANCELLED);
    qask_stream_free(stream);
    stream = submit(other, request);
    OK(qask_stream_next(stream, -1, &event, &error));
    OK(qask_engine_close(other, -1, &error));
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) continue;
    FAILS(QASK_ERR_CLOSED, qask_stream_next(stream, -1, &event, &error));
    qask_stream_free(stream);

    /* A child of the host may not use what its host has, and disturbs nothing when it ends. */
    pid_t child = fork();
    if (child == 0) {
        qask_stream *none = NULL;
        _exit(qask_engine_submit(there, request, NULL, &none, NULL) == QASK_ERR_FORKED ? 0 : 1);
    }
    /* The system has forgotten how it ended, but the wait tells when. */
    while (waitpid(child, NULL, 0) > 0) continue;
    answer(there, text, sizeof text);
    CHECK(strcmp(expected, text) == 0);
    qask_request_free(request);
    qask_engine_free(here);
    qask_engine_free(there);
    qask_engine_free(other);
    qask_model_free(model);
    return report("isolated");
}
