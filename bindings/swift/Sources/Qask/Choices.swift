// Words for the header's constants; their numbers are in Constants.swift.

/// How much a line of the log matters.
public enum LogLevel: Sendable, CaseIterable {
    /// No lines at all.
    case off
    /// Something failed for good.
    case error
    /// Something is not as it should be, and things go on.
    case warn
    /// What happens: a model was loaded, an engine started.
    case info
    /// What only matters for finding a fault.
    case debug
}

/// What happens when the context is full.
public enum ContextPolicy: Sendable, CaseIterable {
    /// The prompt must fit; an answer ends with ``FinishReason/length``.
    case error
    /// The oldest tokens are dropped, and the answer goes on.
    case shift
    /// The oldest turns are left out of the prompt.
    case dropOldest
}

/// A format of the KV cache.
public enum CacheType: Sendable, CaseIterable {
    /// 16-bit floats.
    case f16
    /// 8.5 bits a number.
    case q8_0
    /// 4.5 bits a number.
    case q4_0
}

/// Flash attention.
public enum FlashAttention: Sendable, CaseIterable {
    /// Where the model and the device support it.
    case auto
    /// Never.
    case off
    /// Always.
    case on
}

/// What ``Engine/trim(_:)`` lets go of; each level includes those before it.
public enum Trim: Sendable, CaseIterable {
    /// Prefixes that are kept for later requests, except pinned ones.
    case cache
    /// The whole context when nothing runs; the next request makes it anew. In a paused engine nothing runs: what was in the
    /// middle is computed again.
    case context
    /// Pages of the mapped model file, which are read again when they are needed.
    case weights
}

/// How the vectors of a text's tokens become one.
public enum Pooling: Sendable, CaseIterable {
    /// They do not: a vector for each token (the header's "none", which Swift would take for nil).
    case unpooled
    /// Their mean.
    case mean
    /// The first token's.
    case cls
    /// The last token's.
    case last
    /// A score, by a model that ranks.
    case rank
}

/// What happens to a text that is too long for an embedder.
public enum Truncation: Sendable, CaseIterable {
    /// ``QaskError/tooLong(_:)``.
    case refuse
    /// Its end is cut off.
    case end
    /// Its beginning is cut off.
    case start
}

/// What a text is embedded for.
public enum Purpose: Sendable, CaseIterable {
    /// The text as it is.
    case plain
    /// With the prefix of queries.
    case query
    /// With the prefix of documents.
    case document
}

/// How a score takes the length of a continuation out.
public enum Normalization: Sendable, CaseIterable {
    /// Not at all.
    case none
    /// By its tokens.
    case tokens
    /// By its bytes.
    case bytes
}

/// What an adapter is.
public enum AdapterKind: Sendable, CaseIterable {
    /// A LoRA.
    case lora
    /// A LoRA that is on from certain tokens on.
    case activatedLora
    /// A control vector.
    case controlVector
}

/// A part of a memory plan.
public enum MemoryPart: Sendable, CaseIterable {
    /// The model's file, mapped.
    case mapped
    /// Weights that were copied.
    case weights
    /// The KV cache.
    case kv
    /// Recurrent states.
    case state
    /// Buffers to compute in.
    case compute
    /// Logits and embeddings.
    case output
    /// The vocabulary, bookkeeping, code.
    case other
}

/// Why an answer ended.
public enum FinishReason: Sendable, Hashable, CaseIterable {
    /// An end-of-generation token or a stop text.
    case stop
    /// The token limit, or the context is full.
    case length
    /// It ended with at least one tool call.
    case toolCalls
    /// It was cancelled.
    case cancelled
    /// The deadline passed.
    case deadline
    /// It failed.
    case error
    /// A reason that this binding does not know.
    case other
}

extension FinishReason: CustomStringConvertible {
    /// As OpenAI's API names it: "stop", "length", "tool_calls"; and "cancelled", "deadline", "error".
    public var description: String {
        switch self {
        case .toolCalls: "tool_calls"
        case .stop: "stop"
        case .length: "length"
        case .cancelled: "cancelled"
        case .deadline: "deadline"
        case .error: "error"
        case .other: "other"
        }
    }
}
