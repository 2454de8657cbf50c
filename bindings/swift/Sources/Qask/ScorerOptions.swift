// How to set up a scorer.
import CQask

/// How to set up a scorer. What is nil has its default.
public struct ScorerOptions: Sendable {
    /// Tokens that a prompt and a continuation, or a window of a text, may have together: 2 to the trained length. Default: the
    /// trained length, at most 2,048.
    public var maxTokens: Int?

    /// Tokens that are computed together: 16 to 8,192. Default 512.
    public var batchTokens: Int?

    /// Prompts and continuations that are computed side by side: 2 to 256. Default 64.
    public var maxSequences: Int?

    /// Texts of special tokens become those tokens, in prompts and continuations: leave it off for text from outside. Default
    /// false.
    public var specialTokens: Bool?

    /// Threads that compute, at most: 1 to 512. Default: the physical (or performance) cores.
    public var threads: Int?

    /// Whether fewer threads compute while other programs need the cores. Default true.
    public var adaptThreads: Bool?

    /// Options with every default.
    public init() {}

    /// Options that are set here: `ScorerOptions { $0.maxTokens = 512 }`.
    public init(_ set: (inout ScorerOptions) throws -> Void) rethrows { try set(&self) }
}

extension ScorerOptions: LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status { qask_scorer_options_new(object, error) }
    static func free(_ object: OpaquePointer?) { qask_scorer_options_free(object) }

    func apply(to object: Setter) throws {
        try object.set("maxTokens", maxTokens, qask_scorer_options_set_max_tokens)
        try object.set("batchTokens", batchTokens, qask_scorer_options_set_batch_tokens)
        try object.set("maxSequences", maxSequences, qask_scorer_options_set_max_sequences)
        try object.set("specialTokens", specialTokens, qask_scorer_options_set_special_tokens)
        try object.set("threads", threads, qask_scorer_options_set_threads)
        try object.set("adaptThreads", adaptThreads, qask_scorer_options_set_adapt_threads)
    }
}
