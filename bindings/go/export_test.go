package qask

import "github.com/qask/qask/bindings/go/internal/raw"

// The switches of a library with test hooks; src/capi/test_hooks.rs. They are here, in the package, for what the tests
// outside cannot reach: statuses and handles.

func hook(name string, function any) {
	if err := library(); err != nil {
		panic(err)
	}
	if !raw.Hook(name, function) {
		panic(raw.Loaded() + " has no " + name + ": the tests need the library of `make go`")
	}
}

// ProvokeFail has the library fail with any code.
func ProvokeFail(code Code) error {
	var f func(raw.Status, *raw.Error) raw.Status
	hook("qask_test_fail", &f)
	var e raw.Error
	status := f(raw.Status(code), &e)
	return check(status, e)
}

// ProvokePanic panics inside the library.
func ProvokePanic() error {
	var f func(*raw.Error) raw.Status
	hook("qask_test_panic", &f)
	var e raw.Error
	status := f(&e)
	return check(status, e)
}

// ProvokeFault makes llama.cpp assert on the engine's thread.
func ProvokeFault(engine *Engine) error {
	var f func(raw.Engine, *raw.Error) raw.Status
	hook("qask_test_provoke_fault", &f)
	return engine.use(f)
}

// ReasonName is the library's name of the reason on the event that was read last.
func ReasonName(s *Stream) string { return terminated(raw.EventFinishReasonName(s.event)) }

// Detect is what the library takes a chat template for: the format of its calls and the marks of its thoughts, as JSON.
func Detect(template []byte) ([]byte, error) {
	var f func(*byte, uintptr, *raw.String, *raw.Error) raw.Status
	hook("qask_test_detect", &f)
	var out raw.String
	var e raw.Error
	p, n := content(string(template))
	status := f(p, n, &out, &e)
	if err := check(status, e); err != nil {
		return nil, err
	}
	return []byte(taken(out)), nil
}
