/* The library as a guest: fork, exit with running streams from any thread, a small stack, and silence. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test.h"

static const char *model_path;

/* After fork the child is told at once, even while the parent's engine is at work, and may free and exit. */
static void forked(void) {
    qask_model *model = load(model_path);
    qask_engine *engine = start(model);
    qask_request *request = ask("Count from one to a thousand.", 2000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(engine, request);
    pid_t child = fork();
    if (child == 0) {
        alarm(5);
        const qask_event *event = NULL;
        qask_error *error = NULL;
        int wrong = qask_stream_next(stream, -1, &event, &error) != QASK_ERR_FORKED;
        wrong += qask_model_load(model_path, NULL, NULL, &model, &error) != QASK_ERR_FORKED;
        wrong += qask_request_new(&request, &error) != QASK_ERR_FORKED;
        wrong += qask_engine_close(engine, -1, &error) != QASK_ERR_FORKED;
        qask_stream_free(stream);
        qask_engine_free(engine);
        qask_model_free(model);
#ifdef __SANITIZE_ADDRESS__
        _exit(wrong); /* what the parent holds would count as the child's leaks */
#endif
        /* With the exit handlers, which have nobody to wait for here: waiting for the parent's engines took 1.8 s. */
        setitimer(ITIMER_REAL, &(struct itimerval) {.it_value = {.tv_sec = 1, .tv_usec = 500000}}, NULL);
        exit(wrong);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(qask_stream_cancel(stream, &error));
    CHECK(drain(stream, NULL, 0) == QASK_FINISH_CANCELLED);
    qask_stream_free(stream);
    qask_request_free(request);
    qask_engine_free(engine);
    qask_model_free(model);
}

static void *pull(void *stream) {
    const qask_event *event = NULL;
    while (qask_stream_next(stream, -1, &event, NULL) == QASK_OK) {}
    return NULL;
}

/* Callbacks end before what a program took apart at its exit: this was registered first, so it comes last. */
static atomic_bool torn_down;
static void tear_down(void) { atomic_store(&torn_down, true); }
static void slow_wake(void *unused) {
    (void) unused;
    if (atomic_load(&torn_down)) _exit(7);
    usleep(5000);
    if (atomic_load(&torn_down)) _exit(8);
}

static void *leaves(void *unused) {
    (void) unused;
    usleep(50000);
    exit(0);
}

/* exit() with live handles, a prompt being evaluated, a running stream, a reader that waits, and a busy callback. */
static void leave(bool elsewhere) {
    atexit(tear_down);
    qask_model *model = load(model_path);
    qask_engine *engine = start(model);
    qask_request *request = ask("Count from one to a thousand.", 2000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    pthread_t reader;
    qask_stream *stream = submit(engine, request);
    OK(qask_stream_set_wake(stream, slow_wake, NULL, NULL, &error));
    pthread_create(&reader, NULL, pull, stream);
    usleep(100000);
    static char words[12000];
    for (size_t i = 0; i + 6 < sizeof words; i += 5) memcpy(words + i, "word ", 6);
    submit(engine, ask(words, 2000));
    usleep(20000);
    if (!elsewhere) exit(0);
    /* Another thread calls it, while this one waits for the library. */
    pthread_create(&reader, NULL, leaves, NULL);
    qask_engine_close(engine, -1, NULL);
    pause();
}

static void exits(const char *how) {
    fflush(NULL);
    pid_t child;
    double began;
    /* A fresh process: this one has used the library, and a fork of it must not. */
    extern char **environ;
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) return;
    program[n] = 0;
    began = now_ms();
    if ((child = fork()) == 0) {
        char *arguments[] = {program, (char *) model_path, (char *) how, NULL};
        execve(program, arguments, environ);
        _exit(9);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* Loading takes a part of it. */
    CHECK(now_ms() - began < 4000);
}

/* The whole way, and a bad file, on a thread with 512 KiB of stack. */
static void *on_a_small_stack(void *unused) {
    (void) unused;
    qask_model *model = load(model_path);
    qask_engine *engine = start(model);
    static char text[1 << 20];
    memset(text, 'a', sizeof text);
    size_t count = 0;
    qask_error *error = NULL;
    qask_status status = qask_model_tokenize(model, text, sizeof text, false, false, NULL, 0, &count, &error);
    CHECK((status == QASK_OK && count > 0) || status == QASK_ERR_TOO_LONG);
    qask_error_free(error);
    qask_request *request = ask("Hello", 4);
    qask_stream *stream = submit(engine, request);
    CHECK(drain(stream, NULL, 0) != QASK_FINISH_ERROR);
    qask_stream_free(stream);
    qask_request_free(request);
    /* A template that nests deep. */
    request = ask("Hello", 4);
    static char deep[40000];
    memset(deep, '(', sizeof deep);
    memcpy(deep, "{{", 2);
    OK(qask_request_set_template(request, deep, sizeof deep, &error));
    stream = submit(engine, request);
    const qask_event *event = NULL;
    OK(qask_stream_next(stream, -1, &event, &error));
    CHECK(qask_event_error_code(event) == QASK_ERR_TEMPLATE);
    qask_stream_free(stream);
    qask_request_free(request);
    static char json[200000];
    memset(json, '[', sizeof json);
    FAILS(QASK_ERR_JSON, qask_request_from_json(json, sizeof json, &request, &error));
    qask_engine_free(engine);
    qask_model_free(model);
    return NULL;
}

static void small_stack(void) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512 << 10);
    pthread_t thread;
    CHECK(pthread_create(&thread, &attributes, on_a_small_stack, NULL) == 0);
    pthread_join(thread, NULL);
}

/* No handler of ours on any signal. */
static void signals(void) {
    for (int s = 1; s < 32; s++) {
        struct sigaction action;
        if (s == SIGKILL || s == SIGSTOP || sigaction(s, NULL, &action)) continue;
        /* The sanitizers install some of their own. */
#ifndef __SANITIZE_ADDRESS__
        CHECK(action.sa_handler == SIG_DFL || (s == SIGPIPE && action.sa_handler == SIG_IGN));
#endif
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    model_path = argv[1];
    if (argc > 2) leave(strcmp(argv[2], "leave elsewhere") == 0);
    forked();
    exits("leave");
    exits("leave elsewhere");
    small_stack();
    signals();
    return report("process");
}
