package qask

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/qask/qask/bindings/go/internal/raw"
)

// owned is a handle that is freed once: by Close, or when its owner is garbage.
type owned[H ~uintptr] struct {
	noun  string
	state *state[H]
}

// state is apart from owned, since a cleanup may not reach the object that it waits for.
type state[H ~uintptr] struct {
	value atomic.Uintptr
	free  func(H)
}

func (s *state[H]) release() {
	if h := s.value.Swap(0); h != 0 {
		s.free(H(h))
	}
}

func own[H ~uintptr](noun string, h H, free func(H)) *owned[H] {
	o := &owned[H]{noun, &state[H]{free: free}}
	o.state.value.Store(uintptr(h))
	runtime.AddCleanup(o, func(s *state[H]) { s.release() }, o.state)
	return o
}

// Close frees the object. Closing it again does nothing.
func (o *owned[H]) Close() error {
	o.state.release()
	return nil
}

func (o *owned[H]) get() (H, error) {
	h := H(o.state.value.Load())
	if h == 0 {
		return 0, fail(ErrClosed, "the %s is closed", o.noun)
	}
	return h, nil
}

// use calls a function of the library with the handle, which stays alive meanwhile. The library itself holds what a call
// works with, so that a Close in another goroutine is an error and no crash.
func (o *owned[H]) use(f func(h H, e *raw.Error) raw.Status) error {
	h, err := o.get()
	if err != nil {
		return err
	}
	var e raw.Error
	status := f(h, &e)
	runtime.KeepAlive(o)
	return check(status, e)
}

// made is use for calls that give a handle.
func made[H, N ~uintptr](o *owned[H], f func(h H, out *N, e *raw.Error) raw.Status) (N, error) {
	var out N
	err := o.use(func(h H, e *raw.Error) raw.Status { return f(h, &out, e) })
	return out, err
}

// read gives what a getter that cannot fail says; of a closed object what it says of a bad handle.
func read[H ~uintptr, T any](o *owned[H], f func(H) T) T {
	value := f(H(o.state.value.Load()))
	runtime.KeepAlive(o)
	return value
}

// readText is read for text.
func readText[H ~uintptr](o *owned[H], f func(H, *uintptr) *byte) string {
	return read(o, func(h H) string { return text(f, h) })
}

// text copies what a getter of text gives; "" where it is NULL.
func text[H ~uintptr](f func(H, *uintptr) *byte, h H) string {
	var n uintptr
	p := f(h, &n)
	if p == nil {
		return ""
	}
	return strings.Clone(unsafe.String(p, n))
}

// terminated copies text that ends with NUL.
func terminated(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return strings.Clone(unsafe.String(p, n))
}

// taken copies a string that the library gave away, and frees it.
func taken(s raw.String) string {
	copied := text(raw.StringData, s)
	raw.StringFree(s)
	return copied
}

// content is text as the library takes it: a pointer, which may be anything when the length is 0.
func content(s string) (*byte, uintptr) { return unsafe.StringData(s), uintptr(len(s)) }

// name checks text that the library reads up to a NUL.
func name(what, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fail(ErrRange, "the %s has a NUL character in it", what)
	}
	return nil
}

// alive is an error when the context is cancelled already.
func alive(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return because(ctx, fail(ErrCancelled, "the context was cancelled before the call: %v", context.Cause(ctx)))
}

// cancellable calls f with a flag that is raised when the context is cancelled.
func cancellable(ctx context.Context, f func(raw.Cancel) error) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return f(0)
	}
	var flag raw.Cancel
	var e raw.Error
	status := raw.CancelNew(&flag, &e)
	if err := check(status, e); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { raw.CancelRaise(flag, nil) })
	err := because(ctx, f(flag))
	stop()
	raw.CancelFree(flag)
	return err
}
