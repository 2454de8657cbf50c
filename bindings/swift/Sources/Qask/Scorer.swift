// How likely texts are.
import CQask

/// Says how likely texts are under a model: one thread of the library computes the texts of all calls together. Any task may use
/// it. Cancelling a task ends its call.
public final class Scorer: Sendable {
    private let handle: Handle

    init(_ object: OpaquePointer) { handle = Handle(object, qask_scorer_free) }

    /// Tokens that a prompt and a continuation may have together.
    public var maxTokens: Int { handle.use { Int(qask_scorer_max_tokens($0)) } }

    /// Scores continuations of one prompt, which is computed once.
    ///
    /// Throws ``QaskError/range(_:)`` (a continuation is empty, or has nothing before it), ``QaskError/contextFull(_:)``,
    /// ``QaskError/tooLong(_:)``, ``QaskError/closed(_:)``.
    public func score(_ prompt: String, _ continuations: [String]) async throws -> Scores {
        try await cancellable { [handle] flag in
            let scores = try handle.use { scorer in
                try lend(prompt) { prompt, length in
                    try lend(continuations) { texts, lengths, count in
                        try flag.use { cancel in
                            try made { qask_scorer_score(scorer, prompt, length, texts, lengths, count, cancel, -1, $0, $1) }
                        }
                    }
                }
            }
            defer { qask_scores_free(scores) }
            return Scores(scores)
        }
    }

    /// The perplexity of a text, in windows of `window` tokens (0: ``maxTokens``), each beginning `stride` tokens (0: half a window)
    /// behind the one before. The first `context` tokens of a window are read and not scored; 0: those that the window before it has
    /// scored. `windows` limits how many there are; 0: all.
    ///
    /// Throws ``QaskError/range(_:)`` (also: no token is scored), ``QaskError/tooLong(_:)``, ``QaskError/closed(_:)``.
    public func perplexity(
        _ text: String, window: Int = 0, stride: Int = 0, context: Int = 0, windows: Int = 0
    ) async throws -> Perplexity {
        let (window, stride): (UInt32, UInt32) = (try fitting(window, "window"), try fitting(stride, "stride"))
        let (context, windows): (UInt32, UInt32) = (try fitting(context, "context"), try fitting(windows, "windows"))
        return try await cancellable { [handle] flag in
            var (perplexity, standardError, tokens): (Double, Double, UInt64) = (0, 0, 0)
            try handle.use { scorer in
                try lend(text) { text, length in
                    _ = try flag.use { cancel in
                        try check {
                            qask_scorer_perplexity(
                                scorer, text, length, window, stride, context, windows, cancel, -1, &perplexity, &standardError,
                                &tokens, $0)
                        }
                    }
                }
            }
            return Perplexity(perplexity: perplexity, standardError: standardError, tokens: tokens)
        }
    }

    /// Takes no more calls, ends those that wait with ``QaskError/closed(_:)``, and waits until the memory is free.
    public func shutdown() async throws {
        try await patient { [handle] millis in try handle.use { scorer in try check { qask_scorer_close(scorer, millis, $0) } } }
    }
}

/// How likely the continuations of a prompt are.
public struct Scores: Sendable {
    /// Each continuation's, in their order.
    public let all: [Score]
    private let likeliest: [Normalization: Int]

    init(_ scores: OpaquePointer) {
        let count = qask_scores_count(scores)
        all = (0..<count).map { Score(scores, $0) }
        let places = Normalization.allCases.map { ($0, qask_scores_likeliest(scores, $0.rawValue)) }
        // Where there is none, it is the largest number there is.
        likeliest = Dictionary(uniqueKeysWithValues: places.filter { (0..<count).contains($0.1) })
    }

    /// The place of the likeliest continuation, the first of equals; nil where there is none.
    public func likeliest(by normalization: Normalization = .none) -> Int? { likeliest[normalization] }
}

/// How likely one continuation is.
public struct Score: Sendable {
    /// Its tokens.
    public let tokens: [Token]
    /// Natural logarithm of the probability of each token, given all before it.
    public let logProbabilities: [Float]
    private let sums: [Normalization: Double]

    init(_ scores: OpaquePointer, _ place: Int) {
        tokens = numbers { qask_scores_tokens(scores, place, $0) }
        logProbabilities = numbers { qask_scores_log_probabilities(scores, place, $0) }
        let each = Normalization.allCases.map { ($0, qask_scores_log_probability(scores, place, $0.rawValue)) }
        sums = Dictionary(uniqueKeysWithValues: each)
    }

    /// Natural logarithm of its probability, with its length taken out.
    public func logProbability(by normalization: Normalization = .none) -> Double { sums[normalization] ?? .nan }
}

/// How likely a text is.
public struct Perplexity: Sendable {
    /// `exp` of the mean of its tokens' negative log-probabilities.
    public let perplexity: Double
    /// Of the perplexity.
    public let standardError: Double
    /// How many tokens were scored.
    public let tokens: UInt64
}
