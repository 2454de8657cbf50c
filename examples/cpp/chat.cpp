// chat MODEL.gguf [PROMPT]: one answer, or a conversation, a line a message; /save FILE, /load FILE, /regenerate and
// /quit are commands. Plain C++ over the C header: a deleter for each noun, and errors that are thrown.
#include <qask.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

template <auto free>
struct Free {
    template <class T>
    void operator()(T *object) const { free(object); }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;
using Model = Owned<qask_model, qask_model_free>;
using Engine = Owned<qask_engine, qask_engine_free>;
using Request = Owned<qask_request, qask_request_free>;
using Chat = Owned<qask_chat, qask_chat_free>;
using Stream = Owned<qask_stream, qask_stream_free>;
using String = Owned<qask_string, qask_string_free>;

// Throws what a call that failed says.
static void check(const std::function<qask_status(qask_error **)> &call) {
    qask_error *error = nullptr;
    if (call(&error) == QASK_OK) return;
    std::string text = qask_error_message(error, nullptr);
    qask_error_free(error);
    throw std::runtime_error(text);
}

// What a call hands out, owned.
template <class Owner>
static Owner made(const std::function<qask_status(typename Owner::pointer *, qask_error **)> &call) {
    typename Owner::pointer out = nullptr;
    check([&](qask_error **error) { return call(&out, error); });
    return Owner(out);
}

static void print(const Stream &stream) {
    const qask_event *event = nullptr;
    while (qask_stream_next(stream.get(), -1, &event, nullptr) == QASK_OK) {
        if (qask_event_type(event) == QASK_EVENT_TEXT) std::cout << qask_event_text(event, nullptr) << std::flush;
        if (qask_event_type(event) != QASK_EVENT_DONE) continue;
        std::cout << std::endl;
        if (qask_event_error_code(event) != QASK_OK) throw std::runtime_error(qask_event_error_message(event, nullptr));
        std::cerr << "[" << qask_event_finish_reason_name(event) << ": " << qask_event_prompt_tokens(event)
                  << " prompt tokens, " << qask_event_cached_tokens(event) << " of them cached, "
                  << qask_event_output_tokens(event) << " new ones]\n";
    }
}

static Stream send(qask_chat *chat, const std::string &text) {
    return made<Stream>([&](qask_stream **out, qask_error **error) {
        return qask_chat_send(chat, text.data(), text.size(), nullptr, out, error);
    });
}

static void save(const qask_chat *chat, const std::string &path) {
    auto json = made<String>(
        [&](qask_string **out, qask_error **error) { return qask_chat_export(chat, out, error); });
    if (!(std::ofstream(path) << qask_string_data(json.get(), nullptr))) throw std::runtime_error(path + ": not written");
}

static void load(qask_chat *chat, const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": not found");
    std::string json(std::istreambuf_iterator<char>(file), {});
    check([&](qask_error **error) { return qask_chat_import(chat, json.data(), json.size(), error); });
    std::cerr << "[" << qask_chat_count(chat) << " messages]\n";
}

static void take(qask_chat *chat, const std::string &line) {
    if (line.rfind("/save ", 0) == 0) save(chat, line.substr(6));
    else if (line.rfind("/load ", 0) == 0) load(chat, line.substr(6));
    else if (line == "/regenerate") {
        print(made<Stream>([&](qask_stream **out, qask_error **error) {
            return qask_chat_regenerate(chat, nullptr, out, error);
        }));
    } else if (!line.empty() && line[0] == '/') throw std::runtime_error("commands: /save FILE, /load FILE, /regenerate, /quit");
    else if (!line.empty()) print(send(chat, line));
}

static void run(const char *path, const char *prompt) {
    auto model = made<Model>([&](qask_model **out, qask_error **error) {
        return qask_model_load(path, nullptr, nullptr, out, error);
    });
    auto engine = made<Engine>([&](qask_engine **out, qask_error **error) {
        return qask_engine_new(model.get(), nullptr, out, error);
    });
    auto settings = made<Request>(qask_request_new);
    check([&](qask_error **error) { return qask_request_set_max_tokens(settings.get(), 256, error); });
    check([&](qask_error **error) {
        return qask_request_set_context_policy(settings.get(), QASK_CONTEXT_DROP_OLDEST, error);
    });
    auto chat = made<Chat>([&](qask_chat **out, qask_error **error) {
        return qask_chat_new(engine.get(), settings.get(), out, error);
    });
    if (prompt != nullptr) return print(send(chat.get(), prompt));
    for (std::string line; std::cerr << "> ", std::getline(std::cin, line) && line != "/quit";) {
        try {
            take(chat.get(), line);
        } catch (const std::exception &error) {
            std::cerr << error.what() << "\n";
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: chat MODEL.gguf [PROMPT]\n";
        return 2;
    }
    try {
        run(argv[1], argc > 2 ? argv[2] : nullptr);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
