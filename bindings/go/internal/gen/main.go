// gen writes internal/raw/bindings.go from include/qask.h: the header is the one place where the interface is written,
// and a Go module may hold only files of its own folder, so that this copy is made by a program and compared by a test.
//
// Usage: gen HEADER OUTPUT.go
package main

import (
	"log"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gen HEADER OUTPUT.go")
	}
	header, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	source, err := Generate(string(header))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], source, 0o644); err != nil {
		log.Fatal(err)
	}
}
