package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// EmbedderOption says how to set up an embedder.
type EmbedderOption func(raw.EmbedderOptions, *raw.Error) raw.Status

// Pooling is how the vectors of a text's tokens become one.
type Pooling int32

// The ways.
const (
	PoolingNone Pooling = raw.QASK_POOLING_NONE // one vector a token
	PoolingMean Pooling = raw.QASK_POOLING_MEAN
	PoolingCLS  Pooling = raw.QASK_POOLING_CLS // the first token's
	PoolingLast Pooling = raw.QASK_POOLING_LAST
	PoolingRank Pooling = raw.QASK_POOLING_RANK // a score of a query and a document
)

// Truncation is what happens to a text that is too long.
type Truncation int32

// The choices.
const (
	TruncateRefuse Truncation = raw.QASK_TRUNCATE_REFUSE // ErrTooLong
	TruncateEnd    Truncation = raw.QASK_TRUNCATE_END
	TruncateStart  Truncation = raw.QASK_TRUNCATE_START
)

func embedderSet[T any](setter *func(raw.EmbedderOptions, T, *raw.Error) raw.Status, value T) EmbedderOption {
	return func(o raw.EmbedderOptions, e *raw.Error) raw.Status { return (*setter)(o, value, e) }
}

// WithPooling sets the pooling. Default: as the model's metadata says.
func WithPooling(p Pooling) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetPooling, int32(p))
}

// WithNormalize scales each vector to length 1. Default true.
func WithNormalize(on bool) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetNormalize, on)
}

// WithDimensions keeps so many numbers of each vector, for models that were trained so ("Matryoshka"). Default: all.
func WithDimensions(n uint32) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetDimensions, n)
}

// WithMaxTextTokens sets how many tokens a text may have. Default: the trained length, at most 2,048.
func WithMaxTextTokens(n uint32) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetMaxTokens, n)
}

// WithTruncation sets what happens to a text that is longer. Default TruncateRefuse.
func WithTruncation(t Truncation) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetTruncation, int32(t))
}

// WithBatchTokens computes texts together up to so many tokens. Default 512, less for a large vocabulary.
func WithBatchTokens(n uint32) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetBatchTokens, n)
}

// WithBatchTexts computes so many texts together at most. Default 64.
func WithBatchTexts(n uint32) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetMaxSequences, n)
}

// WithQueryPrefix is put before texts that are queries. Default: as the model's metadata says.
func WithQueryPrefix(text string) EmbedderOption {
	return func(o raw.EmbedderOptions, e *raw.Error) raw.Status {
		p, n := content(text)
		return raw.EmbedderOptionsSetQueryPrefix(o, p, n, e)
	}
}

// WithDocumentPrefix is put before texts that are documents. Default: as the model's metadata says.
func WithDocumentPrefix(text string) EmbedderOption {
	return func(o raw.EmbedderOptions, e *raw.Error) raw.Status {
		p, n := content(text)
		return raw.EmbedderOptionsSetDocumentPrefix(o, p, n, e)
	}
}

// WithEmbedderThreads sets how many threads compute. Default: the physical (or performance) cores.
func WithEmbedderThreads(n uint32) EmbedderOption {
	return embedderSet(&raw.EmbedderOptionsSetThreads, n)
}
