package raw

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A library that is wrong is an error with its reason, whatever is wrong with it, and none of it is used.
func TestWrongLibraries(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED: made with cc -shared")
	}
	folder := t.TempDir()
	library := func(name, source string) string {
		t.Helper()
		c, so := filepath.Join(folder, name+".c"), filepath.Join(folder, name+".so")
		if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cc", "-shared", "-fPIC", c, "-o", so).CombinedOutput(); err != nil {
			t.Fatalf("cc: %v\n%s", err, out)
		}
		return so
	}
	text := filepath.Join(folder, "text.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		filepath.Join(folder, "missing.so"): "cannot be loaded",
		text:                                "cannot be loaded",
		library("other", "int other(void) { return 1; }"):                "is not libqask",
		library("old", "unsigned qask_abi_version(void) { return 0; }"):  "binary interface 0, and this package needs 1",
		library("part", "unsigned qask_abi_version(void) { return 1; }"): "lacks qask_",
	}
	for path, words := range cases {
		if err := Load(path); err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, words)
		}
		if Loaded() != "" || ModelLoad != nil {
			t.Fatalf("%s was taken", path)
		}
	}
}
