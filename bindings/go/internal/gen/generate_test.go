package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The copy in internal/raw is what the header of today gives.
func TestBindingsAreTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../../../include/qask.h")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Generate(string(header))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../raw/bindings.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("internal/raw/bindings.go is not what include/qask.h gives: run `go generate ./...` in bindings/go")
	}
	if n := strings.Count(string(header), "\nvoid qask_") + strings.Count(string(header), "\nqask_status qask_"); strings.Count(string(got), "\t{\"qask_") < n {
		t.Fatal("functions of the header were not found")
	}
}

func TestUnknownTypesAreErrors(t *testing.T) {
	for _, declaration := range []string{
		"struct pair qask_x_pair(void);", "void qask_x(long double value);", "qask_status qask_x(void **out);",
	} {
		if source, err := Generate(declaration + "\n"); err == nil {
			t.Errorf("%s became\n%s", declaration, source)
		}
	}
}
