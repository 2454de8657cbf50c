/*
 * qask.h for C++17: handles that free themselves, errors that are thrown, events by range-for.
 *
 *     qask::model model("model.gguf");
 *     qask::engine engine(model);
 *     qask::chat chat(engine);
 *     for (const qask::event &event : chat.send("Hello!")) std::cout << event.text();
 *
 * Thin on purpose: what has no method here is called by its name in qask.h, with the error and the handle filled in:
 *
 *     qask::request request;
 *     request.call(qask_request_set_max_tokens, 256u).call(qask_request_set_temperature, 0.7f);
 *
 * The contract is that of qask.h. Objects can be moved and not copied. In a request, an option object, a chat or a
 * stream one thread works at a time. Header only: an exception never crosses the library.
 */
#ifndef QASK_HPP
#define QASK_HPP

#include <qask.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace qask {

/* What qask_error says: a code of qask.h and what to do about it. */
class error : public std::runtime_error {
  public:
    error(qask_status code, const std::string &message) : std::runtime_error(message), code_(code) {}
    qask_status code() const noexcept { return code_; }
    const char *name() const noexcept { return qask_status_name(code_); }

  private:
    qask_status code_;
};

/* Calls a function of qask.h that takes an error last. Throws what is an error; DONE and TIMEOUT are results. */
template <class Function, class... Arguments> qask_status call(Function function, Arguments... arguments) {
    qask_error *raw = nullptr;
    const qask_status status = function(arguments..., &raw);
    if (status < 100) return status;
    std::unique_ptr<qask_error, void (*)(qask_error *)> owned(raw, qask_error_free);
    throw error(status, qask_error_message(raw, nullptr));
}

/* A new handle by a function that gives it in the parameter before the error. */
template <class Handle, class Function, class... Arguments> Handle *make(Function function, Arguments... arguments) {
    Handle *handle = nullptr;
    call(function, arguments..., &handle);
    return handle;
}

/* The handle of something that may be left out. */
template <class T> auto raw(const T *optional) noexcept -> decltype(optional->get()) {
    return optional == nullptr ? nullptr : optional->get();
}

/* A handle and the function that frees it. */
template <class Self, class Handle, void (*Free)(Handle *)> class object {
  public:
    Handle *get() const noexcept { return handle_.get(); }

    /* Any function of qask.h that takes this handle first and an error last. */
    template <class Function, class... Arguments> Self &call(Function function, Arguments... arguments) {
        qask::call(function, get(), arguments...);
        return static_cast<Self &>(*this);
    }

  protected:
    explicit object(Handle *handle = nullptr) noexcept : handle_(handle) {}


  private:
    struct deleter {
        void operator()(Handle *handle) const noexcept { Free(handle); }
    };
    std::unique_ptr<Handle, deleter> handle_;
};

/* Text of a getter that may have none. */
inline std::string_view view(const char *text, std::size_t length) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text, length);
}

/* What a qask_string holds; frees it. */
inline std::string take(qask_string *string) {
    std::unique_ptr<qask_string, void (*)(qask_string *)> owned(string, qask_string_free);
    std::size_t length = 0;
    const char *data = qask_string_data(string, &length);
    return std::string(view(data, length));
}

struct cancel : object<cancel, qask_cancel, qask_cancel_free> {
    cancel() : object(make<qask_cancel>(qask_cancel_new)) {}
    void raise() { call(qask_cancel_raise); }
};

struct model_options : object<model_options, qask_model_options, qask_model_options_free> {
    model_options() : object(make<qask_model_options>(qask_model_options_new)) {}
};

struct engine_options : object<engine_options, qask_engine_options, qask_engine_options_free> {
    engine_options() : object(make<qask_engine_options>(qask_engine_options_new)) {}
};

struct request : object<request, qask_request, qask_request_free> {
    request() : object(make<qask_request>(qask_request_new)) {}
    static request from_json(std::string_view json) {
        return request(make<qask_request>(qask_request_from_json, json.data(), json.size()));
    }
    request &add(const char *role, std::string_view content) {
        return call(qask_request_add_message, role, content.data(), content.size());
    }

  private:
    explicit request(qask_request *handle) : object(handle) {}
};

struct model : object<model, qask_model, qask_model_free> {
    explicit model(const std::string &path, const model_options *options = nullptr, const qask::cancel *cancel = nullptr)
        : object(make<qask_model>(qask_model_load, path.c_str(), raw(options), raw(cancel))) {}
    std::string_view name() const noexcept { return fact(qask_model_name); }
    std::string_view architecture() const noexcept { return fact(qask_model_architecture); }
    std::string render(const qask::request &request) const { return take(make<qask_string>(qask_model_render, get(), request.get())); }

  private:
    std::string_view fact(const char *(*getter)(const qask_model *, std::size_t *)) const noexcept {
        std::size_t length = 0;
        const char *data = getter(get(), &length);
        return view(data, length);
    }
};

/* Borrowed from its stream, until the next event or the stream's end. */
class event {
  public:
    explicit event(const qask_event *handle) noexcept : event_(handle) {}
    const qask_event *get() const noexcept { return event_; }
    std::int32_t type() const noexcept { return qask_event_type(event_); }
    bool is_done() const noexcept { return type() == QASK_EVENT_DONE; }
    std::uint32_t choice() const noexcept { return qask_event_choice(event_); }
    std::int32_t finish_reason() const noexcept { return qask_event_finish_reason(event_); }
    std::string_view text() const noexcept {
        std::size_t length = 0;
        const char *data = qask_event_text(event_, &length);
        return view(data, length);
    }
    /* Throws when it is the DONE of a choice that failed. */
    void check() const {
        const qask_status code = qask_event_error_code(event_);
        if (code >= 100) throw error(code, qask_event_error_message(event_, nullptr));
    }

  private:
    const qask_event *event_;
};

struct stream : object<stream, qask_stream, qask_stream_free> {
    explicit stream(qask_stream *handle) noexcept : object(handle) {}

    /* QASK_OK with an event, QASK_TIMEOUT or QASK_DONE. */
    qask_status next(std::optional<event> &out, std::int64_t timeout_ms = -1) {
        const qask_event *found = nullptr;
        const qask_status status = qask::call(qask_stream_next, get(), timeout_ms, &found);
        out = status == QASK_OK ? std::optional<event>(found) : std::nullopt;
        return status;
    }
    /* Waits for the whole text of the first choice. */
    std::string collect() {
        qask_string *text = nullptr;
        qask::call(qask_stream_collect, get(), &text, static_cast<const qask_event **>(nullptr));
        return take(text);
    }
    /* Waits for the whole answer, as the assistant's message in JSON. */
    std::string collect_message() {
        qask_string *message = nullptr;
        qask::call(qask_stream_collect_message, get(), &message, static_cast<const qask_event **>(nullptr));
        return take(message);
    }
    void cancel() { call(qask_stream_cancel); }

    /* for (const qask::event &event : stream): waits for each; a choice that failed is thrown. */
    struct end_of_stream {};
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using pointer = const event *;
        using reference = const event &;

        explicit iterator(stream &of) : stream_(&of) { ++*this; }
        reference operator*() const noexcept { return *event_; }
        pointer operator->() const noexcept { return &*event_; }
        iterator &operator++() {
            stream_->next(event_);
            if (event_) event_->check();
            return *this;
        }
        bool operator!=(end_of_stream) const noexcept { return event_.has_value(); }

      private:
        stream *stream_;
        std::optional<event> event_;
    };
    iterator begin() { return iterator(*this); }
    end_of_stream end() const noexcept { return {}; }
};

struct engine : object<engine, qask_engine, qask_engine_free> {
    explicit engine(const model &model, const engine_options *options = nullptr)
        : object(make<qask_engine>(qask_engine_new, model.get(), raw(options))) {}
    qask::stream submit(const request &request, const qask::cancel *cancel = nullptr) {
        return stream(make<qask_stream>(qask_engine_submit, get(), request.get(), raw(cancel)));
    }
};

struct chat : object<chat, qask_chat, qask_chat_free> {
    /* `settings` has the sampling, limits and tools of every answer. */
    explicit chat(const engine &engine, const request *settings = nullptr)
        : object(make<qask_chat>(qask_chat_new, engine.get(), raw(settings))) {}
    chat &system(std::string_view content) { return call(qask_chat_set_system, content.data(), content.size()); }
    qask::stream send(std::string_view content, const qask::cancel *cancel = nullptr) {
        return qask::stream(make<qask_stream>(qask_chat_send, get(), content.data(), content.size(), raw(cancel)));
    }
    qask::stream regenerate(const qask::cancel *cancel = nullptr) {
        return qask::stream(make<qask_stream>(qask_chat_regenerate, get(), raw(cancel)));
    }
    std::size_t count() const noexcept { return qask_chat_count(get()); }
    std::string text_at(std::size_t index) const { return take(make<qask_string>(qask_chat_text_at, get(), index)); }
    std::string export_json() const { return take(make<qask_string>(qask_chat_export, get())); }
    chat &import_json(std::string_view json) { return call(qask_chat_import, json.data(), json.size()); }
    chat fork() const { return chat(make<qask_chat>(qask_chat_fork, get())); }

  private:
    explicit chat(qask_chat *handle) noexcept : object(handle) {}
};

/* Streams that have something to read, for one thread that serves many. */
struct queue : object<queue, qask_queue, qask_queue_free> {
    queue() : object(make<qask_queue>(qask_queue_new)) {}
    /* The stream still belongs to you; `tag` is what next gives for it. */
    queue &add(const stream &of, std::uint64_t tag) { return call(qask_queue_add, of.get(), tag); }
    std::optional<std::uint64_t> next(std::int64_t timeout_ms = -1) {
        std::uint64_t tag = 0;
        if (qask::call(qask_queue_next, get(), timeout_ms, &tag) != QASK_OK) return std::nullopt;
        return tag;
    }
};
} // namespace qask

#endif /* QASK_HPP */
