// A conversation.
import CQask

/// A conversation over an engine, which lives as long. It makes one answer at a time: meanwhile whatever changes, copies or
/// exports the history is ``QaskError/busy(_:)``. What was said before a cancel is kept and marked; when nothing was said by then,
/// or the generation failed, the history is again what it was before. Any task may use it, but two that change it at once may be
/// told ``QaskError/busy(_:)``.
public final class Chat: Sendable {
    let handle: Handle

    /// What makes its answers.
    public let engine: Engine

    private struct State {
        var settings: Request
        /// An answer was left before its end: it ends with the engine's step.
        var left = false
        /// ``run(_:)`` has changed the tool choice.
        var narrowed = false
    }

    private let state: Locked<State>

    init(_ object: OpaquePointer, _ settings: Request, over engine: Engine) {
        handle = Handle(object, qask_chat_free)
        self.engine = engine
        state = Locked(State(settings: settings))
    }

    /// What every answer is made with. Messages in it are left alone.
    public var settings: Request { state.with { $0.settings } }

    /// Changes what the next answers are made with. Throws ``QaskError/range(_:)`` and ``QaskError/busy(_:)``; then nothing changes.
    public func setSettings(_ settings: Request) throws {
        try apply(settings)
        state.with { $0.settings = settings }
    }

    /// Changes some of what the next answers are made with: `chat.change { $0.maxTokens = 20 }`.
    public func change(_ set: (inout Request) throws -> Void) throws {
        var settings = settings
        try set(&settings)
        try setSettings(settings)
    }

    private func apply(_ settings: Request) throws {
        try handle.use { chat in
            _ = try settings.use { request in try check { qask_chat_set_request(chat, request, $0) } }
        }
    }

    // ---- answers ----

    /// Says something and streams the answer, see ``EventStream``. It is said when the first event is awaited.
    ///
    /// The stream throws ``QaskError/busy(_:)`` while another answer is being made, and as ``Engine/generate(_:)-swift.method``.
    public func send(_ text: String) -> EventStream {
        answer { chat in
            try lend(text) { text, length in try made { qask_chat_send(chat, text, length, nil, $0, $1) } }
        }
    }

    /// ``send(_:)-(String)`` with any message, such as a tool's result.
    public func send(_ message: Message) -> EventStream {
        answer { chat in
            try lend(message.json) { json, length in try made { qask_chat_send_message_json(chat, json, length, nil, $0, $1) } }
        }
    }

    /// Answers the last message again: a reply at the end of the history goes first, and comes back if this fails.
    public func regenerate() -> EventStream {
        answer { chat in try made { qask_chat_regenerate(chat, nil, $0, $1) } }
    }

    private func answer(_ start: @escaping @Sendable (OpaquePointer) throws -> OpaquePointer) -> EventStream {
        events { [self] in
            try await settle()
            return try Answer(handle.use(start), of: self, left: { self.state.with { $0.left = true } }) { Event($0) }
        }
    }

    /// What ended before its end is over, and ``run(_:)`` has no say any more.
    private func settle() async throws {
        let left = state.with { state in
            defer { state.left = false }
            return state.left
        }
        if left { try await idle() }
        try widen()
    }

    private func widen() throws {
        let (narrowed, settings) = state.with { ($0.narrowed, $0.settings) }
        if !narrowed { return }
        try apply(settings)
        state.with { $0.narrowed = false }
    }

    /// Makes the next answer with another tool choice, for ``run(_:)``.
    func narrow(_ choice: ToolChoice) throws {
        var settings = settings
        settings.toolChoice = choice
        try apply(settings)
    }

    /// What ``narrow(_:)`` did ends with the next answer that is not one of ``run(_:)``.
    func narrowed() { state.with { $0.narrowed = true } }

    /// Says something and waits for the whole answer.
    public func ask(_ text: String) async throws -> Reply { try await send(text).reply() }

    /// Says something and waits for an answer that is JSON and valid under the schema; it joins the history.
    ///
    /// Throws ``QaskError/grammar(_:)`` (the schema), ``QaskError/tooLong(_:)`` (the answer was cut off before its JSON was
    /// complete), and as ``send(_:)-(String)``.
    public func askJSON(_ text: String, schema: String) async throws -> String {
        try await settle()
        return try await cancellable { [handle] flag in
            try handle.use { chat in
                try lend(text) { text, length in
                    try lend(schema) { schema, schemaLength in
                        try flag.use { cancel in
                            try madeText { qask_chat_ask_json(chat, text, length, schema, schemaLength, cancel, $0, $1) }
                        }
                    }
                }
            }
        }
    }

    /// Says something and waits for an answer of a type, whose schema is that of ``schema(of:)``.
    public func ask<T: Decodable>(_ type: T.Type, _ text: String) async throws -> T {
        try value(type, of: await askJSON(text, schema: schema(of: type)))
    }

    /// Waits until no answer is being made.
    public func idle() async throws {
        try await patient { [handle] millis in try handle.use { chat in try check { qask_chat_wait(chat, millis, $0) } } }
    }

    /// Whether an answer is being made.
    public var isBusy: Bool { handle.use { qask_chat_is_busy($0) } }

    // ---- history ----

    /// How many messages there are. While an answer is being made, the message that asked for it is among them.
    public var count: Int { handle.use { qask_chat_count($0) } }

    /// Message `index`, from 0. Throws ``QaskError/range(_:)``.
    public func message(_ index: Int) throws -> Message {
        let index = try place(index)
        return try Message(json: handle.use { chat in try madeText { qask_chat_message_json_at(chat, index, $0, $1) } })
    }

    /// The history.
    public var messages: [Message] {
        get throws { try (0..<count).map { try message($0) } }
    }

    /// Why reply `index` is not whole; nil for one that is.
    public func cutShort(_ index: Int) -> FinishReason? {
        handle.use { FinishReason(rawValue: qask_chat_cut_short_at($0, index)) }
    }

    /// How many messages have left the history because they did not fit, under ``ContextPolicy/dropOldest``.
    public var droppedMessages: UInt64 { handle.use { qask_chat_dropped_messages($0) } }

    /// Sets the system message, which opens the conversation, or replaces it.
    public func setSystem(_ text: String) throws {
        try handle.use { chat in
            _ = try lend(text) { text, length in try check { qask_chat_set_system(chat, text, length, $0) } }
        }
    }

    /// Adds a message without asking for an answer.
    public func add(_ message: Message) throws {
        try handle.use { chat in
            _ = try lend(message.json) { json, length in try check { qask_chat_add_message_json(chat, json, length, $0) } }
        }
    }

    /// Puts another message in the place of message `index`; what follows stays. Throws ``QaskError/range(_:)``.
    public func setMessage(_ index: Int, _ message: Message) throws {
        let index = try place(index)
        try handle.use { chat in
            _ = try lend(message.json) { json, length in
                try check { qask_chat_set_message_json_at(chat, index, json, length, $0) }
            }
        }
    }

    /// Takes out the turn that message `index` belongs to: a user's message with everything up to the next one.
    public func dropTurn(_ index: Int) throws {
        let index = try place(index)
        try handle.use { chat in _ = try check { qask_chat_drop_turn_at(chat, index, $0) } }
    }

    private func place(_ index: Int) throws -> Int {
        if index < 0 { throw QaskError.range("index is \(index), which is negative") }
        return index
    }

    /// Takes out every message but the system messages at the beginning.
    public func clear() throws {
        try handle.use { chat in _ = try check { qask_chat_clear(chat, $0) } }
    }

    /// The history as JSON. Settings are not in it.
    public func exportJSON() throws -> String {
        try handle.use { chat in try madeText { qask_chat_export(chat, $0, $1) } }
    }

    /// Puts a history that ``exportJSON()`` gave in the place of this one. On an error nothing changes.
    ///
    /// Throws ``QaskError/json(_:)``, ``QaskError/range(_:)``, ``QaskError/unsupported(_:)`` (another version),
    /// ``QaskError/tooLong(_:)``, with the place.
    public func importJSON(_ json: String) throws {
        try handle.use { chat in
            _ = try lend(json) { json, length in try check { qask_chat_import(chat, json, length, $0) } }
        }
    }

    /// A copy that goes its own way from here, over the same engine.
    public func fork() throws -> Chat {
        let (settings, narrowed) = state.with { ($0.settings, $0.narrowed) }
        let fork = Chat(try handle.use { chat in try made { qask_chat_fork(chat, $0, $1) } }, settings, over: engine)
        if narrowed { fork.narrowed() }
        return fork
    }
}
