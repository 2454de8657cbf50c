/* event_loop MODEL.gguf: three answers and a clock on one thread that sleeps in epoll. (Linux; elsewhere a pipe and
   poll or kqueue do the same.) */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "example.h"

static const char *const topics[] = {"the sun", "bread", "a river"};
enum { TOPICS = sizeof topics / sizeof *topics };

struct answer {
    qask_stream *stream;
    char text[2048];
    unsigned pieces;
};

/* On a thread of the library: all it does is to make the descriptor readable. */
static void wake(void *descriptor) {
    uint64_t one = 1;
    if (write(*(int *) descriptor, &one, sizeof one) < 0) perror("eventfd");
}

static void watch(int loop, int descriptor) {
    struct epoll_event event = {0};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event) != 0) perror("epoll_ctl");
}

/* Reads what one stream has; true at its end. */
static int read_some(struct answer *answer, const char *topic) {
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status;
    while ((status = qask_stream_next(answer->stream, 0, &event, &error)) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) {
            size_t used = strlen(answer->text);
            snprintf(answer->text + used, sizeof answer->text - used, "%s", qask_event_text(event, NULL));
            answer->pieces++;
        } else if (qask_event_type(event) == QASK_EVENT_DONE) {
            for (char *c = answer->text; *c; c++)
                if (*c == '\n') *c = ' ';
            printf("%s: %s [%s, %u pieces]\n", topic, answer->text, qask_event_finish_reason_name(event), answer->pieces);
        }
    }
    if (status == QASK_TIMEOUT) return 0;
    if (status != QASK_DONE) check(status, &error);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: event_loop MODEL.gguf\n");
        return 2;
    }
    qask_model *model = NULL;
    qask_engine *engine = NULL;
    qask_queue *queue = NULL;
    qask_error *error = NULL;
    check(qask_model_load(argv[1], NULL, NULL, &model, &error), &error);
    check(qask_engine_new(model, NULL, &engine, &error), &error);
    check(qask_queue_new(&queue, &error), &error);

    int loop = epoll_create1(0), events = eventfd(0, EFD_NONBLOCK), clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {{0, 50 * 1000 * 1000}, {0, 50 * 1000 * 1000}};
    timerfd_settime(clock, 0, &every, NULL);
    watch(loop, events);
    watch(loop, clock);
    check(qask_queue_set_wake(queue, wake, &events, NULL, &error), &error);

    static struct answer answers[TOPICS];
    for (uint64_t i = 0; i < TOPICS; i++) {
        qask_request *request = NULL;
        char question[64];
        int length = snprintf(question, sizeof question, "What is %s?", topics[i]);
        check(qask_request_new(&request, &error), &error);
        check(qask_request_add_message(request, "user", question, (size_t) length, &error), &error);
        check(qask_request_set_max_tokens(request, 40, &error), &error);
        check(qask_engine_submit(engine, request, NULL, &answers[i].stream, &error), &error);
        check(qask_queue_add(queue, answers[i].stream, i, &error), &error);
        qask_request_free(request);
    }

    unsigned long long ticks = 0;
    for (int running = TOPICS; running > 0;) {
        struct epoll_event event;
        uint64_t number = 0, i = 0;
        if (epoll_wait(loop, &event, 1, -1) < 1 || read(event.data.fd, &number, sizeof number) < 0) continue;
        if (event.data.fd == clock) {
            ticks += number;
            continue;
        }
        qask_status status;
        while ((status = qask_queue_next(queue, 0, &i, &error)) == QASK_OK) running -= read_some(&answers[i], topics[i]);
        if (status != QASK_TIMEOUT) check(status, &error);
    }
    printf("the clock ticked %llu times meanwhile\n", ticks);

    for (int i = 0; i < TOPICS; i++) qask_stream_free(answers[i].stream);
    qask_queue_free(queue);
    qask_engine_free(engine);
    qask_model_free(model);
    close(events);
    close(clock);
    close(loop);
    return 0;
}
