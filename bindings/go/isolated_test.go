package qask_test

import (
	"errors"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

// An engine in a process of its own answers as another one does, and its faults end it only until the next request.
func TestIsolatedEngine(t *testing.T) {
	model := load(t, smollm)
	if _, err := model.NewEngine(qask.WithIsolated(true), qask.WithWorker("/nowhere/worker")); !errors.Is(err, qask.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := model.NewEngine(qask.WithWorker("a\x00b")); !errors.Is(err, qask.ErrRange) {
		t.Fatal(err)
	}
	here, there := must(model.NewEngine()), must(model.NewEngine(qask.WithIsolated(true)))
	defer here.Close()
	defer there.Close()
	ask := func(engine *qask.Engine) string {
		text, _, err := engine.Ask(in(t, time.Minute), qask.WithPrompt("One, two,"), qask.WithTemperature(0), qask.WithMaxTokens(8))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	expected := ask(here)
	if text := ask(there); text != expected {
		t.Fatalf("%q and %q", expected, text)
	}
	var failed error
	for event, err := range there.Generate(in(t, time.Minute), endless("Once upon a time")...) {
		if event.Text != "" && failed == nil {
			failed = qask.ProvokeFault(there)
		}
		failed = errors.Join(failed, err)
	}
	if !errors.Is(failed, qask.ErrEngineFault) {
		t.Fatal(failed)
	}
	if text := ask(there); text != expected {
		t.Fatalf("%q and %q", expected, text)
	}
}
