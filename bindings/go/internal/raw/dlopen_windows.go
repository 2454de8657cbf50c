package raw

import "syscall"

func dlopen(path string) (uintptr, error) {
	lib, err := syscall.LoadLibrary(path)
	return uintptr(lib), err
}

func dlsym(lib uintptr, name string) (uintptr, error) {
	return syscall.GetProcAddress(syscall.Handle(lib), name)
}

func dlclose(lib uintptr) { _ = syscall.FreeLibrary(syscall.Handle(lib)) }
