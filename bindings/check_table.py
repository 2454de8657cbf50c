#!/usr/bin/env python3
"""What each binding makes of each function of include/qask.h: the table in bindings/README.md against the header.

    check_table.py            fails when a function has no row or no cell, a row has no function, or a cell is not what
                              its binding says
    check_table.py --write    adds rows for new functions, drops rows of those that are gone, fills in the cells

Python's column is read from its sources. A function that they do not name needs a word of why in its cell, such as
"hidden: Python counts references". Go's column is bindings/go/functions.tsv (function, "wraps" or "hides", by what or
why), which Go's own tests check. Kotlin's and Swift's are read from their sources, too; their hidden.tsv says why a function is
hidden, and Kotlin's raw layer is made without it.
"""
import ast
import importlib.util
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tools")]
from header import chapters  # noqa: E402


def users_of(binding):
    """A binding's own tools/users.py, which reads its sources."""
    spec = importlib.util.spec_from_file_location(f"{binding}_users", HERE / binding / "tools/users.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: The bindings whose columns are read from their sources by a script of their own.
READ = {"Kotlin": users_of("kotlin"), "Swift": users_of("swift")}

PAGE = HERE / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"
ROW = re.compile(r"^\| `(qask_\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", re.M)
HEAD = f"| function | Python | Go | {' | '.join(READ)} |\n|---|---|---|---|---|\n"
# The classes of Python's options: the noun of the header, and who takes them.
OPTIONS = {
    "ModelOptions": ("model_options", "Model"),
    "EngineOptions": ("engine_options", "Engine"),
    "EmbedderOptions": ("embedder_options", "Embedder"),
    "ScorerOptions": ("scorer_options", "Scorer"),
    "AnswerOptions": ("request", "Request"),
    "RequestOptions": ("request", "Request"),
}


def header_functions():
    header = (HERE.parent / "include/qask.h").read_text(encoding="utf-8")
    return [(chapter.title, f.name) for chapter in chapters(header) for f in chapter.functions]


class Users(ast.NodeVisitor):
    """Who names `lib.qask_…`, by function; and the options and facts that are found by name at run time."""

    def __init__(self):
        self.scope, self.users = [], {}

    def visit_Attribute(self, node):
        owner = getattr(node.value, "id", getattr(node.value, "attr", ""))
        if owner in ("lib", "library") and node.attr.startswith("qask_"):
            self.use(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node):
        """`_get("metadata")` of the facts that a model and an inspection have in common."""
        if getattr(node.func, "attr", "") in ("_get", "_number") and isinstance(node.args[0], ast.Constant):
            for noun in ("model", "inspection"):
                self.use(f"qask_{noun}_{node.args[0].value}")
        self.generic_visit(node)

    def use(self, function):
        public = [s for i, s in enumerate(self.scope) if i == 0 or not s.startswith("_")]
        self.users.setdefault(function, []).append(".".join(public))

    def scoped(self, node):
        self.scope.append(node.name)
        if node.name == "Stats" or node.name in OPTIONS:
            self.members(node)
        self.generic_visit(node)
        self.scope.pop()

    visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = scoped

    def members(self, node):
        for item in node.body:
            name = getattr(item, "name", None) or getattr(getattr(item, "target", None), "id", None)
            if not name or name.startswith("_"):
                continue
            if node.name == "Stats":
                self.users.setdefault(f"qask_stats_{name}", []).append(f"Stats.{name}")
            else:
                noun, taker = OPTIONS[node.name]
                self.users.setdefault(f"qask_{noun}_set_{name}", []).append(f"{taker}({name}=…)")


def python_cells(functions):
    users = {}
    for path in sorted((HERE / "python/src/qask").glob("*.py")):
        if path.name == "_cdef.py":
            continue
        visitor = Users()
        visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
        for function, names in visitor.users.items():
            found = users.setdefault(function, [])
            # The facts belong to both.
            noun = "Inspection" if function.startswith("qask_inspection_") else "Model"
            found += [(n or path.stem.strip("_")).replace("Facts", noun) for n in names]
    return {f: ", ".join(f"`{n}`" for n in dict.fromkeys(names)) for f, names in users.items() if f in functions}


def go_cells():
    path = HERE / "go/functions.tsv"
    if not path.is_file():
        return {}
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {
        f: ", ".join(f"`{n}`" for n in what.split(", ")) if how == "wraps" else f"hidden: {what}" for f, how, what in lines
    }


def read_cells(users):
    used, hidden = users.users(), users.hidden()
    cells = {f: ", ".join(f"`{n}`" for n in names) for f, names in used.items()}
    return {**cells, **{f: f"hidden: {why}" for f, why in hidden.items() if f not in used}}


def rows(page):
    return {name: cells for name, *cells in ROW.findall(page)}


def table(functions, old, python, go, read):
    text, last = "", None
    for chapter, name in functions:
        if chapter != last:
            text += f"\n### {chapter}\n\n{HEAD}"
            last = chapter
        was = old.get(name, ("",))
        kept = was[0] if was[0].startswith(("raw", "hidden")) else ""
        cells = [python.get(name) or kept, go.get(name, ""), *(cells.get(name, "") for cells in read)]
        text += f"| `{name}` | {' | '.join(cells)} |\n"
    return text


def main():
    page = PAGE.read_text(encoding="utf-8")
    functions = header_functions()
    python, go = python_cells({name for _, name in functions}), go_cells()
    read = {language: read_cells(users) for language, users in READ.items()}
    before, rest = page.split(BEGIN)
    inside, after = rest.split(END)
    old = rows(inside)
    wanted = table(functions, old, python, go, read.values())
    if "--write" in sys.argv[1:]:
        PAGE.write_text(before + BEGIN + wanted + "\n" + END + after, encoding="utf-8")
        old = rows(wanted)
    faults = [f"{n}: no row" for _, n in functions if n not in old]
    faults += [f"{n}: a row, but no such function in the header" for n in old if n not in {f for _, f in functions}]
    faults += [f"{n}: nothing in Python's column" for n, (p, *_) in old.items() if not p.strip()]
    for language, users in READ.items():
        both = sorted(set(users.hidden()) & set(users.users()))
        faults += [f"{f}: bindings/{language.lower()} hides it and uses it" for f in both]
        known = {f for _, f in functions}
        faults += [f"{f}: bindings/{language.lower()}/hidden.tsv names it, the header does not" for f in users.hidden() if f not in known]
    for name, (cell, go_cell, *others) in old.items():
        for (language, cells), other in zip(read.items(), others):
            if other != cells.get(name, "") and "--write" not in sys.argv[1:]:
                faults.append(f"{name}: {language}'s cell says {other}, its sources say {cells.get(name, 'nothing')}")
            if not other.strip():
                where = f"bindings/{language.lower()}/hidden.tsv"
                faults.append(f"{name}: nothing in {language}'s column: use it, or say why not in {where}")
        if go_cell != go.get(name, ""):
            faults.append(f"{name}: Go's cell says {go_cell}, bindings/go/functions.tsv says {go.get(name, 'nothing')}")
        if python.get(name) and cell != python[name] and "--write" not in sys.argv[1:]:
            faults.append(f"{name}: Python's cell says {cell}, its sources say {python[name]}")
        if cell.startswith("`") and name not in python:
            faults.append(f"{name}: Python's cell says {cell}, its sources do not name it")
    if (HERE / "go").is_dir():
        faults += [f"{n}: nothing in Go's column" for n, (_, cell, *_) in old.items() if not cell.strip()]
    for fault in faults:
        print(f"bindings/README.md: {fault}", file=sys.stderr)
    if faults:
        print("bindings/check_table.py --write adds rows", file=sys.stderr)
        return 1
    print(f"bindings/README.md: {len(old)} functions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
