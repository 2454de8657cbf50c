// How to set up an embedder.
import CQask

/// How to set up an embedder. What is nil has its default.
public struct EmbedderOptions: Sendable {
    /// How the vectors of a text's tokens become one. Default: as the model's metadata says.
    public var pooling: Pooling?

    /// Scale each vector to length 1. Default true; scores are never scaled.
    public var normalize: Bool?

    /// Keep so many numbers of each vector, before it is scaled, for models that were trained so ("Matryoshka"): 1 to the
    /// model's. Default: all.
    public var dimensions: Int?

    /// Tokens that a text may have, those that the model puts around it included: 4 to the trained length. Default: the trained
    /// length, at most 2,048.
    public var maxTokens: Int?

    /// What happens to a text that is longer. Default ``Truncation/refuse``.
    public var truncation: Truncation?

    /// Texts are computed together up to so many tokens: 1 to 65,536. Default 256, less for a large vocabulary.
    public var batchTokens: Int?

    /// Texts that are computed together at most: 1 to 256. Default 64.
    public var maxSequences: Int?

    /// Put before texts with the purpose ``Purpose/query``. Default: metadata key `qask.embedding.query_prefix`, else nothing.
    public var queryPrefix: String?

    /// Put before texts with the purpose ``Purpose/document``. Default: metadata key `qask.embedding.document_prefix`, else
    /// nothing.
    public var documentPrefix: String?

    /// What a reranker that answers yes or no is told to judge by. Default: "Given a web search query, retrieve relevant
    /// passages that answer the query". ``QaskError/unsupported(_:)`` when the embedder is made and its model has no place for
    /// it.
    public var instruction: String?

    /// Threads that compute, at most: 1 to 512. Default: the physical (or performance) cores.
    public var threads: Int?

    /// Whether fewer threads compute while other programs need the cores. Default true.
    public var adaptThreads: Bool?

    /// Bytes that the embedder and its model may take, together and on all devices; an embedder that would take more (see
    /// ``Plan``) is refused with ``QaskError/tooLarge(_:)``. 0: no limit, the default.
    public var memoryBudget: UInt64?

    /// Options with every default.
    public init() {}

    /// Options that are set here: `EmbedderOptions { $0.truncation = .end }`.
    public init(_ set: (inout EmbedderOptions) throws -> Void) rethrows { try set(&self) }
}

extension EmbedderOptions: LibraryOptions {
    static func new(_ object: Out?, _ error: Out?) -> qask_status { qask_embedder_options_new(object, error) }
    static func free(_ object: OpaquePointer?) { qask_embedder_options_free(object) }

    func apply(to object: Setter) throws {
        try object.set("pooling", pooling, qask_embedder_options_set_pooling)
        try object.set("normalize", normalize, qask_embedder_options_set_normalize)
        try object.set("dimensions", dimensions, qask_embedder_options_set_dimensions)
        try object.set("maxTokens", maxTokens, qask_embedder_options_set_max_tokens)
        try object.set("truncation", truncation, qask_embedder_options_set_truncation)
        try object.set("batchTokens", batchTokens, qask_embedder_options_set_batch_tokens)
        try object.set("maxSequences", maxSequences, qask_embedder_options_set_max_sequences)
        try object.set("queryPrefix", queryPrefix, qask_embedder_options_set_query_prefix)
        try object.set("documentPrefix", documentPrefix, qask_embedder_options_set_document_prefix)
        try object.set("instruction", instruction, qask_embedder_options_set_instruction)
        try object.set("threads", threads, qask_embedder_options_set_threads)
        try object.set("adaptThreads", adaptThreads, qask_embedder_options_set_adapt_threads)
        try object.set("memoryBudget", memoryBudget, qask_embedder_options_set_memory_budget)
    }
}
