package qask

import (
	"context"
	"runtime"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Embedder turns texts into vectors, or a query and documents into scores: one thread of the library computes the texts
// of all calls together.
type Embedder struct{ *owned[raw.Embedder] }

// Purpose is what a text is embedded for: many models want a prefix that says it.
type Purpose int32

// The purposes.
const (
	Plain    Purpose = raw.QASK_PURPOSE_PLAIN
	Query    Purpose = raw.QASK_PURPOSE_QUERY
	Document Purpose = raw.QASK_PURPOSE_DOCUMENT
)

// NewEmbedder starts an embedder over the model, which it keeps alive.
func (m *Model) NewEmbedder(options ...EmbedderOption) (*Embedder, error) {
	o, err := build(options, raw.EmbedderOptionsNew, raw.EmbedderOptionsFree)
	if err != nil {
		return nil, err
	}
	defer raw.EmbedderOptionsFree(o)
	h, err := made(m.owned, func(h raw.Model, out *raw.Embedder, e *raw.Error) raw.Status {
		return raw.EmbedderNew(h, o, out, e)
	})
	if err != nil {
		return nil, err
	}
	return &Embedder{own("embedder", h, raw.EmbedderFree)}, nil
}

// Shutdown takes no more calls, ends those that wait with ErrClosed, and waits until the memory is free or the context is
// done. The embedder still has to be closed, which waits for nothing.
func (m *Embedder) Shutdown(ctx context.Context) error {
	return patient(ctx, m.owned, raw.EmbedderClose)
}

// Dimensions is how many numbers a vector has.
func (m *Embedder) Dimensions() int { return int(read(m.owned, raw.EmbedderDimensions)) }

// Pooling is how the vectors of a text's tokens become one.
func (m *Embedder) Pooling() Pooling { return Pooling(read(m.owned, raw.EmbedderPooling)) }

// MaxTokens is how many tokens a text may have.
func (m *Embedder) MaxTokens() int { return int(read(m.owned, raw.EmbedderMaxTokens)) }

// CountTokens tells how many tokens a text has as an input, before any truncation.
func (m *Embedder) CountTokens(text string, purpose Purpose) (int, error) {
	var count uintptr
	p, n := content(text)
	err := m.use(func(h raw.Embedder, e *raw.Error) raw.Status {
		return raw.EmbedderCountTokens(h, p, n, int32(purpose), &count, e)
	})
	return int(count), err
}

// Embed computes one vector for each text. The vectors lie one after the other in one array.
func (m *Embedder) Embed(ctx context.Context, purpose Purpose, texts ...string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, alive(ctx)
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pointers, lengths := pinned(&pinner, texts)
	width := m.Dimensions()
	numbers := make([]float32, max(width, 1)*len(texts))
	err := m.wait(ctx, func(h raw.Embedder, cancel raw.Cancel, e *raw.Error) raw.Status {
		return raw.EmbedderEmbed(h, pointers, lengths, uintptr(len(texts)), int32(purpose), cancel, &numbers[0], uintptr(len(numbers)), e)
	})
	if err != nil {
		return nil, err
	}
	return rows(numbers, width), nil
}

// EmbedTokens computes one vector for each token of a text, those that the model puts around it included. The embedder
// must have been made with PoolingNone.
func (m *Embedder) EmbedTokens(ctx context.Context, purpose Purpose, text string) ([][]float32, error) {
	width := m.Dimensions()
	count, err := m.CountTokens(text, purpose)
	if err != nil {
		return nil, err
	}
	numbers := make([]float32, max(width*min(count, m.MaxTokens()), 1))
	var found uintptr
	p, n := content(text)
	err = m.wait(ctx, func(h raw.Embedder, cancel raw.Cancel, e *raw.Error) raw.Status {
		return raw.EmbedderEmbedTokens(h, p, n, int32(purpose), cancel, &numbers[0], uintptr(len(numbers)), &found, e)
	})
	if err != nil {
		return nil, err
	}
	return rows(numbers[:int(found)*width], width), nil
}

// Rerank scores documents by how well they answer a query: the higher the better; the scale is the model's. The pooling
// must be PoolingRank.
func (m *Embedder) Rerank(ctx context.Context, query string, documents ...string) ([]float32, error) {
	if len(documents) == 0 {
		return nil, alive(ctx)
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pointers, lengths := pinned(&pinner, documents)
	scores := make([]float32, len(documents))
	p, n := content(query)
	err := m.wait(ctx, func(h raw.Embedder, cancel raw.Cancel, e *raw.Error) raw.Status {
		return raw.EmbedderRerank(h, p, n, pointers, lengths, uintptr(len(documents)), cancel, &scores[0], uintptr(len(scores)), e)
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}

func (m *Embedder) wait(ctx context.Context, f func(raw.Embedder, raw.Cancel, *raw.Error) raw.Status) error {
	return cancellable(ctx, func(cancel raw.Cancel) error {
		return m.use(func(h raw.Embedder, e *raw.Error) raw.Status { return f(h, cancel, e) })
	})
}

func rows(numbers []float32, width int) [][]float32 {
	out := make([][]float32, 0, len(numbers)/max(width, 1))
	for ; len(numbers) >= width && width > 0; numbers = numbers[width:] {
		out = append(out, numbers[:width:width])
	}
	return out
}
