// terminate MODEL.gguf: the library leaves std::terminate as it found it, whatever happens in it; and a C++ exception of
// the program's own passes through frames that called the library.
#include <exception>
#include <stdexcept>
#include "test.h"

static void mine() { std::abort(); }

// The way there and back, with a file that is none and with an answer.
static void use(const char *path) {
    qask_model *none = nullptr;
    FAILS(QASK_ERR_NOT_FOUND, qask_model_load("no-such-model.gguf", nullptr, nullptr, &none, &error));
    FAILS(QASK_ERR_INVALID, qask_model_load("/dev/null", nullptr, nullptr, &none, &error));
    qask_model *model = load(path);
    qask_engine *engine = start(model);
    qask_request *request = ask("Hello", 4);
    qask_stream *stream = submit(engine, request);
    CHECK(drain(stream, nullptr, 0) != QASK_FINISH_ERROR);
    qask_stream_free(stream);
    qask_request_free(request);
    OK(qask_engine_close(engine, -1, &error));
    qask_engine_free(engine);
    qask_model_free(model);
}

static void throws(const char *path) {
    use(path);
    throw std::runtime_error("mine");
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    std::terminate_handler first = std::get_terminate();
    use(argv[1]);
    CHECK(std::get_terminate() == first);
    std::set_terminate(mine);
    bool caught = false;
    try {
        throws(argv[1]);
    } catch (const std::runtime_error &) {
        caught = true;
    }
    CHECK(caught);
    CHECK(std::get_terminate() == mine);
    return report("terminate");
}
