//! Figures of an engine that can be read at any time.

/// Counters since the engine began, and its state now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Answers that wait.
    pub queued: u32,
    /// Answers that are being computed.
    pub active: u32,
    /// Tokens that the KV cache holds at most.
    pub kv_tokens_total: u64,
    /// Tokens in it now; what several sequences share counts once.
    pub kv_tokens_used: u64,
    /// Tokens of prefixes that are kept for later requests.
    pub cached_tokens: u64,
    /// Cached prefixes that were dropped for room.
    pub evictions: u64,
    /// Sequences that were put back into the queue for room.
    pub preemptions: u64,
    /// Answers asked for.
    pub submitted: u64,
    /// Answers that ended, in whichever way.
    pub finished: u64,
    /// Of those, how many with an error.
    pub failed: u64,
    /// Prompt tokens that were evaluated (not those from the cache).
    pub prompt_tokens: u64,
    /// Prompt tokens that came from the cache.
    pub reused_tokens: u64,
    /// Of those, tokens that came from the prefix cache directory.
    pub disk_tokens: u64,
    /// New tokens.
    pub output_tokens: u64,
    /// Steps computed.
    pub steps: u64,
    /// Prompt tokens a second over the steps that had any, as a moving average.
    pub prompt_tokens_per_second: f64,
    /// New tokens a second over all streams, as a moving average.
    pub output_tokens_per_second: f64,
    /// The longest step that had running streams in it, in microseconds.
    pub longest_step_us: u64,
    /// Threads that decode, at most.
    pub threads: u32,
    /// Threads that evaluate prompts, at most.
    pub threads_batch: u32,
    /// Of `threads`, those in use now: fewer beside busy programs, see [`crate::EngineOptions::adapt_threads`].
    pub threads_used: u32,
    /// Of `threads_batch`, those in use now.
    pub threads_batch_used: u32,
}

impl Stats {
    /// Takes one step into the counters and rates.
    pub(super) fn step(&mut self, micros: u64, prompt: usize, output: usize) {
        self.steps += 1;
        self.prompt_tokens += prompt as u64;
        self.output_tokens += output as u64;
        let rate = |n: usize| n as f64 * 1e6 / micros.max(1) as f64;
        let mix = |old: f64, new: f64| if old == 0.0 { new } else { old * 0.9 + new * 0.1 };
        if prompt > 0 {
            self.prompt_tokens_per_second = mix(self.prompt_tokens_per_second, rate(prompt));
        }
        if output > 0 {
            self.output_tokens_per_second = mix(self.output_tokens_per_second, rate(output));
            self.longest_step_us = self.longest_step_us.max(micros);
        }
    }
}
