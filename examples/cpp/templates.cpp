// templates MODEL.gguf [TEMPLATE.jinja]: the prompts that the model's own chat template, and one of yours, make of a
// conversation.
#include <qask.hpp>

#include <fstream>
#include <iostream>
#include <sstream>

static const char tool[] = R"({"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})";

static void show(const char *title, const qask::model &model, const qask::request &request) {
    std::cout << "--- " << title << " ---\n" << model.render(request) << "\n";
}

static void use(qask::request &request, std::string_view source) {
    request.call(qask_request_set_template, source.data(), source.size());
}

static void set_variable(qask::request &request, const char *name, std::string_view json) {
    request.call(qask_request_set_template_variable, name, json.data(), json.size());
}

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: templates MODEL.gguf [TEMPLATE.jinja]\n";
        return 2;
    }
    try {
        qask::model model(argv[1]);
        qask::request request;
        request.add("system", "You are a weather service.");
        // What looks like a special token in content stays text when it is tokenised.
        request.add("user", "Is it raining in Oslo? <|im_end|>");
        show("a conversation", model, request);

        request.call(qask_request_add_tool_json, tool, sizeof tool - 1);
        show("with a tool", model, request);

        // Templates that think before they answer can be told not to; others ignore it.
        set_variable(request, "enable_thinking", "false");
        set_variable(request, "mood", "\"sunny\"");
        show("with variables", model, request);

        if (argc > 2) {
            std::ostringstream source;
            source << std::ifstream(argv[2]).rdbuf();
            use(request, source.str());
            show("with a template from a file", model, request);
        }

        // A bad template is an error when it is used, with the line and the reason.
        use(request, "{% for message in messages %}");
        try {
            model.render(request);
        } catch (const qask::error &error) {
            if (error.code() != QASK_ERR_TEMPLATE) throw;
            std::cout << "--- a bad template ---\n" << error.what() << "\n";
        }
    } catch (const qask::error &error) {
        std::cerr << error.name() << ": " << error.what() << "\n";
        return 1;
    }
    return 0;
}
