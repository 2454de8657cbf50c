package qask_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	qask "github.com/qask/qask/bindings/go"
)

const repository = "../.."

// The tests need a library with test hooks: `make go` builds it, and sets QASK_LIBRARY.
func TestMain(m *testing.M) {
	if _, set := os.LookupEnv("QASK_LIBRARY"); !set {
		path, _ := filepath.Abs(filepath.Join(repository, "target/lib-test/libqask.so.1"))
		os.Setenv("QASK_LIBRARY", path)
	}
	if role := os.Getenv("QASK_TEST_ROLE"); role != "" {
		roles[role]()
		return
	}
	os.Exit(m.Run())
}

// roles are what this program does when a test runs it again.
var roles = map[string]func(){}

// cache is where tools/models.py keeps what it fetched.
func cache() string {
	if c := os.Getenv("QASK_CACHE"); c != "" {
		return c
	}
	if c := os.Getenv("XDG_CACHE_HOME"); c != "" {
		return filepath.Join(c, "qask")
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "qask")
}

const (
	smollm = "smollm2-135m-instruct-q4_1.gguf"
	qwen   = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
	minilm = "all-minilm-l6-v2-f32.gguf"
	ranker = "minilm-random-rerank-f32.gguf"
)

// path of a model; its absence fails the test, since `make go` fetches it.
func path(file string) string { return filepath.Join(cache(), file) }

func load(t testing.TB, file string, options ...qask.ModelOption) *qask.Model {
	t.Helper()
	model, err := qask.LoadModel(context.Background(), path(file), options...)
	if err != nil {
		t.Fatal(err, "(tools/models.py fetch)")
	}
	t.Cleanup(func() { model.Close() })
	return model
}

func start(t testing.TB, file string, options ...qask.EngineOption) *qask.Engine {
	t.Helper()
	engine, err := load(t, file).NewEngine(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

func converse(t testing.TB, engine *qask.Engine, options ...qask.Option) *qask.Chat {
	t.Helper()
	chat, err := engine.NewChat(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chat.Close() })
	return chat
}

// in gives a context that ends a test that hangs.
func in(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("%v", err))
	}
	return value
}
