package qask

import (
	"time"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// ContextPolicy says what happens when the context is full.
type ContextPolicy int32

// The policies.
const (
	ContextError      ContextPolicy = raw.QASK_CONTEXT_ERROR       // the prompt must fit; an answer ends with FinishLength
	ContextShift      ContextPolicy = raw.QASK_CONTEXT_SHIFT       // the oldest tokens are dropped, and the answer goes on
	ContextDropOldest ContextPolicy = raw.QASK_CONTEXT_DROP_OLDEST // the oldest turns are left out of the prompt
)

// WithMaxTokens allows at most so many new tokens; 0 only evaluates the prompt. Default: until the context is full.
func WithMaxTokens(n uint32) Option {
	return set(&raw.RequestSetMaxTokens, n)
}

// WithMinTokens keeps an answer from ending before so many new tokens. Default 0.
func WithMinTokens(n uint32) Option {
	return set(&raw.RequestSetMinTokens, n)
}

// WithIgnoreEOS never chooses an end-of-generation token (for measuring). Default false.
func WithIgnoreEOS(on bool) Option {
	return set(&raw.RequestSetIgnoreEos, on)
}

// WithTopLogprobs reports the log-probability of every new token, and of so many of the likeliest beside it: 0 to 20.
func WithTopLogprobs(n uint32) Option {
	return set(&raw.RequestSetTopLogprobs, n)
}

// WithN asks for n answers to the one prompt: 1 to 64. Default 1.
func WithN(n uint32) Option {
	return set(&raw.RequestSetN, n)
}

// WithTokens puts the ids of new tokens on text events. Default false.
func WithTokens(on bool) Option {
	return set(&raw.RequestSetReturnTokens, on)
}

// WithPriority goes first in the queue when higher: -1,000 to 1,000. Default 0.
func WithPriority(n int32) Option {
	return set(&raw.RequestSetPriority, n)
}

// WithDeadline ends the answer with FinishDeadline when so much time has passed since it was asked for.
func WithDeadline(d time.Duration) Option {
	return set(&raw.RequestSetDeadlineMs, max(d.Milliseconds(), 1))
}

// WithContextPolicy says what happens when the context is full. Default ContextError.
func WithContextPolicy(p ContextPolicy) Option {
	return set(&raw.RequestSetContextPolicy, int32(p))
}

// WithShiftKeep never drops so many tokens at the beginning of the prompt, under ContextShift. Default 0.
func WithShiftKeep(n uint32) Option {
	return set(&raw.RequestSetShiftKeep, n)
}

// WithContinueFinalMessage continues the last message, which is the assistant's, rather than answer it. Default false.
func WithContinueFinalMessage(on bool) Option {
	return set(&raw.RequestSetContinueFinalMessage, on)
}

// WithJSONWhitespace lets JSON be laid out freely. Default false.
func WithJSONWhitespace(on bool) Option {
	return set(&raw.RequestSetJsonWhitespace, on)
}

// WithHealing takes the prompt's last tokens back and spells their text anew, so that a prompt may end inside a token.
func WithHealing(on bool) Option {
	return set(&raw.RequestSetHeal, on)
}

// WithParallelToolCalls allows more than one call in an answer. Default true.
func WithParallelToolCalls(on bool) Option {
	return set(&raw.RequestSetParallelToolCalls, on)
}

// WithThinking has a model that can do both think before it answers, or not. Default: as its chat template has it.
func WithThinking(on bool) Option {
	return set(&raw.RequestSetThinking, on)
}

// WithReasoningBudget closes the thought after so many tokens of it. Default: no limit.
func WithReasoningBudget(n uint32) Option {
	return set(&raw.RequestSetReasoningBudget, n)
}

// WithSplitReasoning makes thoughts events of their own. Default true; otherwise they are text, with their marks.
func WithSplitReasoning(on bool) Option {
	return set(&raw.RequestSetSplitReasoning, on)
}
