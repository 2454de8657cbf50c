// chat [--once] MODEL.gguf [PROMPT]: one answer, streamed as it is made, or at once when it is whole. Without a prompt
// a conversation, a line a message; /save FILE, /load FILE, /regenerate and /quit are commands.
#include <qask.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

static void report(const qask::event &done) {
    const qask_event *event = done.get();
    std::cerr << "[" << qask_event_finish_reason_name(event) << ": " << qask_event_prompt_tokens(event)
              << " prompt tokens, " << qask_event_cached_tokens(event) << " of them cached, "
              << qask_event_output_tokens(event) << " new ones]\n";
}

static void stream_it(qask::stream stream) {
    for (const qask::event &event : stream) {
        std::cout << event.text() << std::flush;
        if (!event.is_done()) continue;
        std::cout << std::endl;
        report(event);
    }
}

static void save(const qask::chat &chat, const std::string &path) {
    std::ofstream file(path, std::ios::binary);
    if (!(file << chat.export_json() << std::flush)) std::cerr << path << ": cannot be written\n";
}

static void load(qask::chat &chat, const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream json;
    if (!(json << file.rdbuf())) {
        std::cerr << path << ": cannot be read\n";
        return;
    }
    chat.import_json(json.str());
    std::cerr << "[" << chat.count() << " messages]\n";
}

static void take(qask::chat &chat, const std::string &line) {
    if (line.rfind("/save ", 0) == 0) save(chat, line.substr(6));
    else if (line.rfind("/load ", 0) == 0) load(chat, line.substr(6));
    else if (line == "/regenerate") stream_it(chat.regenerate());
    else if (line[0] == '/') std::cerr << "commands: /save FILE, /load FILE, /regenerate, /quit\n";
    else stream_it(chat.send(line));
}

static void converse(qask::chat &chat) {
    std::string line;
    while (std::cerr << "> ", std::getline(std::cin, line) && line != "/quit") {
        if (line.empty()) continue;
        try {
            take(chat, line);
        } catch (const qask::error &error) { // it is told, and the conversation goes on
            std::cerr << error.what() << "\n";
        }
    }
}

int main(int argc, char **argv) {
    const bool once = argc > 1 && std::string(argv[1]) == "--once";
    argc -= once;
    argv += once;
    if (argc < 2) {
        std::cerr << "usage: chat [--once] MODEL.gguf [PROMPT]\n";
        return 2;
    }
    try {
        qask::model model(argv[1]);
        qask::engine engine(model);
        qask::request settings;
        settings.call(qask_request_set_max_tokens, 256u)
            .call(qask_request_set_context_policy, QASK_CONTEXT_DROP_OLDEST);
        qask::chat chat(engine, &settings);
        if (argc < 3) converse(chat);
        else if (once) std::cout << chat.send(argv[2]).collect() << "\n";
        else stream_it(chat.send(argv[2]));
    } catch (const qask::error &error) {
        std::cerr << error.name() << ": " << error.what() << "\n";
        return 1;
    }
    return 0;
}
