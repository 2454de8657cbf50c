package bench

import (
	"os"
	"testing"

	"github.com/qask/qask/bindings/go/internal/raw"
)

func TestMain(m *testing.M) {
	if err := raw.Load(os.Getenv("QASK_LIBRARY")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func BenchmarkNumberCgo(b *testing.B) {
	for b.Loop() {
		cgoEventType()
	}
}

func BenchmarkNumberPurego(b *testing.B) {
	for b.Loop() {
		raw.EventType(0)
	}
}

func BenchmarkTextCgo(b *testing.B) {
	for b.Loop() {
		cgoEventText()
	}
}

func BenchmarkTextPurego(b *testing.B) {
	for b.Loop() {
		var n uintptr
		raw.EventText(0, &n)
	}
}
