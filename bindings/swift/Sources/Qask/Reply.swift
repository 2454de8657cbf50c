// A whole answer.

/// A whole answer: the first one, where several were asked for.
public struct Reply: Sendable, CustomStringConvertible {
    /// The text.
    public let text: String
    /// What was thought before.
    public let reasoning: String
    /// The calls that it ends with.
    public let toolCalls: [ToolCall]
    /// Its end: reason, usage, seed.
    public let done: Event.Done

    /// As a message: a history takes it as it is.
    public var message: Message { Message(role: .assistant, text, reasoning: reasoning, toolCalls: toolCalls) }

    /// The text.
    public var description: String { text }
}

extension AsyncThrowingStream where Element == Event, Failure == any Error {
    /// Waits for the whole answer; what failed is thrown. Throws `CancellationError` when the task is cancelled.
    public func reply() async throws -> Reply {
        var (text, reasoning, calls) = ("", "", [ToolCall]())
        var done: Event.Done?
        for try await event in self where event.choice == 0 {
            switch event {
            case .text(let it): text += it.text
            case .reasoning(let it): reasoning += it.text
            case .toolCall(let it): calls.append(it)
            case .done(let it): done = it
            case .toolCallDelta, .toolResult: break
            }
        }
        // A stream whose task is cancelled just ends.
        try Task.checkCancellation()
        guard let done else { throw QaskError.closed("the answer was read already") }
        return Reply(text: text, reasoning: reasoning, toolCalls: calls, done: done)
    }

    /// The text alone, piece by piece: `for try await piece in chat.send("Hello!").text { … }`.
    public var text: AsyncCompactMapSequence<Self, String> { compactMap { $0.text } }
}
