package qask_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

func TestChatStreams(t *testing.T) {
	chat := converse(t, start(t, smollm), qask.WithMaxTokens(40), qask.WithTemperature(0))
	var text strings.Builder
	var pieces int
	var done *qask.Done
	for event, err := range chat.Send(in(t, time.Minute), "Complete the sentence: the capital of France is") {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(event.Text)
		pieces++
		if event.Done != nil {
			done = event.Done
		}
	}
	if !strings.Contains(text.String(), "Paris") || pieces < 3 {
		t.Fatalf("%d pieces: %q", pieces, text.String())
	}
	if done == nil || done.Err != nil || done.Usage.PromptTokens == 0 || done.Usage.OutputTokens == 0 || done.Usage.FirstToken <= 0 {
		t.Fatalf("%+v", done)
	}
	messages := must(chat.Messages())
	if len(messages) != 2 || messages[1].Role != "assistant" || messages[1].Content != text.String() {
		t.Fatalf("%+v", messages)
	}
	// The second turn finds the first in the cache.
	var second *qask.Done
	for event, err := range chat.Send(in(t, time.Minute), "And of Italy?") {
		if err != nil {
			t.Fatal(err)
		}
		second = event.Done
	}
	if all := done.Usage.PromptTokens + done.Usage.OutputTokens; second.Usage.CachedTokens+1 < all {
		t.Fatalf("%d cached of %d", second.Usage.CachedTokens, all)
	}
}

func endless(prompt string) []qask.Option {
	return []qask.Option{qask.WithPrompt(prompt), qask.WithIgnoreEOS(true), qask.WithMaxTokens(3000)}
}

func TestContextCancelsGeneration(t *testing.T) {
	engine := start(t, smollm)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	reason := errors.New("the user left")
	var last qask.Event
	var failed error
	for event, err := range engine.Generate(ctx, endless("Once upon a time")...) {
		if event.Text != "" {
			cancel(reason)
		}
		last, failed = event, err
	}
	if !errors.Is(failed, qask.ErrCancelled) || !errors.Is(failed, reason) || last.Done == nil || last.Done.Reason != qask.FinishCancelled {
		t.Fatalf("%v, %+v", failed, last.Done)
	}
	// One that is done before is an error at once, a deadline is the context's error.
	for _, err := range engine.Generate(ctx, endless("x")...) {
		if !errors.Is(err, qask.ErrCancelled) {
			t.Fatal(err)
		}
	}
	short, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	if _, _, err := engine.Ask(short, endless("Once upon a time")...); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	// The request's own deadline is no error, but a reason.
	_, done, err := engine.Ask(in(t, time.Minute), append(endless("Once upon a time"), qask.WithDeadline(100*time.Millisecond))...)
	if err != nil || done.Reason != qask.FinishDeadline {
		t.Fatal(err, done)
	}
	if _, _, err := engine.Ask(in(t, time.Minute), qask.WithPrompt("x"), qask.WithMaxTokens(2)); err != nil {
		t.Fatal("the engine is not usable any more:", err)
	}
}

func TestContextCancelsLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	shares := 0
	_, err := qask.LoadModel(ctx, path(smollm), qask.WithMmap(false), qask.WithProgress(func(share float32) {
		shares++
		cancel()
	}))
	if !errors.Is(err, qask.ErrCancelled) || !errors.Is(err, context.Canceled) || shares == 0 {
		t.Fatal(err, shares)
	}
	if _, err := qask.LoadModel(ctx, path(smollm)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestLeavingALoopCancelsAndTheChatGoesOn(t *testing.T) {
	engine := start(t, smollm)
	chat := converse(t, engine, qask.WithIgnoreEOS(true), qask.WithMaxTokens(3000))
	for range 3 {
		for event, err := range chat.Send(in(t, time.Minute), "Count from one to a thousand.") {
			if err != nil {
				t.Fatal(err)
			}
			if event.Text != "" {
				break
			}
		}
	}
	if err := chat.Wait(in(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if chat.Len() != 6 || chat.CutShort(1) != qask.FinishCancelled {
		t.Fatal(chat.Len(), chat.CutShort(1))
	}
}

func TestOneAnswerAtATime(t *testing.T) {
	chat := converse(t, start(t, smollm), qask.WithIgnoreEOS(true), qask.WithMaxTokens(3000))
	for event, err := range chat.Send(in(t, time.Minute), "Count.") {
		if err != nil {
			t.Fatal(err)
		}
		if event.Text == "" {
			continue
		}
		for _, err := range chat.Send(in(t, time.Minute), "x") {
			if !errors.Is(err, qask.ErrBusy) {
				t.Fatal(err)
			}
		}
		if err := chat.Clear(); !errors.Is(err, qask.ErrBusy) || !chat.Busy() {
			t.Fatal(err)
		}
		break
	}
}

func TestStreamCancelCloseAndJSON(t *testing.T) {
	engine := start(t, smollm)
	request := must(qask.NewRequest(endless("Once upon a time")...))
	defer request.Close()
	stream := must(engine.Submit(request))
	if _, err := stream.ChunkJSON("x"); !errors.Is(err, qask.ErrNull) {
		t.Fatal("no event was read:", err)
	}
	if _, err := stream.Next(in(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	chunk := must(stream.ChunkJSON("chatcmpl-7"))
	if !strings.Contains(string(chunk), `"chatcmpl-7"`) || !strings.Contains(string(chunk), `"chat.completion.chunk"`) {
		t.Fatalf("%s", chunk)
	}
	if err := stream.Cancel(); err != nil {
		t.Fatal(err)
	}
	_, done, err := stream.Collect(in(t, time.Minute))
	if err != nil || done.Reason != qask.FinishCancelled {
		t.Fatal(done, err)
	}
	if _, err := stream.Next(in(t, time.Minute)); err != io.EOF {
		t.Fatal(err)
	}
	stream.Close()
	if _, err := stream.Next(in(t, time.Minute)); !errors.Is(err, qask.ErrClosed) {
		t.Fatal(err)
	}
	// A reader that waits wakes when another goroutine closes its stream, or the engine.
	for _, close := range []func(*qask.Stream){
		func(s *qask.Stream) { s.Close() },
		func(*qask.Stream) { engine.Shutdown(in(t, time.Minute)) },
	} {
		stream := must(engine.Submit(request))
		go func() { time.Sleep(50 * time.Millisecond); close(stream) }()
		var err error
		for err == nil {
			_, err = stream.Next(in(t, time.Minute))
		}
		if !errors.Is(err, qask.ErrClosed) && !errors.Is(err, qask.ErrHandle) {
			t.Fatal(err)
		}
		stream.Close()
	}
	if _, err := engine.Submit(request); !errors.Is(err, qask.ErrClosed) {
		t.Fatal(err)
	}
}

func TestManyAnswersLogprobsAndTokens(t *testing.T) {
	model := load(t, smollm)
	engine := must(model.NewEngine())
	defer engine.Close()
	texts := map[int]string{}
	ids := map[int][]int32{}
	ends := 0
	for event, err := range engine.Generate(in(t, time.Minute), qask.WithUser("Say something."), qask.WithN(3),
		qask.WithMaxTokens(8), qask.WithTokens(true), qask.WithTopLogprobs(2), qask.WithSeed(7)) {
		if err != nil {
			t.Fatal(err)
		}
		texts[event.Choice] += event.Text
		ids[event.Choice] = append(ids[event.Choice], event.Tokens...)
		for _, l := range event.Logprobs {
			if len(l.Top) != 2 || l.Logprob > 0 || l.Top[0].Logprob < l.Top[1].Logprob {
				t.Fatalf("%+v", l)
			}
		}
		if event.Kind == qask.EventText && len(event.Logprobs) == 0 {
			t.Fatal("text without logprobs")
		}
		if event.Done != nil {
			ends++
			if event.Done.Reason.String() != "length" && event.Done.Reason.String() != "stop" {
				t.Fatal(event.Done.Reason)
			}
		}
	}
	if ends != 3 || len(texts) != 3 {
		t.Fatal(ends, texts)
	}
	for choice, text := range texts {
		if got := must(model.Detokenize(ids[choice]...)); strings.TrimSpace(got) != strings.TrimSpace(text) {
			t.Errorf("choice %d: %q, its tokens are %q", choice, text, got)
		}
	}
}

func TestSixteenGoroutinesShareAnEngine(t *testing.T) {
	engine := start(t, smollm, qask.WithMaxSequences(16))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			text, done, err := engine.Ask(in(t, time.Minute), qask.WithUser("What is bread?"), qask.WithMaxTokens(12))
			if err != nil || text == "" || done.Usage.OutputTokens == 0 {
				t.Error(text, done, err)
			}
		})
	}
	all.Wait()
	if stats := must(engine.Stats()); stats.ThreadsUsed < 1 || stats.ThreadsUsed > stats.Threads || stats.BatchThreadsUsed < 1 {
		t.Errorf("%+v", stats)
	}
	if stats := must(engine.Stats()); stats.Finished != 16 || stats.OutputTokens == 0 || stats.Steps == 0 {
		t.Fatalf("%+v", stats)
	}
}

func TestFinishReasonsHaveTheLibrarysNames(t *testing.T) {
	engine := start(t, smollm)
	seen := map[qask.FinishReason]bool{}
	for want, options := range map[qask.FinishReason][]qask.Option{
		qask.FinishLength:    {qask.WithPrompt("x"), qask.WithMaxTokens(1), qask.WithIgnoreEOS(true)},
		qask.FinishStop:      {qask.WithUser("x"), qask.WithChoices("yes")},
		qask.FinishDeadline:  append(endless("x"), qask.WithDeadline(50*time.Millisecond)),
		qask.FinishError:     {qask.WithUser("x"), qask.WithRegex("(")},
		qask.FinishToolCalls: {qask.WithUser("x"), qask.WithTools(qask.Tool{Name: "f", Parameters: []byte(`{"type":"object","properties":{},"additionalProperties":false}`)}), qask.WithToolChoice("required"), qask.WithParallelToolCalls(false), qask.WithMaxTokens(100)},
		qask.FinishCancelled: endless("x"),
	} {
		request := must(qask.NewRequest(options...))
		stream := must(engine.Submit(request))
		if want == qask.FinishCancelled {
			stream.Cancel()
		}
		var done *qask.Done
		for done == nil {
			event, err := stream.Next(in(t, time.Minute))
			if err != nil && event.Done == nil {
				t.Fatal(err)
			}
			done = event.Done
		}
		if done.Reason != want || done.Reason.String() != qask.ReasonName(stream) {
			t.Errorf("%v (%v), the library says %q; want %v", done.Reason, done.Err, qask.ReasonName(stream), want)
		}
		seen[done.Reason] = true
		stream.Close()
		request.Close()
	}
	if len(seen) != 6 {
		t.Error(seen)
	}
}

// The whole answer, dictated by a constraint: what a history takes.
func TestCollectMessage(t *testing.T) {
	engine := start(t, smollm)
	tool := []byte(`{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}`)
	output := "<think>Is it?</think>I look.<tool_call>\n{\"name\": \"look\", \"arguments\": {\"x\": 1}}\n</tool_call>"
	request := must(qask.NewRequest(qask.WithUser("x"), qask.WithChoices(output), qask.WithTemperature(0), qask.WithToolJSON(tool),
		qask.WithToolFormat("hermes"), qask.WithTemplate("{{ messages[0].content }}{# <think> #}")))
	defer request.Close()
	stream := must(engine.Submit(request))
	defer stream.Close()
	message, done, err := stream.CollectMessage(in(t, time.Minute))
	if err != nil || done.Reason != qask.FinishToolCalls || message.Role != "assistant" || message.Reasoning != "Is it?" ||
		message.Content != "I look." || len(message.ToolCalls) != 1 || message.ToolCalls[0].Name != "look" || message.ToolCalls[0].ID == "" {
		t.Fatalf("%+v, %+v, %v", message, done, err)
	}
	chat := converse(t, engine, qask.WithMessages(qask.User("x"), message))
	if got := must(chat.Message(1)); !reflect.DeepEqual(got, message) {
		t.Errorf("%+v, want %+v", got, message)
	}
}
