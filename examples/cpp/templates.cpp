// templates MODEL.gguf: the prompt that a conversation becomes, by the model's own chat template and by one of yours;
// and what a bad template gives.
#include <qask.hpp>

#include <iostream>

static void use(qask::request &request, std::string_view source) {
    request.call(qask_request_set_template, source.data(), source.size());
}

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: templates MODEL.gguf\n";
        return 2;
    }
    try {
        qask::model model(argv[1]);
        qask::request request;
        request.add("system", "You are brief.").add("user", "What is the capital of France?");
        std::cout << model.render(request) << "\n\n";

        use(request, "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] ");
        std::cout << model.render(request) << "\n\n";

        use(request, "{% for m in messages %}{{ m.content"); // an error when it is used
        std::cout << model.render(request) << "\n";
    } catch (const qask::error &error) {
        std::cout << error.name() << ": " << error.what() << "\n";
        return error.code() == QASK_ERR_TEMPLATE ? 0 : 1;
    }
    return 1;
}
