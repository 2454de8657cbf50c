"""From include/qask.h to the package's raw layer: `_cdef.py` (what cffi reads) and `_library.pyi` (what type checkers
read). Nothing of the header is written a second time.

Usage: generate.py HEADER FOLDER
"""
import re
import sys
from pathlib import Path

import cffi

DIRECTIVES = re.compile(r"^#(?!define QASK_[A-Z0-9_]+ -?\d+$).*$", re.M)
FUNCTION = re.compile(r"^([\w ]+?)\s*(\**)\s*\b(qask_\w+)\(([^()]*)\);", re.M)
CONSTANT = re.compile(r"^#define (QASK_[A-Z0-9_]+) -?\d+$", re.M)
PYTHON = {"bool": "bool", "float": "float", "double": "float", "void": "None"}


def declarations(header):
    """The header without comments and directives, as cffi wants it."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.S)
    text = DIRECTIVES.sub("", text)
    return re.sub(r'^extern "C" \{$|^\}\s*$', "", text, flags=re.M)


def python_type(words, stars):
    words = words.replace("const", "").split()[-1]
    return "CData" if stars or words.endswith("_callback") else PYTHON.get(words, "int")


def parameter(text):
    base, stars, name = re.fullmatch(r"(.*?)([\s*const]*?)\b(\w+)", text.strip()).groups()
    return f"{name}: {python_type(base, '*' in base + stars)}"


def stub(text):
    lines = ["# Made from include/qask.h by tools/generate.py.", "from typing import Any", "", "CData = Any", "",
             "class Library:"]
    lines += [f"    {name}: int" for name in CONSTANT.findall(text)]
    for returns, stars, name, parameters in FUNCTION.findall(text):
        inside = [] if parameters.strip() == "void" else [parameter(p) for p in parameters.split(",")]
        arguments = ", ".join(["self", *inside, "/"])
        lines.append(f"    def {name}({arguments}) -> {python_type(returns, stars)}: ...")
    return "\n".join(lines) + "\n"


def generate(header, folder):
    text = declarations(Path(header).read_text(encoding="utf-8"))
    ffi = cffi.FFI()
    ffi.cdef(text)
    ffi.set_source("qask._cdef", None)
    ffi.emit_python_code(str(Path(folder) / "_cdef.py"))
    (Path(folder) / "_library.pyi").write_text(stub(text), encoding="utf-8")


if __name__ == "__main__":
    generate(*sys.argv[1:])
