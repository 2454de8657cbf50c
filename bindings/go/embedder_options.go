package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// EmbedderOption says how to set up an embedder.
type EmbedderOption func(raw.EmbedderOptions) error

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

// WithPooling sets the pooling. Default: as the model's metadata says.
func WithPooling(p Pooling) EmbedderOption {
	return with(&raw.EmbedderOptionsSetPooling, int32(p))
}

// WithNormalize scales each vector to length 1. Default true.
func WithNormalize(on bool) EmbedderOption {
	return with(&raw.EmbedderOptionsSetNormalize, on)
}

// WithDimensions keeps so many numbers of each vector, for models that were trained so ("Matryoshka"). Default: all.
func WithDimensions(n uint32) EmbedderOption {
	return with(&raw.EmbedderOptionsSetDimensions, n)
}

// WithMaxTextTokens sets how many tokens a text may have. Default: the trained length, at most 2,048.
func WithMaxTextTokens(n uint32) EmbedderOption {
	return with(&raw.EmbedderOptionsSetMaxTokens, n)
}

// WithTruncation sets what happens to a text that is longer. Default TruncateRefuse.
func WithTruncation(t Truncation) EmbedderOption {
	return with(&raw.EmbedderOptionsSetTruncation, int32(t))
}

// WithBatchTokens computes texts together up to so many tokens. Default 256, less for a large vocabulary.
func WithBatchTokens(n uint32) EmbedderOption {
	return with(&raw.EmbedderOptionsSetBatchTokens, n)
}

// WithBatchTexts computes so many texts together at most. Default 64.
func WithBatchTexts(n uint32) EmbedderOption {
	return with(&raw.EmbedderOptionsSetMaxSequences, n)
}

// WithQueryPrefix is put before texts that are queries. Default: as the model's metadata says.
func WithQueryPrefix(text string) EmbedderOption {
	return withText(&raw.EmbedderOptionsSetQueryPrefix, text)
}

// WithDocumentPrefix is put before texts that are documents. Default: as the model's metadata says.
func WithDocumentPrefix(text string) EmbedderOption {
	return withText(&raw.EmbedderOptionsSetDocumentPrefix, text)
}

// WithEmbedderThreads sets how many threads compute at most. Default: the physical (or performance) cores.
func WithEmbedderThreads(n uint32) EmbedderOption {
	return with(&raw.EmbedderOptionsSetThreads, n)
}

// WithEmbedderAdaptThreads computes with fewer threads than were set where that is faster, as it is beside other busy
// programs. Default true.
func WithEmbedderAdaptThreads(on bool) EmbedderOption {
	return with(&raw.EmbedderOptionsSetAdaptThreads, on)
}

// WithInstruction tells a reranker that answers yes or no what to judge by. Default: "Given a web search query, retrieve
// relevant passages that answer the query".
func WithInstruction(text string) EmbedderOption {
	return withText(&raw.EmbedderOptionsSetInstruction, text)
}

// WithEmbedderMemoryBudget limits the bytes that the embedder and its model may take, together and on all devices: one
// that would take more, see [Plan], is refused with ErrTooLarge. Default 0: no limit.
func WithEmbedderMemoryBudget(bytes uint64) EmbedderOption {
	return with(&raw.EmbedderOptionsSetMemoryBudget, bytes)
}
