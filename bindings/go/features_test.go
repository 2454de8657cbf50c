package qask_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

type forecast struct {
	City string   `json:"city" jsonschema:"the city" maxLength:"20"`
	Unit string   `json:"unit" enum:"celsius,fahrenheit"`
	Days int      `json:"days" minimum:"1" maximum:"14"`
	Tags []string `json:"tags" maxItems:"2"`
	Note string   `json:"note,omitempty" pattern:"^[a-z]{3}$"`
}

func TestSchemaOf(t *testing.T) {
	got := string(must(qask.SchemaOf(&forecast{})))
	want := `{"type":"object","properties":{"city":{"type":"string","description":"the city","maxLength":20},` +
		`"unit":{"type":"string","enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14},` +
		`"tags":{"type":"array","items":{"type":"string"},"maxItems":2},"note":{"type":"string","pattern":"^[a-z]{3}$"}},` +
		`"required":["city","unit","days","tags"],"additionalProperties":false}`
	var a, b any
	_ = json.Unmarshal([]byte(got), &a)
	_ = json.Unmarshal([]byte(want), &b)
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) || strings.Index(got, `"city"`) > strings.Index(got, `"unit"`) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for _, bad := range []any{nil, make(chan int), struct {
		N int `minimum:"x"`
	}{}, struct {
		N int `enum:"a"`
	}{}, struct {
		S string `maxLength:"x"`
	}{}} {
		if schema, err := qask.SchemaOf(bad); !errors.Is(err, qask.ErrJSON) {
			t.Errorf("%T: %s, %v", bad, schema, err)
		}
	}
}

func TestStructuredOutput(t *testing.T) {
	engine := start(t, smollm)
	var answer forecast
	if err := engine.AskInto(in(t, time.Minute), &answer, qask.WithUser("The weather in Paris, in celsius, for 3 days."), qask.WithTemperature(0), qask.WithMaxTokens(200)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		if answer.City == "" || (answer.Unit != "celsius" && answer.Unit != "fahrenheit") || answer.Days < 1 || answer.Days > 14 || len(answer.Tags) > 2 {
			t.Fatalf("%+v", answer)
		}
	}
	check()
	answer = forecast{}
	chat := converse(t, engine, qask.WithTemperature(0), qask.WithMaxTokens(200))
	if err := chat.AskInto(in(t, time.Minute), "The weather in Rome.", &answer); err != nil {
		t.Fatal(err)
	}
	check()
	if chat.Len() != 2 {
		t.Fatal("it did not join the history")
	}
	// A thousand words are not evaluated in five milliseconds.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	err := engine.AskInto(ctx, &answer, qask.WithUser(strings.Repeat("word ", 1000)))
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, qask.ErrCancelled) {
		t.Fatal(err)
	}
}

func TestToolsRun(t *testing.T) {
	type place struct {
		City string `json:"city" jsonschema:"the name of the city"`
	}
	asked := []string{}
	weather := qask.NewTool("get_weather", "The weather in a city, now", func(_ context.Context, p place) (string, error) {
		asked = append(asked, p.City)
		return "21 degrees Celsius, clear sky", nil
	})
	engine := start(t, qwen)
	chat := converse(t, engine, qask.WithTools(weather), qask.WithToolChoice("required"), qask.WithTemperature(0),
		qask.WithMaxTokens(100), qask.WithParallelToolCalls(false))
	var kinds []qask.EventKind
	var text, deltas, arguments string
	for event, err := range chat.Run(in(t, 2*time.Minute), "What is the weather in Paris?") {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind == qask.EventToolCallDelta {
			deltas += event.ToolCall.Arguments
			continue
		}
		if event.Kind == qask.EventToolCall {
			arguments = event.ToolCall.Arguments
		}
		text += event.Text
		kinds = append(kinds, event.Kind)
	}
	// So small a model may ask the same again; then it has to answer.
	if len(asked) < 1 || len(asked) > 2 || asked[0] != "Paris" || !strings.HasPrefix(deltas, arguments) {
		t.Fatal(asked, deltas, arguments)
	}
	if result := must(chat.Message(2)); text == "" || result.Role != "tool" || result.Content != "21 degrees Celsius, clear sky" {
		t.Errorf("%q after %+v", text, result)
	}
	if !slices.Contains(kinds, qask.EventToolResult) || chat.Len() != 2+2*len(asked) {
		t.Fatal(kinds, chat.Len())
	}
	calls := must(chat.Message(1)).ToolCalls
	if len(calls) != 1 || calls[0].Name != "get_weather" || must(chat.Message(2)).ToolCallID != calls[0].ID {
		t.Fatalf("%+v", must(chat.Messages()))
	}
	// The forced choice is in force again, and a tool without a function is handed back.
	if err := chat.SetOptions(qask.WithToolJSON([]byte(`{"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}}`)),
		qask.WithTools(qask.Tool{Name: "later"}), qask.WithToolChoiceFunction("later")); err != nil {
		t.Fatal(err)
	}
	var last qask.Event
	for event, err := range chat.Run(in(t, 2*time.Minute), "Later.") {
		if err != nil {
			t.Fatal(err)
		}
		last = event
	}
	if last.Done == nil || last.Done.Reason != qask.FinishToolCalls {
		t.Fatalf("%+v", last)
	}
	// A function that fails tells the model; a bad type is told where the tool is used.
	if _, err := engine.NewChat(qask.WithTools(qask.NewTool("bad", "", func(context.Context, chan int) (int, error) { return 0, nil }))); !errors.Is(err, qask.ErrJSON) {
		t.Error(err)
	}
	fails := qask.NewTool("fails", "Always called", func(context.Context, place) (int, error) { return 0, errors.New("out of order") })
	broken := converse(t, engine, qask.WithTools(fails), qask.WithToolChoice("required"), qask.WithTemperature(0), qask.WithMaxTokens(60))
	var result *qask.ToolResult
	for event, err := range broken.Run(in(t, 2*time.Minute), "Paris") {
		if err != nil {
			t.Fatal(err)
		}
		if event.ToolResult != nil && result == nil {
			result = event.ToolResult
		}
	}
	if result == nil || result.Content != "error: out of order" || result.Err == nil {
		t.Errorf("%+v", result)
	}
}

func TestEmbedder(t *testing.T) {
	embedder := must(load(t, minilm).NewEmbedder(qask.WithTruncation(qask.TruncateEnd)))
	defer embedder.Close()
	ctx := in(t, time.Minute)
	vectors := must(embedder.Embed(ctx, qask.Plain, "A cat sits on the mat.", "The kitten rests on a rug.", "Rates went up.", ""))
	dot := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	if len(vectors) != 4 || len(vectors[0]) != 384 || embedder.Dimensions() != 384 || embedder.Pooling() != qask.PoolingMean {
		t.Fatal(len(vectors), embedder.Dimensions(), embedder.Pooling())
	}
	if near, far := dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2]); near < 0.5 || far > 0.3 || math.Abs(dot(vectors[2], vectors[2])-1) > 1e-3 {
		t.Fatal(near, far)
	}
	// Many goroutines; the same text gives the same vector.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			again, err := embedder.Embed(ctx, qask.Plain, "A cat sits on the mat.")
			if err != nil || dot(again[0], vectors[0]) < 0.999 {
				t.Error(err)
			}
		})
	}
	all.Wait()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := embedder.Embed(cancelled, qask.Plain, "x"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := embedder.Embed(ctx, qask.Plain, "\xff"); !errors.Is(err, qask.ErrUTF8) {
		t.Error(err)
	}
	if n := must(embedder.CountTokens("A cat", qask.Query)); n != 4 || embedder.MaxTokens() < 128 {
		t.Error(n, embedder.MaxTokens())
	}
	tokens := must(load(t, minilm).NewEmbedder(qask.WithPooling(qask.PoolingNone), qask.WithNormalize(false)))
	defer tokens.Close()
	if rows := must(tokens.EmbedTokens(ctx, qask.Plain, "A cat")); len(rows) != 4 || len(rows[3]) != 384 {
		t.Error(len(rows))
	}
	small := must(load(t, minilm).NewEmbedder(qask.WithDimensions(64), qask.WithQueryPrefix("query: "), qask.WithDocumentPrefix("d"),
		qask.WithMaxTextTokens(32), qask.WithBatchTokens(64), qask.WithBatchTexts(4), qask.WithEmbedderThreads(1)))
	if rows := must(small.Embed(ctx, qask.Query, "x")); len(rows[0]) != 64 {
		t.Error(len(rows[0]))
	}
	if err := small.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := small.Embed(ctx, qask.Query, "x"); !errors.Is(err, qask.ErrClosed) {
		t.Error(err)
	}
	small.Close()
}

func TestRerank(t *testing.T) {
	ranker := must(load(t, ranker).NewEmbedder(qask.WithPooling(qask.PoolingRank)))
	defer ranker.Close()
	scores := must(ranker.Rerank(in(t, time.Minute), "a cat", "The cat naps.", "Rates went up.", "The cat naps."))
	if len(scores) != 3 || scores[0] == scores[1] || math.Abs(float64(scores[0]-scores[2])) > 1e-3 {
		t.Fatal(scores)
	}
}

func TestModelFacts(t *testing.T) {
	model, facts := load(t, smollm), must(qask.Inspect(path(smollm)))
	defer facts.Close()
	if model.Architecture() != "llama" || model.VocabularySize() != 49152 || model.ContextLength() != 8192 || model.FileSize() != 98362432 {
		t.Error(model.Architecture(), model.VocabularySize(), model.ContextLength(), model.FileSize())
	}
	if model.Architecture() != facts.Architecture() || model.Name() != facts.Name() || model.Quantization() != facts.Quantization() ||
		model.Parameters() != facts.Parameters() || model.ContextLength() != facts.ContextLength() || model.ChatTemplate() != facts.ChatTemplate() ||
		model.VocabularySize() != facts.VocabularySize() || model.FileSize() != facts.FileSize() {
		t.Error("the file and the model differ")
	}
	metadata := map[string]string{}
	for key, value := range model.Metadata() {
		metadata[key] = value
		if facts.MetadataValue(key) != value || model.MetadataValue(key) != value {
			t.Error(key)
		}
	}
	count := 0
	for range facts.Metadata() {
		count++
	}
	if metadata["general.architecture"] != "llama" || count != len(metadata) || model.MetadataValue("nothing") != "" {
		t.Error(count, len(metadata))
	}
	for device, bytes := range model.Devices() {
		if device == "" || bytes == 0 {
			t.Error(device, bytes)
		}
	}
	if model.GPULayers() != 0 || model.SupportsInfill() || qask.Supports("cuda") || must(qask.Version()) == "" {
		t.Error("this build has a GPU?")
	}

	for _, text := range []string{"Hello, wörld! 你好 🎉", "", strings.Repeat("a\n", 100)} {
		tokens := must(model.Tokenize(text))
		if got := must(model.Detokenize(tokens...)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	special := must(model.Tokenize("<|im_end|>", qask.ParseSpecial(), qask.AddSpecial()))
	if !model.IsEOG(special[len(special)-1]) || len(must(model.Tokenize("<|im_end|>"))) < 3 || model.EOT() < 0 || model.EOS() < 0 || model.BOS() < 0 {
		t.Error(special, model.EOT(), model.EOS(), model.BOS())
	}
	if must(model.Detokenize(model.EOS())) != "" || must(model.DetokenizeSpecial(model.EOS())) == "" {
		t.Error("control tokens")
	}
	request := must(qask.NewRequest(qask.WithSystem("s"), qask.WithUser("Hi"), qask.WithTemplate("{{ messages[1].content }}-{{ mood }}"), qask.WithTemplateVariable("mood", "sunny")))
	defer request.Close()
	if got := must(model.Render(request)); got != "Hi-sunny" {
		t.Errorf("%q", got)
	}
}

func TestOtherWaysToLoad(t *testing.T) {
	file, err := os.Open(path(smollm))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	model := must(qask.LoadModelFile(context.Background(), file, 0, 0))
	if model.Architecture() != "llama" {
		t.Error(model.Architecture())
	}
	model.Close()
	whole := must(qask.LoadModelParts(context.Background(), []string{path(smollm)}))
	whole.Close()
	if _, err := qask.LoadModelParts(context.Background(), nil); !errors.Is(err, qask.ErrNull) && !errors.Is(err, qask.ErrRange) {
		t.Error(err)
	}
}

func TestChatHistory(t *testing.T) {
	engine := start(t, smollm)
	chat := converse(t, engine, qask.WithMessages(qask.System("s"), qask.User("q"), qask.Assistant("a")), qask.WithMaxTokens(4),
		qask.WithContextPolicy(qask.ContextDropOldest))
	if err := errors.Join(chat.SetSystem("你好 🎉"), chat.Add(qask.User("q2")), chat.Add(qask.Assistant("a2")), chat.SetMessage(3, qask.User("q3"))); err != nil {
		t.Fatal(err)
	}
	texts := func() (all []string) {
		for _, m := range must(chat.Messages()) {
			all = append(all, m.Content)
		}
		return all
	}
	if got := texts(); !slices.Equal(got, []string{"你好 🎉", "q", "a", "q3", "a2"}) {
		t.Fatal(got)
	}
	for _, err := range chat.Regenerate(in(t, time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if chat.Len() != 5 || chat.CutShort(4) == 0 && texts()[4] == "a2" || chat.Dropped() != 0 {
		t.Fatal(texts())
	}
	if err := errors.Join(chat.DropTurn(1)); err != nil || chat.Len() != 3 {
		t.Fatal(texts())
	}
	if err := chat.Clear(); err != nil || chat.Len() != 1 {
		t.Fatal(texts())
	}
	if _, err := chat.Ask(in(t, time.Minute), "Hello"); err != nil || chat.Len() != 3 {
		t.Fatal(err)
	}
}

func TestPrewarmUnpinThreads(t *testing.T) {
	engine := start(t, smollm, qask.WithContext(256), qask.WithKVTokens(512), qask.WithBatch(128), qask.WithMicroBatch(64), qask.WithThreads(2),
		qask.WithBatchThreads(2), qask.WithKeyCache(qask.CacheF16), qask.WithValueCache(qask.CacheF16), qask.WithFlashAttention(qask.FlashAuto),
		qask.WithUnifiedKV(true), qask.WithMaxStep(100*time.Millisecond), qask.WithPrefixCache(true), qask.WithDeterministic(false), qask.WithOffloadKV(true))
	system := strings.Repeat("You are a careful assistant. ", 8)
	request := must(qask.NewRequest(qask.WithSystem(system)))
	defer request.Close()
	if err := errors.Join(engine.Prewarm(in(t, time.Minute), request, true), engine.SetThreads(1, 2), engine.Unpin()); err != nil {
		t.Fatal(err)
	}
	_, done, err := engine.Ask(in(t, time.Minute), qask.WithSystem(system), qask.WithUser("x"), qask.WithMaxTokens(1))
	if err != nil || done.Usage.CachedTokens < 20 || engine.ContextTokens() != 256 || engine.KVTokens() != 512 {
		t.Fatal(done, err, engine.ContextTokens(), engine.KVTokens())
	}
}

func TestRestAndTrim(t *testing.T) {
	engine := start(t, smollm)
	ask := func() string {
		text, _, err := engine.Ask(in(t, time.Minute), qask.WithUser("Complete the sentence: the capital of France is"), qask.WithTemperature(0), qask.WithMaxTokens(8))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	expected := ask()
	if err := engine.Pause(in(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	before := must(engine.Stats()).Steps
	answer := make(chan string)
	go func() { answer <- ask() }()
	for deadline := time.Now().Add(20 * time.Second); must(engine.Stats()).Queued == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	if after := must(engine.Stats()); after.Steps != before || after.Queued != 1 {
		t.Fatal("a paused engine went on", before, after)
	}
	if err := errors.Join(engine.Trim(in(t, time.Minute), qask.TrimContext), engine.Resume()); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != expected {
		t.Fatal(got, expected)
	}
	for level := qask.TrimCache; level <= qask.TrimWeights; level++ {
		if err := engine.Trim(in(t, time.Minute), level); err != nil || ask() != expected {
			t.Fatal(level, err)
		}
	}
	if err := engine.Trim(in(t, time.Minute), 9); !errors.Is(err, qask.ErrRange) {
		t.Fatal(err)
	}
}

// Every option reaches the library: a value outside its range is refused with the field's name, one inside is taken.
func TestRequestOptions(t *testing.T) {
	_ = must(qask.NewRequest(
		qask.WithMinTokens(1), qask.WithN(2), qask.WithPriority(3), qask.WithShiftKeep(4), qask.WithContinueFinalMessage(true), qask.WithHealing(true),
		qask.WithThinking(false), qask.WithReasoningBudget(9), qask.WithSplitReasoning(true), qask.WithTopK(1), qask.WithTopP(0.5), qask.WithMinP(0.1),
		qask.WithTypicalP(0.9), qask.WithTopNSigma(1), qask.WithSeed(1), qask.WithMinKeep(1), qask.WithRepeatPenalty(1.1), qask.WithFrequencyPenalty(0.1),
		qask.WithPresencePenalty(0.1), qask.WithPenaltyLastN(-1), qask.WithDynatempRange(0.1), qask.WithDynatempExponent(1), qask.WithXTCProbability(0.1),
		qask.WithXTCThreshold(0.1), qask.WithDRYMultiplier(0.1), qask.WithDRYBase(1.5), qask.WithDRYAllowedLength(2), qask.WithDRYPenaltyLastN(-1),
		qask.WithMirostat(2), qask.WithMirostatTau(5), qask.WithMirostatEta(0.1), qask.WithDRYSequenceBreakers("\n", ":"), qask.WithLogitBias(5, float32(math.Inf(-1))),
		qask.WithStop("a", "b"), qask.WithCacheKey("k"), qask.WithPromptTokens(1, 2), qask.WithInfill("a", "b"), qask.WithSpecialPrompt("x"),
		qask.WithConstraintTriggers("x"), qask.WithToolFormat("hermes"), qask.WithoutAdapters(), qask.WithTopLogprobs(1),
	)).Close()
	for word, option := range map[string]qask.Option{
		"top_p": qask.WithTopP(2), "min_p": qask.WithMinP(-1), "top_k": qask.WithTopK(2_000_000), "typical_p": qask.WithTypicalP(2),
		"repeat_penalty": qask.WithRepeatPenalty(0), "mirostat": qask.WithMirostat(3), "xtc_threshold": qask.WithXTCThreshold(2),
		"dry_base": qask.WithDRYBase(0), "priority": qask.WithPriority(5000), "penalty_last_n": qask.WithPenaltyLastN(-2),
		"stop": qask.WithStop(""), "dry_sequence_breakers": qask.WithDRYSequenceBreakers(""),
		"tool_choice": qask.WithToolChoice("maybe"), "NUL": qask.WithCacheKey("a\x00b"), "context_policy": qask.WithContextPolicy(99),
	} {
		if _, err := qask.NewRequest(option); !errors.Is(err, qask.ErrRange) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	request := must(qask.RequestFromJSON([]byte(`{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}`), qask.WithTemperature(0)))
	defer request.Close()
	stream := must(start(t, smollm).Submit(request))
	defer stream.Close()
	if _, done, err := stream.Collect(in(t, time.Minute)); err != nil || done.Usage.OutputTokens > 3 {
		t.Error(done, err)
	}
}

func TestLog(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	lines := func() string { mu.Lock(); defer mu.Unlock(); return out.String() }
	logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &out}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := qask.LogTo(logger, slog.LevelDebug); err != nil {
		t.Fatal(err)
	}
	engine := start(t, smollm)
	if _, _, err := engine.Ask(in(t, time.Minute), qask.WithPrompt("a secret"), qask.WithMaxTokens(2)); err != nil {
		t.Fatal(err)
	}
	if err := qask.LogTo(nil, 0); err != nil {
		t.Fatal(err)
	}
	for wait := 0; !strings.Contains(lines(), "source=qask") || !strings.Contains(lines(), "source=engine"); wait++ {
		if wait == 100 {
			t.Fatal(lines())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if strings.Contains(lines(), "secret") {
		t.Error("a prompt is in the log")
	}
}

type lockedWriter struct {
	mu  *sync.Mutex
	out *bytes.Buffer
}

func (w lockedWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(data)
}

// A LoRA of real shapes, made by the repository's own script: with zeros in B the answer is the model's, with noise another.
func TestAdapter(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join("testdata", "adapter.py")
	if out, err := exec.Command("python3", script, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	model := load(t, smollm)
	engine := must(model.NewEngine(qask.WithPrefixCache(false)))
	defer engine.Close()
	ask := func(options ...qask.Option) string {
		text, _, err := engine.Ask(in(t, time.Minute), append(options, qask.WithUser("What is rain?"), qask.WithTemperature(0), qask.WithMaxTokens(16))...)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	plain := ask()
	for file, same := range map[string]bool{"zero.gguf": true, "noise.gguf": false} {
		adapter := must(model.LoadAdapter(filepath.Join(folder, file)))
		if adapter.Kind() != qask.LoRA {
			t.Error(adapter.Kind())
		}
		if got := ask(qask.WithAdapter(adapter, 1)); (got == plain) != same {
			t.Errorf("%s: %q, without it %q", file, got, plain)
		}
		if got := ask(qask.WithAdapter(adapter, 1), qask.WithoutAdapters()); got != plain {
			t.Errorf("%s taken away: %q, without it %q", file, got, plain)
		}
		adapter.Close()
	}
}
