// How to set up a scorer.
package io.github.qask

/** How to set up a scorer. What is not set has its default. One owner at a time. */
class ScorerOptions : Settings() {
    /**
     * Tokens that a prompt and a continuation, or a window of a text, may have together: 2 to the trained length.
     * Default: the trained length, at most 2,048.
     */
    var maxTokens: Int? by count(Raw::scorerOptionsSetMaxTokens)

    /** Tokens that are computed together: 16 to 8,192. Default 512. */
    var batchTokens: Int? by count(Raw::scorerOptionsSetBatchTokens)

    /** Prompts and continuations that are computed side by side: 2 to 256. Default 64. */
    var maxSequences: Int? by count(Raw::scorerOptionsSetMaxSequences)

    /**
     * Texts of special tokens become those tokens, in prompts and continuations: leave it off for text from outside.
     * Default false.
     */
    var specialTokens: Boolean? by Setting(Raw::scorerOptionsSetSpecialTokens)

    /** Threads that compute: 1 to 512. Default: the physical (or performance) cores. */
    var threads: Int? by count(Raw::scorerOptionsSetThreads)

    /** Whether fewer threads compute while other programs need the cores. Default true. */
    var adaptThreads: Boolean? by Setting(Raw::scorerOptionsSetAdaptThreads)
}
