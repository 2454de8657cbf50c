// What an engine is doing.
package io.github.qask

/** Figures of an engine at one moment. */
class Stats internal constructor(from: Long) {
    /** Answers that wait. */
    val queued: Long = Raw.statsQueued(from)

    /** Answers that are being computed. */
    val active: Long = Raw.statsActive(from)

    /** Tokens that the KV cache holds at most. */
    val kvTokensTotal: Long = Raw.statsKvTokensTotal(from)

    /** Tokens in it; what several sequences share counts once. */
    val kvTokensUsed: Long = Raw.statsKvTokensUsed(from)

    /** Tokens of prefixes that are kept for later requests. */
    val cachedTokens: Long = Raw.statsCachedTokens(from)

    /** Cached prefixes that were dropped for room. */
    val evictions: Long = Raw.statsEvictions(from)

    /** Sequences that were put back into the queue for room. */
    val preemptions: Long = Raw.statsPreemptions(from)

    /** Answers asked for. */
    val submitted: Long = Raw.statsSubmitted(from)

    /** Answers that ended, in whichever way. */
    val finished: Long = Raw.statsFinished(from)

    /** Of those, how many with an error. */
    val failed: Long = Raw.statsFailed(from)

    /** Prompt tokens that were evaluated. */
    val promptTokens: Long = Raw.statsPromptTokens(from)

    /** Prompt tokens that came from the cache. */
    val reusedTokens: Long = Raw.statsReusedTokens(from)

    /** Of those, tokens that came from the prefix cache directory. */
    val diskTokens: Long = Raw.statsDiskTokens(from)

    /** New tokens. */
    val outputTokens: Long = Raw.statsOutputTokens(from)

    /** Steps computed. */
    val steps: Long = Raw.statsSteps(from)

    /** Prompt tokens a second, as a moving average. */
    val promptTokensPerSecond: Double = Raw.statsPromptTokensPerSecond(from)

    /** New tokens a second over all streams, as a moving average. */
    val outputTokensPerSecond: Double = Raw.statsOutputTokensPerSecond(from)

    /** The longest step that had running streams in it, in microseconds. */
    val longestStepMicros: Long = Raw.statsLongestStepUs(from)

    /** Threads that decode. */
    val threads: Long = Raw.statsThreads(from)

    /** Threads that evaluate prompts. */
    val threadsBatch: Long = Raw.statsThreadsBatch(from)

    /** Threads that decode at the moment: fewer than [threads] while other programs need the cores. */
    val threadsUsed: Long = Raw.statsThreadsUsed(from)

    /** Threads that evaluate prompts at the moment. */
    val threadsBatchUsed: Long = Raw.statsThreadsBatchUsed(from)
}
