package qask

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/qask/qask/bindings/go/internal/raw"
)

var ready atomic.Bool

// UseLibrary loads libqask from a path, before anything else is used. Without it the library is looked for at the first
// use, in this order:
//
//   - the file that the environment variable QASK_LIBRARY names, and no other if it is set;
//   - beside the program, and in the folder lib beside the program's folder;
//   - ~/.local/lib, where `make install PREFIX=$HOME/.local` puts it, and /usr/local/lib;
//   - where the system's loader looks.
//
// A process has one libqask. The error is a [*LibraryError].
func UseLibrary(path string) error {
	if err := raw.Load(path); err != nil {
		return &LibraryError{err.Error()}
	}
	ready.Store(true)
	return nil
}

// library makes sure that there is one; every way to make a first object passes here.
func library() error {
	if ready.Load() || raw.Loaded() != "" {
		return nil
	}
	if path := os.Getenv("QASK_LIBRARY"); path != "" {
		if err := UseLibrary(path); err != nil {
			return &LibraryError{"QASK_LIBRARY: " + err.(*LibraryError).Reason}
		}
		return nil
	}
	places := places()
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return UseLibrary(path)
		}
	}
	err := UseLibrary(fileName())
	if err != nil {
		return &LibraryError{fmt.Sprintf("%s was not found: %v. It was looked for at %s, and by the system's loader. "+
			"Install it with `make install PREFIX=$HOME/.local` in qask's folder, or set QASK_LIBRARY to its path",
			fileName(), err.(*LibraryError).Reason, strings.Join(places, ", "))}
	}
	return nil
}

// fileName names the binary interface, so that a library of another one is not even opened.
func fileName() string {
	switch runtime.GOOS {
	case "darwin", "ios":
		return fmt.Sprintf("libqask.%d.dylib", raw.QASK_ABI_VERSION)
	case "windows":
		return "qask.dll"
	}
	return fmt.Sprintf("libqask.so.%d", raw.QASK_ABI_VERSION)
}

func places() []string {
	var folders []string
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		folder := filepath.Dir(program)
		folders = append(folders, folder, filepath.Join(filepath.Dir(folder), "lib"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(home, ".local", "lib"))
	}
	if runtime.GOOS != "windows" {
		folders = append(folders, "/usr/local/lib")
	}
	for i, folder := range folders {
		folders[i] = filepath.Join(folder, fileName())
	}
	return folders
}

// Version is the version of the library that is loaded, and the kernels that it
// chose for this CPU, such as "0.1.0+cpu.v3".
func Version() (string, error) {
	if err := library(); err != nil {
		return "", err
	}
	return terminated(raw.Version()), nil
}

// Supports tells whether the library was built with something: "cuda", "metal", "vulkan", "rocm", "opencl" (GPU
// back-ends), "native" (made for the machine it was built on). False without a library.
func Supports(feature string) bool { return library() == nil && raw.Supports(feature) }

// LiveHandles counts the library's objects that were not freed, in the whole process: for finding leaks. Zero when all
// that was made was closed.
func LiveHandles() int {
	if library() != nil {
		return 0
	}
	return int(raw.LiveHandles())
}
