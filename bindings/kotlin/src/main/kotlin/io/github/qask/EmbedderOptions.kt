// How to set up an embedder.
package io.github.qask

/** How to set up an embedder. What is not set has its default. One owner at a time. */
class EmbedderOptions : Settings() {
    /** How the vectors of a text's tokens become one. Default: as the model's metadata says. */
    var pooling: Pooling? by Setting<Pooling> { to, it -> Raw.embedderOptionsSetPooling(to, it.value) }

    /** Scale each vector to length 1. Default true; scores are never scaled. */
    var normalize: Boolean? by Setting(Raw::embedderOptionsSetNormalize)

    /**
     * Keep so many numbers of each vector, before it is scaled, for models that were trained so ("Matryoshka"): 1 to
     * the model's. Default: all.
     */
    var dimensions: Int? by count(Raw::embedderOptionsSetDimensions)

    /**
     * Tokens that a text may have, those that the model puts around it included: 4 to the trained length. Default:
     * the trained length, at most 2,048.
     */
    var maxTokens: Int? by count(Raw::embedderOptionsSetMaxTokens)

    /** What happens to a text that is longer. Default [Truncation.REFUSE]. */
    var truncation: Truncation? by Setting<Truncation> { to, it -> Raw.embedderOptionsSetTruncation(to, it.value) }

    /** Texts are computed together up to so many tokens: 1 to 65,536. Default 256, less for a large vocabulary. */
    var batchTokens: Int? by count(Raw::embedderOptionsSetBatchTokens)

    /** Texts that are computed together at most: 1 to 256. Default 64. */
    var maxSequences: Int? by count(Raw::embedderOptionsSetMaxSequences)

    /**
     * Put before texts with the purpose [Purpose.QUERY]. Default: metadata key `qask.embedding.query_prefix`, else
     * nothing.
     */
    var queryPrefix: String? by Setting(Raw::embedderOptionsSetQueryPrefix)

    /**
     * Put before texts with the purpose [Purpose.DOCUMENT]. Default: metadata key `qask.embedding.document_prefix`,
     * else nothing.
     */
    var documentPrefix: String? by Setting(Raw::embedderOptionsSetDocumentPrefix)

    /**
     * What a reranker that answers yes or no is told to judge by. Default: "Given a web search query, retrieve
     * relevant passages that answer the query". [QaskException.Unsupported] when the embedder is made and its model
     * has no place for it.
     */
    var instruction: String? by Setting(Raw::embedderOptionsSetInstruction)

    /** Threads that compute: 1 to 512. Default: the physical (or performance) cores. */
    var threads: Int? by count(Raw::embedderOptionsSetThreads)

    /** Whether fewer threads compute while other programs need the cores. Default true. */
    var adaptThreads: Boolean? by Setting(Raw::embedderOptionsSetAdaptThreads)

    /**
     * Bytes that the embedder and its model may take, together and on all devices; an embedder that would take more
     * (see [Plan]) is refused with [QaskException.TooLarge]. 0: no limit, the default.
     */
    var memoryBudget: Long? by Setting(Raw::embedderOptionsSetMemoryBudget)
}
