package qask_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

// Every code of the header can be met, with its name, its group and a message.
func TestEveryCode(t *testing.T) {
	must(qask.Version())
	header, err := os.ReadFile(repository + "/include/qask.h")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`#define (QASK_ERR_\w+) (\d+)`).FindAllStringSubmatch(string(header), -1)
	if len(listed) < 29 {
		t.Fatal("codes are missing")
	}
	named := strings.Join(sources(t, "errors.go"), "")
	for _, m := range listed {
		number, _ := strconv.Atoi(m[2])
		code := qask.Code(number)
		err := qask.ProvokeFail(code)
		var e *qask.Error
		if !errors.Is(err, code) || !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, "on purpose") {
			t.Errorf("%s: %v", m[1], err)
		}
		if errors.Is(err, code+1) || code.Error() != m[1] || int(code.Group()) != number/100*100 {
			t.Errorf("%s: %v, %v", m[1], code, code.Group())
		}
		if !strings.Contains(named, "raw."+m[1]+"\n") && !strings.Contains(named, "raw."+m[1]+" ") {
			t.Errorf("%s has no name in errors.go", m[1])
		}
	}
	if err := qask.ProvokePanic(); !errors.Is(err, qask.ErrPanic) {
		t.Error(err)
	}
	if name := qask.Code(12345).Error(); name != "QASK_UNKNOWN" {
		t.Error(name)
	}
}

func sources(t *testing.T, files ...string) (texts []string) {
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return texts
}

// An engine that fails inside ends its streams with the code; another one goes on.
func TestEngineFault(t *testing.T) {
	model := load(t, smollm)
	engine, other := must(model.NewEngine()), must(model.NewEngine())
	defer engine.Close()
	defer other.Close()
	var failed error
	for event, err := range engine.Generate(in(t, time.Minute), endless("Once upon a time")...) {
		if event.Text != "" && failed == nil {
			if err := qask.ProvokeFault(engine); err != nil {
				t.Fatal(err)
			}
		}
		failed = errors.Join(failed, err)
	}
	if !errors.Is(failed, qask.ErrEngineFault) {
		t.Fatal(failed)
	}
	if _, _, err := engine.Ask(in(t, time.Minute), qask.WithPrompt("x")); !errors.Is(err, qask.ErrEngineFault) {
		t.Fatal(err)
	}
	if _, _, err := other.Ask(in(t, time.Minute), qask.WithPrompt("x"), qask.WithMaxTokens(2)); err != nil {
		t.Fatal(err)
	}
}

// What a user meets without any switch.
func TestErrorsThatOccur(t *testing.T) {
	ctx := in(t, time.Minute)
	want := func(code qask.Code, words string, err error) {
		t.Helper()
		if !errors.Is(err, code) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %v with %q", err, code, words)
		}
	}
	_, err := qask.LoadModel(ctx, "no-such-model.gguf")
	want(qask.ErrNotFound, "no-such-model.gguf", err)
	_, err = qask.LoadModel(ctx, "errors_test.go")
	want(qask.ErrInvalid, "errors_test.go", err)
	_, err = qask.LoadModel(ctx, "a\x00b")
	want(qask.ErrRange, "NUL", err)
	_, err = qask.LoadModel(ctx, "\xff")
	want(qask.ErrUTF8, "", err)
	_, err = qask.Inspect("no-such-model.gguf")
	want(qask.ErrNotFound, "no-such-model.gguf", err)
	_, err = qask.NewRequest(qask.WithTemperature(-1))
	want(qask.ErrRange, "temperature", err)
	_, err = qask.NewRequest(qask.WithUser("\xff"))
	want(qask.ErrUTF8, "", err)
	_, err = qask.RequestFromJSON([]byte(`{"messages": 3}`))
	want(qask.ErrJSON, "messages", err)
	_, err = qask.NewRequest(qask.WithTemplateVariable("x", make(chan int)))
	want(qask.ErrJSON, "x", err)

	model := load(t, smollm)
	_, err = model.NewEngine(qask.WithThreads(1_000_000))
	want(qask.ErrRange, "threads", err)
	_, err = model.LoadAdapter("no-such-adapter.gguf")
	want(qask.ErrNotFound, "no-such-adapter.gguf", err)
	engine := must(model.NewEngine(qask.WithContext(64), qask.WithMaxQueue(1)))
	defer engine.Close()
	_, _, err = engine.Ask(ctx, qask.WithPrompt(strings.Repeat("word ", 200)))
	want(qask.ErrContextFull, "", err)
	_, _, err = engine.Ask(ctx, qask.WithUser("x"), qask.WithRegex("("))
	want(qask.ErrGrammar, "", err)
	_, _, err = engine.Ask(ctx, qask.WithUser("x"), qask.WithTemplate("{% for x in y %}"))
	want(qask.ErrTemplate, "", err)
	_, err = engine.AskJSON(ctx, []byte(`{"type": "array", "minItems": 60, "items": {"type": "integer"}}`), qask.WithUser("x"))
	want(qask.ErrTooLong, "", err)
	chat := converse(t, engine)
	want(qask.ErrRange, "", chat.DropTurn(5))

	// What was closed says so, and closing it again is nothing.
	for range 2 {
		if err := errors.Join(model.Close(), chat.Close(), engine.Close()); err != nil {
			t.Fatal(err)
		}
	}
	_, err = model.NewEngine()
	want(qask.ErrClosed, "the model is closed", err)
	_, err = engine.Stats()
	want(qask.ErrClosed, "the engine is closed", err)
	want(qask.ErrClosed, "the chat is closed", chat.SetSystem("x"))
	if model.Name() != "" || model.ContextLength() != 0 || chat.Len() != 0 {
		t.Error("a closed object says something")
	}
}

// Library errors: the library of this process is there already, so another one is refused; the rest is tested in
// internal/raw and by a process of its own.
func TestUseLibrary(t *testing.T) {
	must(qask.Version())
	var e *qask.LibraryError
	if err := qask.UseLibrary("/another/libqask.so"); !errors.As(err, &e) || !strings.Contains(e.Reason, "one libqask") {
		t.Error(err)
	}
	if err := qask.UseLibrary(os.Getenv("QASK_LIBRARY")); err != nil {
		t.Error(err)
	}
	out, err := again(t, "load", "QASK_LIBRARY=/no/such/file.so")
	if err != nil || !strings.Contains(out, "QASK_LIBRARY: /no/such/file.so cannot be loaded") {
		t.Error(err, out)
	}
	out, err = again(t, "load", "QASK_LIBRARY=", "HOME=/nowhere")
	if err != nil || !(strings.Contains(out, "make install PREFIX=$HOME/.local") && strings.Contains(out, "/nowhere/.local/lib/libqask.so.1")) {
		t.Error("(this test fails where libqask is installed for the system) ", err, out)
	}
}

func init() {
	roles["load"] = func() {
		_, err := qask.LoadModel(context.Background(), "x.gguf")
		var e *qask.LibraryError
		if errors.As(err, &e) {
			os.Stdout.WriteString(e.Error())
		}
	}
}
