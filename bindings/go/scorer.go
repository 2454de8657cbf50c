package qask

import (
	"context"
	"math"
	"runtime"
	"slices"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// Scorer says how likely texts are under a model: one thread of the library computes the texts of all calls together.
type Scorer struct{ *owned[raw.Scorer] }

// NewScorer starts a scorer over the model, which it keeps alive.
func (m *Model) NewScorer(options ...ScorerOption) (*Scorer, error) {
	o, err := build(options, raw.ScorerOptionsNew, raw.ScorerOptionsFree)
	if err != nil {
		return nil, err
	}
	defer raw.ScorerOptionsFree(o)
	h, err := made(m.owned, func(h raw.Model, out *raw.Scorer, e *raw.Error) raw.Status {
		return raw.ScorerNew(h, o, out, e)
	})
	if err != nil {
		return nil, err
	}
	return &Scorer{own("scorer", h, raw.ScorerFree)}, nil
}

// Shutdown takes no more calls, ends those that wait with ErrClosed, and waits until the memory is free or the context is
// done. The scorer still has to be closed, which waits for nothing.
func (s *Scorer) Shutdown(ctx context.Context) error { return patient(ctx, s.owned, raw.ScorerClose) }

// MaxTokens is how many tokens a prompt and a continuation may have together.
func (s *Scorer) MaxTokens() int { return int(read(s.owned, raw.ScorerMaxTokens)) }

// Normalization is how the length of a continuation is taken out of its score.
type Normalization int32

// The ways.
const (
	NormalizeNone   Normalization = raw.QASK_NORMALIZE_NONE   // the sum over its tokens
	NormalizeTokens Normalization = raw.QASK_NORMALIZE_TOKENS // the mean over its tokens, without those that all begin with
	NormalizeBytes  Normalization = raw.QASK_NORMALIZE_BYTES  // the sum divided by its bytes
)

// Score is how likely one continuation is.
type Score struct {
	Tokens     []int32
	Logprobs   []float32 // of each token, given all before it: natural logarithms
	normalized [NormalizeBytes + 1]float64
}

// Logprob is the natural logarithm of the continuation's probability, with its length taken out; NaN for an unknown way.
func (s Score) Logprob(n Normalization) float64 {
	if n < 0 || int(n) >= len(s.normalized) {
		return math.NaN()
	}
	return s.normalized[n]
}

// Scores are those of one call's continuations, in their order.
type Scores struct {
	Each      []Score
	likeliest [NormalizeBytes + 1]int
}

// Likeliest is the place of the likeliest continuation, the first of equals; -1 when there is none.
func (s Scores) Likeliest(n Normalization) int {
	if n < 0 || int(n) >= len(s.likeliest) || len(s.Each) == 0 {
		return -1
	}
	return s.likeliest[n]
}

// Score scores continuations of one prompt, which is computed once. Prompt and continuation become tokens as one text; a
// token that spans both is the continuation's.
func (s *Scorer) Score(ctx context.Context, prompt string, continuations ...string) (Scores, error) {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	texts, lengths := pinned(&pinner, continuations)
	p, n := content(prompt)
	var out raw.Scores
	err := s.wait(ctx, func(h raw.Scorer, cancel raw.Cancel, e *raw.Error) raw.Status {
		return raw.ScorerScore(h, p, n, texts, lengths, uintptr(len(continuations)), cancel, -1, &out, e)
	})
	if err != nil {
		return Scores{}, err
	}
	defer raw.ScoresFree(out)
	return readScores(out), nil
}

// readScores copies what the library lends.
func readScores(h raw.Scores) Scores {
	scores := Scores{Each: make([]Score, raw.ScoresCount(h))}
	for n := range scores.likeliest {
		scores.likeliest[n] = int(raw.ScoresLikeliest(h, int32(n)))
	}
	for i := range scores.Each {
		var tokens, logprobs uintptr
		t, l := raw.ScoresTokens(h, uintptr(i), &tokens), raw.ScoresLogProbabilities(h, uintptr(i), &logprobs)
		score := Score{Tokens: slices.Clone(unsafe.Slice(t, tokens)), Logprobs: slices.Clone(unsafe.Slice(l, logprobs))}
		for n := range score.normalized {
			score.normalized[n] = raw.ScoresLogProbability(h, uintptr(i), int32(n))
		}
		scores.Each[i] = score
	}
	return scores
}

// Windows says how [Scorer.Perplexity] goes through a text: the zero value scores each token but the first once.
type Windows struct {
	Size    uint32 // tokens in a window; 0: as many as the scorer takes
	Stride  uint32 // tokens from the beginning of one to that of the next; 0: half a window
	Context uint32 // its first tokens, which are read and not scored; 0: those that the window before it has scored
	Limit   uint32 // how many windows; 0: all
}

// Perplexity is exp of the mean of the tokens' negative log-probabilities.
type Perplexity struct {
	Value         float64
	StandardError float64
	Tokens        uint64 // how many were scored
}

// Perplexity computes the perplexity of a text. With a stride of one window and a context of half a window and one token
// it is what llama.cpp's tool computes.
func (s *Scorer) Perplexity(ctx context.Context, text string, windows Windows) (result Perplexity, err error) {
	p, n := content(text)
	err = s.wait(ctx, func(h raw.Scorer, cancel raw.Cancel, e *raw.Error) raw.Status {
		return raw.ScorerPerplexity(h, p, n, windows.Size, windows.Stride, windows.Context, windows.Limit, cancel, -1,
			&result.Value, &result.StandardError, &result.Tokens, e)
	})
	return result, err
}

func (s *Scorer) wait(ctx context.Context, f func(raw.Scorer, raw.Cancel, *raw.Error) raw.Status) error {
	return cancellable(ctx, func(cancel raw.Cancel) error {
		return s.use(func(h raw.Scorer, e *raw.Error) raw.Status { return f(h, cancel, e) })
	})
}
