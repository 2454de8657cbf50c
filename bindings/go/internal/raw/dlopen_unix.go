//go:build unix

package raw

import "github.com/ebitengine/purego"

// Local: what else the process loads shall not see the library's symbols.
func dlopen(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func dlsym(lib uintptr, name string) (uintptr, error) { return purego.Dlsym(lib, name) }

func dlclose(lib uintptr) { _ = purego.Dlclose(lib) }
