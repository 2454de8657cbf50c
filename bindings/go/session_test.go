package qask_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

var lighthouse = []qask.Option{qask.WithSystem(strings.Repeat("You keep a lighthouse. ", 30)), qask.WithTemperature(0), qask.WithMaxTokens(8)}

// said is an answer, and how many tokens of its prompt were there already.
func said(t *testing.T, chat *qask.Chat, text string) (answer string, cached int) {
	t.Helper()
	for event, err := range chat.Send(in(t, time.Minute), text) {
		if err != nil {
			t.Fatal(err)
		}
		answer += event.Text
		if event.Done != nil {
			cached = event.Done.Usage.CachedTokens
		}
	}
	return answer, cached
}

// Another process goes on where this one stopped.
func TestSession(t *testing.T) {
	ctx := in(t, 2*time.Minute)
	model, file := load(t, smollm), filepath.Join(t.TempDir(), "chat.session")
	engine := must(model.NewEngine(qask.WithThreads(2)))
	defer engine.Close()
	chat := converse(t, engine, lighthouse...)
	said(t, chat, "What is the sea?")
	saved := must(chat.Save(ctx, file))
	info := must(os.Stat(file))
	if saved.Tokens < 100 || saved.Bytes != uint64(info.Size()) {
		t.Fatal(saved, info.Size())
	}
	if small := must(chat.Save(ctx, file+".small", qask.WithCompression(true))); small.Tokens != saved.Tokens || small.Bytes >= saved.Bytes {
		t.Error(small, saved)
	}
	history := string(must(chat.Export()))
	want, cached := said(t, chat, "And the sky?")
	if cached < int(saved.Tokens) {
		t.Error(cached, saved)
	}
	for _, name := range []string{file, file + ".small"} {
		out, err := again(t, "restore", "QASK_TEST_FILE="+name)
		if err != nil || out != history+want {
			t.Errorf("%v: %q, want %q", err, out, history+want)
		}
	}

	// What does not fit is refused and changes nothing.
	other := converse(t, start(t, qwen, qask.WithContext(512)), qask.WithSystem("Here."))
	before := string(must(other.Export()))
	refused := func(code qask.Code, err error) {
		t.Helper()
		if !errors.Is(err, code) || string(must(other.Export())) != before {
			t.Errorf("%v, want %v", err, code)
		}
	}
	restored := func(path string) error { _, err := other.Restore(ctx, path); return err }
	refused(qask.ErrStateMismatch, restored(file))
	refused(qask.ErrNotFound, restored(file+".none"))
	refused(qask.ErrRange, restored("a\x00b"))
	data := must(os.ReadFile(file))
	data[len(data)/2] ^= 1
	_ = os.WriteFile(file, data, 0o600)
	refused(qask.ErrChecksum, restored(file))
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := other.Save(cancelled, file)
	refused(qask.ErrCancelled, err)
	_, err = other.Save(ctx, filepath.Join(file+".none", "x"))
	refused(qask.ErrNotFound, err)

	// An answer that was left is no obstacle.
	for range chat.Send(ctx, "Tell me more.") {
		break
	}
	if _, err := chat.Save(ctx, file); err != nil {
		t.Error(err)
	}
}

func init() {
	roles["restore"] = func() {
		ctx := context.Background()
		model := must(qask.LoadModel(ctx, path(smollm)))
		engine := must(model.NewEngine(qask.WithThreads(2)))
		chat := must(engine.NewChat(lighthouse...))
		tokens := must(chat.Restore(ctx, os.Getenv("QASK_TEST_FILE")))
		os.Stdout.Write(must(chat.Export()))
		for event, err := range chat.Send(ctx, "And the sky?") {
			if err != nil || event.Done != nil && event.Done.Usage.CachedTokens < int(tokens) {
				panic(err)
			}
			os.Stdout.WriteString(event.Text)
		}
	}
}

func TestPrefixOnDisk(t *testing.T) {
	ctx := in(t, time.Minute)
	model, folder := load(t, smollm), t.TempDir()
	request := must(qask.NewRequest(lighthouse...))
	defer request.Close()
	file := filepath.Join(folder, "prefix")
	first, second := must(model.NewEngine()), must(model.NewEngine())
	defer first.Close()
	defer second.Close()
	saved := must(first.SavePrefix(ctx, request, file, qask.WithCompression(true)))
	if tokens := must(second.RestorePrefix(ctx, request, file)); tokens != saved.Tokens || tokens < 100 {
		t.Fatal(tokens, saved)
	}
	ask := func(engine *qask.Engine, text string) int {
		t.Helper()
		_, done, err := engine.Ask(ctx, append(lighthouse[:len(lighthouse):len(lighthouse)], qask.WithUser(text))...)
		if err != nil {
			t.Fatal(err)
		}
		return done.Usage.CachedTokens
	}
	if cached := ask(second, "Why?"); cached < int(saved.Tokens) {
		t.Errorf("%d of %d", cached, saved.Tokens)
	}
	if _, err := converse(t, second).Restore(ctx, file); !errors.Is(err, qask.ErrStateMismatch) {
		t.Error("a prefix is no chat: ", err)
	}

	// Two prompts that part make a file; the next engine finds it.
	place := filepath.Join(folder, "prefixes")
	with := func() *qask.Engine {
		engine := must(model.NewEngine(qask.WithPrefixCacheDir(place, 1<<30)))
		t.Cleanup(func() { engine.Close() })
		return engine
	}
	writer := with()
	ask(writer, "What?")
	ask(writer, "Who?")
	if stats := must(writer.Stats()); stats.DiskTokens != 0 || stats.ReusedTokens == 0 {
		t.Errorf("%+v", stats)
	}
	for wait := 0; ; wait++ {
		if files, _ := filepath.Glob(place + "/*.qaskprefix"); len(files) > 0 || wait == 300 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := writer.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	reader := with()
	cached := ask(reader, "Why?")
	if stats := must(reader.Stats()); stats.DiskTokens < 100 || int(stats.DiskTokens) != cached {
		t.Error(stats.DiskTokens, cached)
	}
	if _, err := model.NewEngine(qask.WithPrefixCacheDir("a\x00b", 1)); !errors.Is(err, qask.ErrRange) {
		t.Error(err)
	}
	if _, err := model.NewEngine(qask.WithPrefixCacheDir(file, 1)); !errors.Is(err, qask.ErrIO) {
		t.Error(err)
	}
}

func TestConformanceSessions(t *testing.T) {
	var file struct {
		Cases []struct{ Name, File, Code string }
	}
	conformance(t, "sessions.json", &file)
	if len(file.Cases) < 10 {
		t.Fatal("cases are missing")
	}
	place := filepath.Join(t.TempDir(), "s")
	chat := converse(t, start(t, smollm, qask.WithContext(256)), qask.WithSystem("Here."))
	for _, c := range file.Cases {
		if err := os.WriteFile(place, must(hex.DecodeString(c.File)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := chat.Restore(in(t, time.Minute), place); !errors.Is(err, codeNamed(c.Code)) {
			t.Errorf("%s: %v, want %s", c.Name, err, c.Code)
		}
		if chat.Len() != 1 || must(chat.Message(0)).Content != "Here." {
			t.Errorf("%s: the history changed", c.Name)
		}
	}
}
