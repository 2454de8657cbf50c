package qask_test

import (
	"math"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

// embedding is a case of embeddings.json.
type embedding struct {
	Name, Model, Code, Message, Purpose string
	Options                             map[string]any
	Texts                               *[]long
	Dimensions                          *int
	Same, Nearer                        []int
	Begins                              []float32
	Query                               long
	Documents                           []long
	Scores                              []float32
}

func (c embedding) options(t *testing.T) (options []qask.EmbedderOption) {
	number := func(value any) uint32 { return uint32(value.(float64)) }
	setters := map[string]func(any) qask.EmbedderOption{
		"pooling":       func(any) qask.EmbedderOption { return qask.WithPooling(qask.PoolingRank) },
		"normalize":     func(v any) qask.EmbedderOption { return qask.WithNormalize(v.(bool)) },
		"dimensions":    func(v any) qask.EmbedderOption { return qask.WithDimensions(number(v)) },
		"max_tokens":    func(v any) qask.EmbedderOption { return qask.WithMaxTextTokens(number(v)) },
		"batch_tokens":  func(v any) qask.EmbedderOption { return qask.WithBatchTokens(number(v)) },
		"max_sequences": func(v any) qask.EmbedderOption { return qask.WithBatchTexts(number(v)) },
		"query_prefix":  func(v any) qask.EmbedderOption { return qask.WithQueryPrefix(v.(string)) },
		"instruction":   func(v any) qask.EmbedderOption { return qask.WithInstruction(v.(string)) },
		"truncation": func(v any) qask.EmbedderOption {
			return qask.WithTruncation(map[any]qask.Truncation{"end": qask.TruncateEnd, "start": qask.TruncateStart}[v])
		},
	}
	for key, value := range c.Options {
		if setters[key] == nil || key == "pooling" && value != "rank" {
			t.Fatalf("%s: option %s: %v", c.Name, key, value)
		}
		options = append(options, setters[key](value))
	}
	return options
}

func TestConformanceEmbeddings(t *testing.T) {
	var file struct {
		Tolerance float64
		Cases     []embedding
	}
	conformance(t, "embeddings.json", &file)
	if len(file.Cases) < 20 {
		t.Fatal("cases are missing")
	}
	files := map[string]string{"minilm-l6-v2": minilm, "minilm-rerank": ranker, "smollm2-135m": smollm, "qwen2.5-coder-0.5b": qwen}
	models := map[string]*qask.Model{}
	ctx := in(t, 3*time.Minute)
	for _, c := range file.Cases {
		if models[c.Model] == nil {
			models[c.Model] = load(t, files[c.Model])
		}
		embedder, err := models[c.Model].NewEmbedder(c.options(t)...)
		if err != nil {
			expected(t, c.Name, c.Code, c.Message, err)
			continue
		}
		near := func(a, b float32) bool { return math.Abs(float64(a-b)) <= file.Tolerance }
		if c.Texts == nil {
			scores, err := embedder.Rerank(ctx, string(c.Query), plain(c.Documents)...)
			embedder.Close()
			if expected(t, c.Name, c.Code, c.Message, err) {
				continue
			}
			if len(scores) != len(c.Documents) || len(c.Same) == 2 && !near(scores[c.Same[0]], scores[c.Same[1]]) {
				t.Errorf("%s: %v", c.Name, scores)
			}
			for i, want := range c.Scores {
				if !near(scores[i], want) {
					t.Errorf("%s: %d: %v, want %v", c.Name, i, scores[i], want)
				}
			}
			continue
		}
		purpose := map[string]qask.Purpose{"": qask.Plain, "query": qask.Query}[c.Purpose]
		vectors, err := embedder.Embed(ctx, purpose, plain(*c.Texts)...)
		embedder.Close()
		if expected(t, c.Name, c.Code, c.Message, err) {
			continue
		}
		c.compare(t, vectors, near)
	}
}

// compare looks at a case's vectors.
func (c embedding) compare(t *testing.T, vectors [][]float32, near func(a, b float32) bool) {
	t.Helper()
	if len(vectors) != len(*c.Texts) {
		t.Fatalf("%s: %d vectors", c.Name, len(vectors))
	}
	for _, v := range vectors {
		if c.Dimensions != nil && len(v) != *c.Dimensions {
			t.Errorf("%s: %d numbers", c.Name, len(v))
		}
	}
	for i, want := range c.Begins {
		if !near(vectors[0][i], want) {
			t.Errorf("%s: number %d is %v, want %v", c.Name, i, vectors[0][i], want)
		}
	}
	for i := 0; i+1 < len(c.Same); i += 2 {
		if got := cosine(vectors[c.Same[i]], vectors[c.Same[i+1]]); got < 0.9999 {
			t.Errorf("%s: %d and %d: cosine %v", c.Name, c.Same[i], c.Same[i+1], got)
		}
	}
	for i := 0; i+3 < len(c.Nearer); i += 4 {
		p := c.Nearer[i:]
		if a, b := cosine(vectors[p[0]], vectors[p[1]]), cosine(vectors[p[2]], vectors[p[3]]); a <= b {
			t.Errorf("%s: cosine %v is not over %v", c.Name, a, b)
		}
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}
