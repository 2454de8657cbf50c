// event_loop MODEL.gguf: three answers and a clock on one thread that sleeps in epoll. (Linux; elsewhere a pipe and poll
// or kqueue do the same.)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <qask.hpp>
#include <vector>

struct answer {
    std::string topic;
    qask::stream stream;
    std::string text;
    unsigned pieces = 0;
};

// A descriptor that is closed when it goes.
struct descriptor {
    explicit descriptor(int opened) : number(opened) {}
    descriptor(const descriptor &) = delete;
    descriptor &operator=(const descriptor &) = delete;
    ~descriptor() { close(number); }
    const int number;
};

// On a thread of the library: all it does is to make the descriptor readable. Nothing may be thrown here.
static void wake(void *events) {
    const std::uint64_t one = 1;
    if (write(static_cast<descriptor *>(events)->number, &one, sizeof one) < 0) perror("eventfd");
}

static void watch(const descriptor &loop, const descriptor &what) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = what.number;
    if (epoll_ctl(loop.number, EPOLL_CTL_ADD, what.number, &event) != 0) perror("epoll_ctl");
}

// Reads what one stream has; true at its end.
static bool read_some(answer &of) {
    std::optional<qask::event> event;
    qask_status status;
    while ((status = of.stream.next(event, 0)) == QASK_OK) {
        event->check();
        if (event->is_done()) {
            std::replace(of.text.begin(), of.text.end(), '\n', ' ');
            std::cout << of.topic << ": " << of.text << " [" << qask_event_finish_reason_name(event->get()) << ", "
                      << of.pieces << " pieces]\n";
        } else {
            of.text += event->text();
            of.pieces++;
        }
    }
    return status == QASK_DONE;
}

static void serve(const char *path) {
    qask::model model(path);
    qask::engine engine(model);
    // Behind the descriptor: the queue goes first, and with it the wake-ups.
    descriptor loop(epoll_create1(0)), events(eventfd(0, EFD_NONBLOCK)), clock(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    const itimerspec every = {{0, 50 * 1000 * 1000}, {0, 50 * 1000 * 1000}};
    timerfd_settime(clock.number, 0, &every, nullptr);
    watch(loop, events);
    watch(loop, clock);
    qask::queue queue;
    queue.call(qask_queue_set_wake, wake, static_cast<void *>(&events), nullptr);

    std::vector<answer> answers;
    for (const char *topic : {"the sun", "bread", "a river"}) {
        qask::request request;
        request.add("user", std::string("What is ") + topic + "?").call(qask_request_set_max_tokens, 40u);
        answers.push_back({topic, engine.submit(request), "", 0});
        queue.add(answers.back().stream, answers.size() - 1);
    }
    unsigned long long ticks = 0;
    for (std::size_t running = answers.size(); running > 0;) {
        epoll_event event;
        std::uint64_t number = 0;
        if (epoll_wait(loop.number, &event, 1, -1) < 1 || read(event.data.fd, &number, sizeof number) < 0) continue;
        if (event.data.fd == clock.number) {
            ticks += number;
            continue;
        }
        while (const auto tag = queue.next(0)) running -= read_some(answers[*tag]);
    }
    std::cout << "the clock ticked " << ticks << " times meanwhile\n";
}

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: event_loop MODEL.gguf\n";
        return 2;
    }
    try {
        serve(argv[1]);
    } catch (const qask::error &error) {
        std::cerr << error.name() << ": " << error.what() << "\n";
        return 1;
    }
    return 0;
}
