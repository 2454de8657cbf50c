// What happens on a stream.
import CQask

/// Something that happened while an answer was made.
public enum Event: Sendable {
    /// New text.
    case text(Text)
    /// New thoughts, of a model that thinks before it answers.
    case reasoning(Reasoning)
    /// A part of a tool call that is on its way: a preview. The call's arguments are what is new.
    case toolCallDelta(ToolCall)
    /// A complete tool call.
    case toolCall(ToolCall)
    /// ``Chat/run(_:)`` called a closure.
    case toolResult(ToolResult)
    /// The end of one answer.
    case done(Done)

    /// New text.
    public struct Text: Sendable, CustomStringConvertible {
        /// Which of the answers to one prompt it belongs to.
        public let choice: Int
        /// The text: whole characters of UTF-8. A grapheme (an emoji of several parts) may come in pieces.
        public let text: String
        /// Its tokens, with ``Request/returnTokens``.
        public let tokens: [Token]
        /// How likely they were, with ``Request/topLogprobs``.
        public let logprobs: [Logprob]

        /// The text.
        public var description: String { text }
    }

    /// New thoughts.
    public struct Reasoning: Sendable {
        /// Which of the answers to one prompt they belong to.
        public let choice: Int
        /// The thoughts: whole characters of UTF-8.
        public let text: String
    }

    /// What a tool's closure gave.
    public struct ToolResult: Sendable {
        /// The call that it answers.
        public let call: ToolCall
        /// What the model is told.
        public let content: String
        /// What the closure threw; the model is told its description.
        public let error: (any Error)?
    }

    /// The end of one answer.
    public struct Done: Sendable {
        /// Which of the answers to one prompt ended.
        public let choice: Int
        /// Why it ended.
        public let reason: FinishReason
        /// The seed of its draws.
        public let seed: UInt32
        /// What it took.
        public let usage: Usage
        /// What failed, with ``FinishReason/error``.
        public let error: QaskError?
    }

    /// The new text, of an event that has some: `print(event.text ?? "", terminator: "")`.
    public var text: String? {
        if case .text(let piece) = self { return piece.text }
        return nil
    }

    /// Which of the answers to one prompt it belongs to.
    public var choice: Int {
        switch self {
        case .text(let it): it.choice
        case .reasoning(let it): it.choice
        case .toolCallDelta(let it), .toolCall(let it): it.choice
        case .toolResult: 0
        case .done(let it): it.choice
        }
    }
}

/// The number of a token in a model's vocabulary.
public typealias Token = Int32

/// How likely a token was.
public struct Logprob: Sendable, Equatable {
    /// The token.
    public let token: Token
    /// Natural logarithm of its probability.
    public let logprob: Float
    /// The likeliest at its place.
    public let top: [Logprob]
}

/// What an answer took.
public struct Usage: Sendable, Equatable {
    /// Tokens in the prompt.
    public let promptTokens: Int
    /// Of those, how many came from the prefix cache.
    public let cachedTokens: Int
    /// New tokens.
    public let outputTokens: Int
    /// Of the new ones, how many were thought.
    public let reasoningTokens: Int
    /// Of the new ones, how many a constraint left no choice for.
    public let forcedTokens: Int
    /// How often it was put back into the queue for room.
    public let preemptions: Int
    /// Messages left out of the prompt under ``ContextPolicy/dropOldest``.
    public let droppedMessages: Int
    /// The time in the queue, until its prompt began to be evaluated.
    public let queueTime: Duration
    /// The time from there to the first new token.
    public let prefillTime: Duration
    /// The time from the request to the first new token.
    public let firstTokenTime: Duration
    /// The time from the first new token to the end.
    public let decodeTime: Duration

    init(_ event: OpaquePointer) {
        promptTokens = Int(qask_event_prompt_tokens(event))
        cachedTokens = Int(qask_event_cached_tokens(event))
        outputTokens = Int(qask_event_output_tokens(event))
        reasoningTokens = Int(qask_event_reasoning_tokens(event))
        forcedTokens = Int(qask_event_forced_tokens(event))
        preemptions = Int(qask_event_preemptions(event))
        droppedMessages = Int(qask_event_dropped_messages(event))
        queueTime = .microseconds(qask_event_queue_us(event))
        prefillTime = .microseconds(qask_event_prefill_us(event))
        firstTokenTime = .microseconds(qask_event_first_token_us(event))
        decodeTime = .microseconds(qask_event_decode_us(event))
    }
}

extension Event {
    /// Copies an event that the library lends; nil for a kind that this binding does not know.
    init?(_ event: OpaquePointer) {
        let choice = Int(qask_event_choice(event))
        func words() -> String { Qask.text { qask_event_text(event, $0) } ?? "" }
        switch qask_event_type(event) {
        case QASK_EVENT_TEXT:
            let tokens = numbers { qask_event_tokens(event, $0) }
            self = .text(Text(choice: choice, text: words(), tokens: tokens, logprobs: Logprob.all(of: event)))
        case QASK_EVENT_REASONING: self = .reasoning(Reasoning(choice: choice, text: words()))
        case QASK_EVENT_TOOL_CALL_DELTA: self = .toolCallDelta(ToolCall(event))
        case QASK_EVENT_TOOL_CALL: self = .toolCall(ToolCall(event))
        case QASK_EVENT_DONE:
            let reason = FinishReason(rawValue: qask_event_finish_reason(event)) ?? .other
            let (seed, usage) = (qask_event_seed(event), Usage(event))
            self = .done(Done(choice: choice, reason: reason, seed: seed, usage: usage, error: failure(of: event)))
        default: return nil
        }
    }
}

extension Logprob {
    static func all(of event: OpaquePointer) -> [Logprob] {
        (0..<qask_event_logprob_count(event)).map { place in
            var token: Token = -1
            var logprob = Float.nan
            _ = qask_event_logprob_at(event, place, &token, &logprob)
            return Logprob(token: token, logprob: logprob, top: top(of: event, at: place))
        }
    }

    private static func top(of event: OpaquePointer, at place: Int) -> [Logprob] {
        var found: [Logprob] = []
        var token: Token = -1
        var logprob = Float.nan
        while qask_event_top_logprob_at(event, place, found.count, &token, &logprob) {
            found.append(Logprob(token: token, logprob: logprob, top: []))
        }
        return found
    }
}

extension ToolCall {
    init(_ event: OpaquePointer) {
        index = Int(qask_event_tool_index(event))
        id = text { qask_event_tool_id(event, $0) } ?? ""
        name = text { qask_event_tool_name(event, $0) } ?? ""
        arguments = text { qask_event_tool_arguments(event, $0) } ?? ""
        choice = Int(qask_event_choice(event))
    }
}
