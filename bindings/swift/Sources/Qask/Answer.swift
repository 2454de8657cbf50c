// One running answer, and the same as an AsyncThrowingStream.
import CQask

/// The events of an answer. It is asked for when the first of them is awaited. It ends early, within a step of the engine, when
/// its task is cancelled, and when the stream is let go of, as it is when a `for` loop is left. A generation that fails gives
/// its ``Event/done(_:)``, then its error. One task reads it.
public typealias EventStream = AsyncThrowingStream<Event, any Error>

/// A running answer of the library, whose events are copied as `Element`.
final class Answer<Element: Sendable>: Sendable {
    private enum Found {
        case event(Element)
        case nothing
        case end
    }

    private struct State {
        var failed: QaskError?
        var ended = false
    }

    private let handle: Handle
    /// What the answer comes from: it would end with its last owner, and a program may hold nothing but the stream.
    private let source: any AnyObject & Sendable
    private let wake = Wake()
    private let read: @Sendable (OpaquePointer) throws -> Element?
    private let left: @Sendable () -> Void
    private let state = Locked(State())

    /// `read` copies an event that the library lends, nil for one to pass over; `left` is called when the answer is let go of
    /// before its end.
    init(
        _ stream: OpaquePointer, of source: any AnyObject & Sendable, left: @escaping @Sendable () -> Void = {},
        read: @escaping @Sendable (OpaquePointer) throws -> Element?
    ) throws {
        handle = Handle(stream, qask_stream_free)
        self.source = source
        self.read = read
        self.left = left
        try wake.listen(to: stream)
    }

    deinit { if !state.with({ $0.ended }) { left() } }

    /// Waits for the next event; nil behind the last one.
    func next() async throws -> Element? {
        while true {
            switch try look() {
            case .event(let event): return event
            case .end: return nil
            case .nothing: try await wake.wait()
            }
        }
    }

    /// Takes an event if there is one. The lock keeps what the library lends until it is copied.
    private func look() throws -> Found {
        try state.with { state in
            try handle.use { stream in
                var event: OpaquePointer?
                while true {
                    switch try check({ qask_stream_next(stream, 0, &event, $0) }) {
                    case QASK_OK:
                        guard let event else { return .nothing }
                        if qask_event_type(event) == QASK_EVENT_DONE { state.failed = state.failed ?? failure(of: event) }
                        if let element = try read(event) { return .event(element) }
                    case QASK_DONE:
                        state.ended = true
                        if let failed = state.failed { throw failed }
                        return .end
                    default:
                        return .nothing
                    }
                }
            }
        }
    }
}

/// What went wrong, on the DONE event of a choice that failed.
func failure(of event: OpaquePointer) -> QaskError? {
    let code = qask_event_error_code(event)
    if code == QASK_OK { return nil }
    return QaskError(code: Int(code), message: text { qask_event_error_message(event, $0) } ?? "")
}

/// The events of an answer that begins when the first of them is awaited.
func events<Element>(
    _ start: @escaping @Sendable () async throws -> Answer<Element>
) -> AsyncThrowingStream<Element, any Error> {
    let source = Source(start)
    return AsyncThrowingStream(unfolding: { try await source.next() })
}

/// An answer that is begun by the first who wants something of it.
private final class Source<Element: Sendable>: Sendable {
    private struct State {
        var start: (@Sendable () async throws -> Answer<Element>)?
        var answer: Answer<Element>?
        var reading = false
    }

    private let state: Locked<State>

    init(_ start: @escaping @Sendable () async throws -> Answer<Element>) { state = Locked(State(start: start)) }

    func next() async throws -> Element? {
        let (start, begun) = try begin()
        var answer = begun
        do {
            if let start {
                answer = try await start()
                state.with { [answer] in $0.answer = answer }
            }
            if let element = try await answer?.next() {
                state.with { $0.reading = false }
                return element
            }
        } catch {
            end()
            throw error
        }
        end()
        return nil
    }

    private func begin() throws -> ((@Sendable () async throws -> Answer<Element>)?, Answer<Element>?) {
        try state.with { state in
            if state.reading { throw QaskError.busy("two tasks read one stream") }
            state.reading = true
            defer { state.start = nil }
            return (state.start, state.answer)
        }
    }

    private func end() { state.with { $0 = State() } }
}
