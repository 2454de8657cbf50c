package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// ScorerOption says how to set up a scorer.
type ScorerOption func(raw.ScorerOptions) error

// WithScorerTokens sets how many tokens a prompt and a continuation, or a window of a text, may have together. Default:
// the trained length, at most 2,048.
func WithScorerTokens(n uint32) ScorerOption { return with(&raw.ScorerOptionsSetMaxTokens, n) }

// WithScorerBatchTokens computes so many tokens together: 16 to 8,192. Default 512.
func WithScorerBatchTokens(n uint32) ScorerOption { return with(&raw.ScorerOptionsSetBatchTokens, n) }

// WithScorerBatchTexts computes so many prompts and continuations side by side: 2 to 256. Default 64.
func WithScorerBatchTexts(n uint32) ScorerOption { return with(&raw.ScorerOptionsSetMaxSequences, n) }

// WithScorerSpecialTokens makes special tokens of their texts, in prompts and continuations: leave it off for text from
// outside. Default false.
func WithScorerSpecialTokens(on bool) ScorerOption {
	return with(&raw.ScorerOptionsSetSpecialTokens, on)
}

// WithScorerThreads sets how many threads compute at most. Default: the physical (or performance) cores.
func WithScorerThreads(n uint32) ScorerOption { return with(&raw.ScorerOptionsSetThreads, n) }

// WithScorerAdaptThreads computes with fewer threads than were set where that is faster, as it is beside other busy
// programs. Default true.
func WithScorerAdaptThreads(on bool) ScorerOption {
	return with(&raw.ScorerOptionsSetAdaptThreads, on)
}
