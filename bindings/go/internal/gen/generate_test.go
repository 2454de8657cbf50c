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

// Shapes that a function to come may have.
func TestShapes(t *testing.T) {
	for declaration, want := range map[string]string{
		"qask_status qask_x_read(const qask_x *x, const uint8_t *data, size_t length, uint8_t *out, qask_error **error);":         "XRead func(x X, data *uint8, length uintptr, out *uint8, error_ *Error) Status",
		"const float *qask_x_numbers(const qask_x *x, size_t *count);":                                                            "XNumbers func(x X, count *uintptr) *float32",
		"qask_status qask_x_load(const char *path, const char *text,\n    size_t text_length, qask_x **out, qask_error **error);": "XLoad func(path string, text *byte, textLength uintptr, out *X, error_ *Error) Status",
	} {
		source, err := Generate(declaration + "\n")
		if err != nil || !strings.Contains(string(source), want) {
			t.Errorf("%s became %v\n%s", declaration, err, source)
		}
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
