package qask_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

func TestScorer(t *testing.T) {
	ctx := in(t, time.Minute)
	model := load(t, smollm)
	scorer := must(model.NewScorer(qask.WithScorerBatchTokens(256), qask.WithScorerBatchTexts(8), qask.WithScorerThreads(2)))
	defer scorer.Close()
	const prompt = "The capital of France is"
	choices := []string{" a large cheese", " Paris", " Berlin"}
	scores := must(scorer.Score(ctx, prompt, choices...))
	for i, score := range scores.Each {
		var sum float64
		for _, l := range score.Logprobs {
			sum += float64(l)
		}
		if !slices.Equal(score.Tokens, must(model.Tokenize(choices[i]))) || len(score.Logprobs) != len(score.Tokens) ||
			math.Abs(score.Logprob(qask.NormalizeNone)-sum) > 1e-4 ||
			math.Abs(score.Logprob(qask.NormalizeTokens)-sum/float64(len(score.Tokens))) > 1e-4 ||
			math.Abs(score.Logprob(qask.NormalizeBytes)-sum/float64(len(choices[i]))) > 1e-4 {
			t.Errorf("%q: %+v", choices[i], score)
		}
	}
	for n := qask.NormalizeNone; n <= qask.NormalizeBytes; n++ {
		if scores.Likeliest(n) != 1 {
			t.Errorf("%+v", scores)
		}
	}
	if scores.Likeliest(3) != -1 || scores.Likeliest(-1) != -1 || !math.IsNaN(scores.Each[0].Logprob(3)) {
		t.Error("an unknown normalization")
	}
	special := must(model.NewScorer(qask.WithScorerSpecialTokens(true), qask.WithScorerTokens(64)))
	if end := must(special.Score(ctx, prompt, "<|im_end|>")); len(end.Each[0].Tokens) != 1 || special.MaxTokens() != 64 || scorer.MaxTokens() != 2048 {
		t.Error(end, special.MaxTokens(), scorer.MaxTokens())
	}

	for word, option := range map[string]qask.ScorerOption{"max_sequences": qask.WithScorerBatchTexts(1), "threads": qask.WithScorerThreads(0)} {
		if _, err := model.NewScorer(option); !errors.Is(err, qask.ErrRange) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}

	// Many goroutines score the same; a context ends one call and no other.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := scorer.Score(ctx, prompt, choices...)
			if err != nil || got.Likeliest(qask.NormalizeNone) != 1 {
				t.Error(err, got)
			}
		})
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	_, err := scorer.Perplexity(short, strings.Repeat("word ", 1500), qask.Windows{})
	if !errors.Is(err, qask.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	all.Wait()

	rest := must(scorer.Score(ctx, "The", " capital of France is")).Each[0].Logprob(qask.NormalizeTokens)
	whole := must(scorer.Perplexity(ctx, prompt, qask.Windows{}))
	if ratio := whole.Value / math.Exp(-rest); whole.Tokens != 4 || math.Abs(math.Log(ratio)) > 0.1 {
		t.Errorf("%+v, its tokens' mean is %v", whole, rest)
	}

	text := strings.Repeat("one two three four ", 16)
	p := must(special.Perplexity(ctx, text, qask.Windows{Size: 32, Limit: 1}))
	if p.Tokens != 31 || p.Value < 1 || p.StandardError <= 0 {
		t.Errorf("%+v", p)
	}
	if err := special.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := special.Score(ctx, prompt, " x"); !errors.Is(err, qask.ErrClosed) {
		t.Error(err)
	}
	special.Close()
	if _, err := special.Perplexity(ctx, text, qask.Windows{}); !errors.Is(err, qask.ErrClosed) {
		t.Error(err)
	}
}

// long is a text of the cases: a string, or {repeat, times}.
type long string

func (l *long) UnmarshalJSON(data []byte) error {
	var rule struct {
		Repeat string
		Times  int
	}
	if data[0] == '{' {
		err := json.Unmarshal(data, &rule)
		*l = long(strings.Repeat(rule.Repeat, rule.Times))
		return err
	}
	return json.Unmarshal(data, (*string)(l))
}

func plain(texts []long) (all []string) {
	for _, t := range texts {
		all = append(all, string(t))
	}
	return all
}

// expected compares an error with what a case says of it; false when the case goes on.
func expected(t *testing.T, name, code, message string, err error) bool {
	t.Helper()
	switch {
	case code != "":
		if !errors.Is(err, codeNamed(code)) || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v, want %s with %q", name, err, code, message)
		}
		return true
	case err != nil:
		t.Errorf("%s: %v", name, err)
		return true
	}
	return false
}

func TestConformanceScores(t *testing.T) {
	var file struct {
		PerToken float64 `json:"per_token"`
		Cases    []struct {
			Name, Code, Message string
			Options             struct {
				MaxTokens   *uint32 `json:"max_tokens"`
				BatchTokens *uint32 `json:"batch_tokens"`
				Special     bool    `json:"special_tokens"`
			}
			Prompt                           long
			Choices                          *[]long
			Tokens                           []int
			Sums                             []float64
			Likeliest                        []*int
			Text                             long
			Window, Stride, Context, Windows uint32
			Scored                           uint64
			Perplexity                       *float64
		}
	}
	conformance(t, "scores.json", &file)
	if len(file.Cases) < 10 {
		t.Fatal("cases are missing")
	}
	model, ctx := load(t, smollm), in(t, 2*time.Minute)
	for _, c := range file.Cases {
		options := []qask.ScorerOption{qask.WithScorerSpecialTokens(c.Options.Special)}
		if n := c.Options.MaxTokens; n != nil {
			options = append(options, qask.WithScorerTokens(*n))
		}
		if n := c.Options.BatchTokens; n != nil {
			options = append(options, qask.WithScorerBatchTokens(*n))
		}
		scorer, err := model.NewScorer(options...)
		if err != nil {
			expected(t, c.Name, c.Code, c.Message, err)
			continue
		}
		if c.Choices == nil {
			p, err := scorer.Perplexity(ctx, string(c.Text), qask.Windows{Size: c.Window, Stride: c.Stride, Context: c.Context, Limit: c.Windows})
			if !expected(t, c.Name, c.Code, c.Message, err) &&
				(p.Tokens != c.Scored || c.Perplexity != nil && math.Abs(math.Log(p.Value / *c.Perplexity)) > file.PerToken) {
				t.Errorf("%s: %+v", c.Name, p)
			}
			scorer.Close()
			continue
		}
		scores, err := scorer.Score(ctx, string(c.Prompt), plain(*c.Choices)...)
		scorer.Close()
		if expected(t, c.Name, c.Code, c.Message, err) {
			continue
		}
		if len(scores.Each) != len(*c.Choices) {
			t.Fatalf("%s: %+v", c.Name, scores)
		}
		for i, score := range scores.Each {
			if c.Tokens != nil && len(score.Tokens) != c.Tokens[i] {
				t.Errorf("%s: %d has %d tokens", c.Name, i, len(score.Tokens))
			}
			if c.Sums != nil && math.Abs(score.Logprob(qask.NormalizeNone)-c.Sums[i]) > file.PerToken*float64(len(score.Tokens)) {
				t.Errorf("%s: %d: %v, want %v", c.Name, i, score.Logprob(qask.NormalizeNone), c.Sums[i])
			}
		}
		for n, want := range c.Likeliest {
			if got := scores.Likeliest(qask.Normalization(n)); want == nil && got != -1 || want != nil && got != *want {
				t.Errorf("%s: by %d the likeliest is %d", c.Name, n, got)
			}
		}
	}
}
