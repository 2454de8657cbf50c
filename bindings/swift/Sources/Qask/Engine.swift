// Many answers at once over one model.
import CQask

/// Serves requests over a model: one thread of the library computes many at once. Use it from any number of tasks. When nobody
/// refers to it any more it ends by itself, and waits for nothing; ``shutdown()`` waits.
public final class Engine: Sendable {
    let handle: Handle

    /// What it answers with.
    public let model: Model

    init(_ object: OpaquePointer, over model: Model) {
        handle = Handle(object, qask_engine_free)
        self.model = model
    }

    /// The events of an answer, see ``EventStream``.
    ///
    /// The stream throws what is wrong with the request, ``QaskError/queueFull(_:)``, ``QaskError/closed(_:)``, and the error of
    /// the generation.
    public func generate(_ request: Request) -> EventStream {
        events { [self] in try Answer(submit(request), of: self) { Event($0) } }
    }

    /// ``generate(_:)-swift.method`` with a request that is made here: `engine.generate { $0.user("Hello!") }`.
    public func generate(_ set: (inout Request) throws -> Void) rethrows -> EventStream { generate(try Request(set)) }

    /// The events of an answer as the JSON of OpenAI's `chat.completion.chunk`, with this id in them: for a server.
    public func chunks(_ request: Request, id: String) -> AsyncThrowingStream<String, any Error> {
        events { [self] in
            try Answer(submit(request), of: self) { event in
                try lendName(id) { id in try madeText { qask_event_json(event, id, $0, $1) } }
            }
        }
    }

    private func submit(_ request: Request) throws -> OpaquePointer {
        try handle.use { engine in
            try request.use { request in try made { qask_engine_submit(engine, request, nil, $0, $1) } }
        }
    }

    /// Waits for a whole answer. Throws as ``generate(_:)-swift.method`` does; a task that is cancelled gets `CancellationError`.
    public func ask(_ request: Request) async throws -> Reply { try await generate(request).reply() }

    /// Waits for a whole answer to a request that is made here.
    public func ask(
        isolation: isolated (any Actor)? = #isolation, _ set: (inout Request) throws -> Void
    ) async throws -> Reply {
        try await ask(try Request(set))
    }

    /// Waits for an answer that is JSON and valid under the schema, in place of the request's constraint, stop texts and number
    /// of answers.
    ///
    /// Throws ``QaskError/grammar(_:)`` (the schema), ``QaskError/tooLong(_:)`` (the answer was cut off before its JSON was
    /// complete), and as ``ask(_:)-swift.method``.
    public func askJSON(_ request: Request, schema: String) async throws -> String {
        try await cancellable { [handle] flag in
            try handle.use { engine in
                try request.use { request in
                    try lend(schema) { schema, length in
                        try flag.use { cancel in
                            try madeText { qask_engine_ask_json(engine, request, schema, length, cancel, $0, $1) }
                        }
                    }
                }
            }
        }
    }

    /// Waits for an answer of a type, whose schema is that of ``schema(of:)``: `engine.ask(City.self, request)`.
    public func ask<T: Decodable>(_ type: T.Type, _ request: Request) async throws -> T {
        try value(type, of: await askJSON(request, schema: schema(of: type)))
    }

    /// Waits for an answer of a type to a request that is made here.
    public func ask<T: Decodable>(
        _ type: T.Type, isolation: isolated (any Actor)? = #isolation, _ set: (inout Request) throws -> Void
    ) async throws -> T {
        let json = try await askJSON(try Request(set), schema: schema(of: type))
        return try value(type, of: json)
    }

    /// Makes a conversation. Messages of `settings` open it; its other options are those of every answer. It holds the engine.
    ///
    /// Throws ``QaskError/range(_:)``.
    public func chat(_ settings: Request = Request()) throws -> Chat {
        try handle.use { engine in
            try settings.use { request in Chat(try made { qask_chat_new(engine, request, $0, $1) }, settings, over: self) }
        }
    }

    /// Makes a conversation with settings that are made here: `engine.chat { $0.system("You are brief.") }`.
    public func chat(_ set: (inout Request) throws -> Void) throws -> Chat { try chat(try Request(set)) }

    /// Evaluates a request's prompt, so that later requests that begin with it start faster. With `pin` it is kept until
    /// ``unpin()``.
    public func prewarm(_ request: Request, pin: Bool = false) async throws {
        let prompt: EventStream = events { [self] in
            let stream = try handle.use { engine in
                try request.use { request in try made { qask_engine_prewarm(engine, request, pin, $0, $1) } }
            }
            return try Answer(stream, of: self) { Event($0) }
        }
        _ = try await prompt.reply()
    }

    /// Lets every pinned prefix be dropped when room is needed.
    public func unpin() throws {
        try handle.use { engine in _ = try check { qask_engine_unpin(engine, $0) } }
    }

    /// Changes the numbers of threads from the next step on: 1 to 512 each. `batch` is for prompts; nil: as `threads`.
    public func setThreads(_ threads: Int, batch: Int? = nil) throws {
        let (threads, batch): (UInt32, UInt32) = (try fitting(threads, "threads"), try fitting(batch ?? threads, "batch"))
        try handle.use { engine in _ = try check { qask_engine_set_threads(engine, threads, batch, $0) } }
    }

    /// Tokens that one sequence may hold.
    public var contextTokens: Int { handle.use { Int(qask_engine_n_ctx($0)) } }

    /// Tokens that the KV cache holds.
    public var kvTokens: Int { handle.use { Int(qask_engine_kv_tokens($0)) } }

    /// Figures of this moment.
    public func stats() throws -> Stats {
        try handle.use { engine in
            let figures = try made { qask_engine_stats(engine, $0, $1) }
            defer { qask_stats_free(figures) }
            return Stats(figures)
        }
    }
}

// Rest, and the end.
extension Engine {
    /// Stops computing behind the current step, until ``resume()``, and waits until it rests. Requests are taken and wait,
    /// cancellation and deadlines hold.
    public func pause() async throws {
        try await patient { [handle] millis in try handle.use { engine in try check { qask_engine_pause(engine, millis, $0) } } }
    }

    /// ``pause()`` without waiting: it rests behind the current step.
    public func pauseSoon() throws {
        try handle.use { engine in _ = try check { qask_engine_pause(engine, 0, $0) } }
    }

    /// Goes on after ``pause()``.
    public func resume() throws {
        try handle.use { engine in _ = try check { qask_engine_resume(engine, $0) } }
    }

    /// Lets go of memory behind the current step, and waits for that.
    public func trim(_ level: Trim) async throws {
        try await patient { [handle] millis in
            try handle.use { engine in try check { qask_engine_trim(engine, level.rawValue, millis, $0) } }
        }
    }

    /// ``trim(_:)`` without waiting: it is done behind the current step.
    public func trimSoon(_ level: Trim) throws {
        try handle.use { engine in _ = try check { qask_engine_trim(engine, level.rawValue, 0, $0) } }
    }

    /// Takes no more requests, ends what runs with ``QaskError/closed(_:)``, and waits until the memory is free.
    public func shutdown() async throws {
        try await patient { [handle] millis in try handle.use { engine in try check { qask_engine_close(engine, millis, $0) } } }
    }
}
