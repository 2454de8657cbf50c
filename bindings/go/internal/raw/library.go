// Package raw is include/qask.h in Go and nothing more: handles, constants, and one variable a function, set when the
// library is loaded. What is friendly is in the package above.
package raw

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/ebitengine/purego"
)

//go:generate go run ../gen ../../../../include/qask.h bindings.go

// Status is what a function that can fail returns.
type Status int32

type symbol struct {
	name     string
	function any
}

var (
	mu     sync.Mutex
	loaded string
	handle uintptr
)

// Load loads the library and sets every function; once for the process. Another path afterwards is an error.
func Load(path string) error {
	mu.Lock()
	defer mu.Unlock()
	if handle != 0 {
		if path != loaded {
			return fmt.Errorf("%s is loaded already; a process has one libqask", loaded)
		}
		return nil
	}
	lib, err := open(path)
	if err != nil {
		return err
	}
	if err := bind(lib, path); err != nil {
		// It was never used, so that nothing of it is held.
		dlclose(lib)
		return err
	}
	handle, loaded = lib, path
	return nil
}

// Loaded is the path that the library was loaded from; empty before.
func Loaded() string {
	mu.Lock()
	defer mu.Unlock()
	return loaded
}

// bind looks at the version before anything else is called, and sets no function unless all are there.
func bind(lib uintptr, path string) error {
	address, err := dlsym(lib, "qask_abi_version")
	if err != nil {
		return fmt.Errorf("%s is not libqask: it has no qask_abi_version", path)
	}
	var version func() uint32
	purego.RegisterFunc(&version, address)
	if found := version(); found < QASK_ABI_VERSION {
		return fmt.Errorf("%s has the binary interface %d, and this package needs %d: install a newer libqask", path, found, QASK_ABI_VERSION)
	}
	addresses := make([]uintptr, len(symbols))
	for i, s := range symbols {
		if addresses[i], err = dlsym(lib, s.name); err != nil {
			return fmt.Errorf("%s lacks %s: it is older than this package; install the libqask of the same version", path, s.name)
		}
	}
	for i, s := range symbols {
		purego.RegisterFunc(s.function, addresses[i])
	}
	return nil
}

// Hook sets a function that is not in the header (the switches of a test build); false where the library has none.
func Hook(name string, function any) bool {
	mu.Lock()
	defer mu.Unlock()
	address, err := dlsym(handle, name)
	if err != nil {
		return false
	}
	purego.RegisterFunc(function, address)
	return true
}

func open(path string) (uintptr, error) {
	lib, err := dlopen(path)
	if err != nil && filepath.IsAbs(path) {
		return 0, fmt.Errorf("%s cannot be loaded: %w", path, err)
	}
	return lib, err
}
