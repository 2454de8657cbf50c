// A conversation in which the program's tools are called until the model answers.
import Foundation

extension Chat {
    /// Says something and calls the chat's tools for the model until it answers. Events of all its answers come as they are made,
    /// and an ``Event/toolResult(_:)`` after each call. A forced tool choice holds for the first answer; a model that makes the
    /// same calls again, or calls without end, does not see the tools for the next one. When a tool that is called has no closure,
    /// the stream ends, and the call is the caller's to answer. Closures run in the task that reads the stream, and are cancelled
    /// with it.
    public func run(_ text: String) -> EventStream {
        let run = ToolRun(self, .user(text))
        return AsyncThrowingStream(unfolding: { try await run.next() })
    }
}

/// Where a run is. One task reads it.
private final class ToolRun: Sendable {
    /// How often a model may call before it must answer: a small one may go on for ever.
    private static let mostRounds = 8

    private struct State {
        var answer: EventStream.Iterator?
        /// The calls of the answer that is being read.
        var calls: [ToolCall] = []
        /// Those that wait for their results.
        var waiting: ArraySlice<ToolCall> = []
        var before: [ToolCall] = []
        var round = 1
        var over = false
    }

    private let chat: Chat
    /// Only the task that reads changes it; the lock is for one that does not know.
    private let state: Locked<State>

    init(_ chat: Chat, _ first: Message) {
        self.chat = chat
        state = Locked(State(answer: chat.send(first).makeAsyncIterator()))
    }

    deinit { if state.with({ !$0.before.isEmpty }) { chat.narrowed() } }

    func next() async throws -> Event? {
        while true {
            if let event = try await nextOfAnswer() { return event }
            if let event = try await nextResult() { return event }
            if state.with({ $0.over }) { return nil }
        }
    }

    private func nextOfAnswer() async throws -> Event? {
        guard var answer = state.with({ $0.answer }) else { return nil }
        if let event = try await answer.next() {
            state.with {
                $0.answer = answer
                if case .toolCall(let call) = event { $0.calls.append(call) }
            }
            return event
        }
        try Task.checkCancellation()
        try answered()
        return nil
    }

    /// An answer has ended: which calls are to be made.
    private func answered() throws {
        let tools = chat.settings.tools
        let choice: ToolChoice? = state.with { state in
            state.answer = nil
            let calls = state.calls
            state.calls = []
            let foreign = calls.contains { call in tools.contains { $0.name == call.name && $0.call == nil } }
            if calls.isEmpty || foreign {
                state.over = true
                return nil
            }
            let again = calls.map { [$0.name, $0.arguments] } == state.before.map { [$0.name, $0.arguments] }
            state.before = calls
            state.waiting = calls[...]
            return again || state.round == Self.mostRounds ? .off : .auto
        }
        if let choice { try chat.narrow(choice) }
    }

    /// Makes a call; behind the last one the model answers again.
    private func nextResult() async throws -> Event? {
        guard let call = state.with({ $0.waiting.popFirst() }) else { return nil }
        let result = try await result(of: call)
        let message = Message.tool(call.id, result.content)
        if state.with({ $0.waiting.isEmpty }) {
            let answer = chat.send(message)
            state.with {
                $0.answer = answer.makeAsyncIterator()
                $0.round += 1
            }
        } else {
            try chat.add(message)
        }
        return .toolResult(result)
    }

    private func result(of call: ToolCall) async throws -> Event.ToolResult {
        do {
            guard let function = chat.settings.tools.last(where: { $0.name == call.name })?.call else {
                throw QaskError.notFound("there is no tool \"\(call.name)\"")
            }
            return .init(call: call, content: try await function(call.arguments), error: nil)
        } catch let error as CancellationError {
            throw error
        } catch {
            return .init(call: call, content: "error: \(said(by: error))", error: error)
        }
    }
}

/// What an error says of itself.
private func said(by error: any Error) -> String { (error as? any LocalizedError)?.errorDescription ?? "\(error)" }
