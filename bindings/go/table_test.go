package qask_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// functions.tsv says of each function of the header what becomes of it here: the header's functions, in its order; the
// names are there; and what a row says is used or not is so.
func TestTableIsTheHeader(t *testing.T) {
	header, err := os.ReadFile(repository + "/include/qask.h")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("functions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(table)), "\n")
	listed := regexp.MustCompile(`(?m)^[a-z][\w *]*\b(qask_\w+)\(`).FindAllStringSubmatch(string(header), -1)
	if len(listed) < 200 {
		t.Fatal("functions of the header were not found")
	}
	names, used := exported(t)
	for i, m := range listed {
		if i >= len(rows) || !strings.HasPrefix(rows[i], m[1]+"\t") {
			t.Fatalf("functions.tsv: line %d must be about %s: its functions are those of the header, in that order", i+1, m[1])
		}
	}
	if len(rows) != len(listed) {
		t.Fatalf("functions.tsv: %s is not in the header", rows[len(listed)])
	}
	for _, row := range rows {
		cells := strings.Split(row, "\t")
		if len(cells) != 3 || cells[2] == "" {
			t.Errorf("functions.tsv: %q has no three cells", row)
			continue
		}
		switch cells[1] {
		case "wraps":
			for _, name := range strings.Split(cells[2], ", ") {
				if !names[name] {
					t.Errorf("functions.tsv: %s: there is no %s", cells[0], name)
				}
			}
			if !used[cells[0]] {
				t.Errorf("functions.tsv: %s is wrapped by nothing", cells[0])
			}
		case "hides":
		default:
			t.Errorf("functions.tsv: %s: %q is neither wraps nor hides", cells[0], cells[1])
		}
	}
}

// exported gives the package's exported names, methods and fields as Type.Name, and the C functions that it calls.
func exported(t *testing.T) (names, used map[string]bool) {
	names, used = map[string]bool{}, map[string]bool{}
	bindings, err := os.ReadFile("internal/raw/bindings.go")
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[string]string{}
	for _, m := range regexp.MustCompile(`\{"(qask_\w+)", &(\w+)\}`).FindAllStringSubmatch(string(bindings), -1) {
		symbols[m[2]] = m[1]
	}
	files, _ := filepath.Glob("*.go")
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "raw" {
					used[symbols[n.Sel.Name]] = true
				}
			case *ast.FuncDecl:
				if n.Recv == nil {
					names[n.Name.Name] = true
				} else {
					names[receiver(n.Recv.List[0].Type)+"."+n.Name.Name] = true
				}
			case *ast.TypeSpec:
				s, ok := n.Type.(*ast.StructType)
				if !ok {
					break
				}
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						names[n.Name.Name+"."+name.Name] = true
					}
					if len(field.Names) == 0 && strings.Contains(receiver(field.Type), "owned") {
						names[n.Name.Name+".Close"] = true
					}
				}
			}
			return true
		})
	}
	return names, used
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
