// What an engine is doing.
import CQask

/// Figures of an engine at one moment.
public struct Stats: Sendable {
    /// Answers that wait.
    public let queued: Int
    /// Answers that are being computed.
    public let active: Int
    /// Tokens that the KV cache holds at most.
    public let kvTokensTotal: Int
    /// Tokens in it; what several sequences share counts once.
    public let kvTokensUsed: Int
    /// Tokens of prefixes that are kept for later requests.
    public let cachedTokens: Int
    /// Cached prefixes that were dropped for room.
    public let evictions: Int
    /// Sequences that were put back into the queue for room.
    public let preemptions: Int
    /// Answers asked for.
    public let submitted: Int
    /// Answers that ended, in whichever way.
    public let finished: Int
    /// Of those, how many with an error.
    public let failed: Int
    /// Prompt tokens that were evaluated.
    public let promptTokens: Int
    /// Prompt tokens that came from the cache.
    public let reusedTokens: Int
    /// Of those, tokens that came from the prefix cache directory.
    public let diskTokens: Int
    /// New tokens.
    public let outputTokens: Int
    /// Steps computed.
    public let steps: Int
    /// Prompt tokens a second, as a moving average.
    public let promptTokensPerSecond: Double
    /// New tokens a second over all streams, as a moving average.
    public let outputTokensPerSecond: Double
    /// The longest step that had running streams in it.
    public let longestStep: Duration
    /// Threads that decode, at most.
    public let threads: Int
    /// Threads that evaluate prompts, at most.
    public let batchThreads: Int
    /// Threads that decode at the moment: fewer than ``threads`` while other programs need the cores.
    public let threadsUsed: Int
    /// Threads that evaluate prompts at the moment.
    public let batchThreadsUsed: Int

    init(_ figures: OpaquePointer) {
        queued = Int(qask_stats_queued(figures))
        active = Int(qask_stats_active(figures))
        kvTokensTotal = Int(qask_stats_kv_tokens_total(figures))
        kvTokensUsed = Int(qask_stats_kv_tokens_used(figures))
        cachedTokens = Int(qask_stats_cached_tokens(figures))
        evictions = Int(qask_stats_evictions(figures))
        preemptions = Int(qask_stats_preemptions(figures))
        submitted = Int(qask_stats_submitted(figures))
        finished = Int(qask_stats_finished(figures))
        failed = Int(qask_stats_failed(figures))
        promptTokens = Int(qask_stats_prompt_tokens(figures))
        reusedTokens = Int(qask_stats_reused_tokens(figures))
        diskTokens = Int(qask_stats_disk_tokens(figures))
        outputTokens = Int(qask_stats_output_tokens(figures))
        steps = Int(qask_stats_steps(figures))
        promptTokensPerSecond = qask_stats_prompt_tokens_per_second(figures)
        outputTokensPerSecond = qask_stats_output_tokens_per_second(figures)
        longestStep = .microseconds(qask_stats_longest_step_us(figures))
        threads = Int(qask_stats_threads(figures))
        batchThreads = Int(qask_stats_threads_batch(figures))
        threadsUsed = Int(qask_stats_threads_used(figures))
        batchThreadsUsed = Int(qask_stats_threads_batch_used(figures))
    }
}
