/* A plugin of the program unload.c: it starts an engine that generates, and leaves it so. */
#include "test.h"

void begin(const char *path);

void begin(const char *path) {
    const qask_event *event = NULL;
    qask_request *request = ask("Count from one to a thousand.", 2000);
    OK(qask_request_set_ignore_eos(request, true, &error));
    qask_stream *stream = submit(start(load(path)), request);
    OK(qask_stream_next(stream, -1, &event, &error));
}
