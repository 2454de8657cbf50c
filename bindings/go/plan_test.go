package qask_test

import (
	"errors"
	"testing"

	qask "github.com/qask/qask/bindings/go"
)

func TestPlan(t *testing.T) {
	file := must(qask.PlanEngine(path(smollm), []qask.ModelOption{qask.WithMmap(false)}, qask.WithContext(2048)))
	defer file.Close()
	model := load(t, smollm)
	loaded := must(model.PlanEngine(qask.WithContext(2048)))
	defer loaded.Close()
	for _, plan := range []*qask.Plan{file, loaded} {
		var parts, devices uint64
		for part := qask.PartMapped; part <= qask.PartOther; part++ {
			parts += plan.Bytes(part)
			for _, device := range plan.Devices() {
				devices += device.Bytes[part]
			}
		}
		if first := plan.Devices()[0]; parts != plan.Total() || devices != parts || first.Name != "CPU" || first.GPU {
			t.Error(parts, devices, plan.Total(), first)
		}
		// 30 layers of 3 heads of 64 numbers of 16 bits, twice, make 23,040 bytes a token; the pool has two sequences.
		if plan.ContextTokens() != 2048 || plan.SequenceBytes() != 2048*23040 || plan.Bytes(qask.PartKV) != 2*plan.SequenceBytes() {
			t.Error(plan.ContextTokens(), plan.SequenceBytes(), plan.Bytes(qask.PartKV))
		}
	}
	if file.Bytes(qask.PartMapped) != 0 || loaded.Bytes(qask.PartMapped) == 0 {
		t.Error("a file that is not mapped: ", file.Bytes(qask.PartMapped), loaded.Bytes(qask.PartMapped))
	}
	if qask.PartMapped.String() != "mapped" || qask.PartOther.String() != "other" || qask.Part(99).String() != "unknown" || file.Bytes(99) != 0 {
		t.Error("names of parts")
	}

	// What fits by the plan is what is then let in.
	budget := loaded.Total() - 20_000_000
	largest := must(loaded.LargestContext(budget))
	if largest < 1024 || largest >= 2048 || largest%256 != 0 || must(loaded.LargestContext(1)) != 0 {
		t.Fatal(largest)
	}
	engine := must(model.NewEngine(qask.WithContext(largest), qask.WithMemoryBudget(budget)))
	engine.Close()
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, qask.ErrTooLarge) {
			t.Error(err)
		}
	}
	_, err := model.NewEngine(qask.WithContext(largest+256), qask.WithMemoryBudget(budget))
	refused(err)
	_, err = qask.LoadModel(t.Context(), path(smollm), qask.WithModelMemoryBudget(1_000_000))
	refused(err)
	encoder := load(t, minilm)
	_, err = encoder.NewEmbedder(qask.WithEmbedderMemoryBudget(1_000_000))
	refused(err)

	embedder := must(encoder.PlanEmbedder(qask.WithMaxTextTokens(64)))
	defer embedder.Close()
	fromFile := must(qask.PlanEmbedder(path(minilm), []qask.ModelOption{qask.WithMmap(false)}, qask.WithMaxTextTokens(64)))
	defer fromFile.Close()
	if embedder.ContextTokens() != 64 || fromFile.ContextTokens() != 64 || fromFile.Bytes(qask.PartMapped) != 0 {
		t.Error(embedder.ContextTokens(), fromFile.ContextTokens(), fromFile.Bytes(qask.PartMapped))
	}
	if _, err := embedder.LargestContext(budget); !errors.Is(err, qask.ErrUnsupported) {
		t.Error(err)
	}
	for _, bad := range []struct {
		path string
		code qask.Code
	}{{"no-such-model.gguf", qask.ErrNotFound}, {"a\x00b", qask.ErrRange}, {"plan_test.go", qask.ErrInvalid}} {
		if _, err := qask.PlanEngine(bad.path, nil); !errors.Is(err, bad.code) {
			t.Error(err)
		}
	}
	embedder.Close()
	if _, err := embedder.LargestContext(1); !errors.Is(err, qask.ErrClosed) || embedder.Total() != 0 || len(embedder.Devices()) != 0 {
		t.Error("a closed plan: ", err)
	}
}
