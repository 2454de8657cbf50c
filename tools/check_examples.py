#!/usr/bin/env python3
"""Every function of the header and every public item in Rust is used by something that is run: a test, an example or a
program of the documentation. Prints the counts, and what nothing uses; fails when there is any.

The misuse test is not counted: it is made from the header and would name every function. In Rust every `pub` item is
really public (the lint unreachable_pub sees to that), so that the source is the list.
"""
import re
import sys
from pathlib import Path

from header import functions

ROOT = Path(__file__).resolve().parent.parent
ITEM = re.compile(r"^pub (?:(?:const|unsafe|async) )*(fn|struct|enum|trait|type|const|static) (\w+)", re.M)
BLOCK = re.compile(r"^(pub struct|impl)(?:<[^>]*>)? (\w+)[^;\n]*\{\n(.*?)^\}", re.M | re.S)
# What is hidden from the documentation is for our own benchmarks.
HIDDEN = re.compile(r"^#\[doc\(hidden\)\]\n.*?^\}", re.M | re.S)
METHOD = re.compile(r"^    pub (?:(?:const|unsafe|async) )*(fn|const) (\w+)", re.M)
FIELD = re.compile(r"^    pub (\w+): ", re.M)


def files(*patterns):
    return [p for pattern in patterns for p in sorted(ROOT.glob(pattern))]


def blocks(text, kind):
    """Code fenced as `kind` in Markdown; rustdoc's fences have no kind, or attributes."""
    return "\n".join(re.findall(rf"^```{kind}[^\n]*\n(.*?)^```", text, flags=re.M | re.S))


def uncommented(code):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", code, flags=re.S)


def used_in_c():
    programs = files("tests/c/*.c", "tests/c/test.h", "tests/install/*.c", "examples/c/*", "examples/cpp/*", "include/qask.hpp")
    text = "\n".join(uncommented(p.read_text()) for p in programs)
    for page in files("README.md", "docs/*.md"):
        text += uncommented(blocks(page.read_text(), "c") + blocks(page.read_text(), "cpp"))
    return set(re.findall(r"\bqask_\w+\b", text))


def rust_sources():
    return [p for p in files("src/**/*.rs") if "capi" not in p.relative_to(ROOT).parts]


def public_items():
    """(file, kind, name) of everything public: types and functions, and methods and fields of public types."""
    texts = {}
    for path in rust_sources():
        text = path.read_text().split("#[cfg(test)]\nmod ")[0]
        if path.name != "tests.rs" and "#![allow(unreachable_pub)]" not in text:
            texts[path.relative_to(ROOT)] = HIDDEN.sub("", text)
    types = {name for text in texts.values() for kind, name in ITEM.findall(text) if kind in ("struct", "enum", "trait")}
    for where, text in texts.items():
        yield from ((where, kind, name) for kind, name in ITEM.findall(text))
        for block, owner, body in BLOCK.findall(text):
            if owner in types and block == "impl":
                yield from ((where, kind, name) for kind, name in METHOD.findall(body))
            elif owner in types:
                yield from ((where, "field", name) for name in FIELD.findall(body))


def used_in_rust():
    text = "\n".join(uncommented(p.read_text()) for p in files("tests/**/*.rs", "examples/rust/*.rs", "benches/*.rs"))
    for path in rust_sources():
        source = path.read_text()
        if path.name == "tests.rs":
            text += source
        text += "".join(source.split("#[cfg(test)]\nmod ")[1:])
        # A doc comment is Markdown.
        docs = "\n".join(re.sub(r"^\s*//[/!] ?", "", line) for line in source.split("\n") if re.match(r"\s*//[/!]", line))
        text += re.sub(r"^# ", "", blocks(docs, r"(?:rust|no_run|\n)?"), flags=re.M)
    for page in files("README.md", "docs/*.md"):
        text += blocks(page.read_text(), "rust")
    return text


def unused_in_rust(items, text):
    words = set(re.findall(r"\w+", text))
    called = set(re.findall(r"(?:\.|::|\b)(\w+)(?:::<[^>]*>)?\(", text)) | set(re.findall(r"::(\w+)", text))
    fields = set(re.findall(r"\.(\w+)\b(?!\()", text)) | set(re.findall(r"\b(\w+)(?:: |,| \}| \.\.)", text))
    known = {"fn": called, "field": fields}
    # `pub use formats::detect as detect_format`.
    sources = "".join(p.read_text() for p in rust_sources())
    renamed = {name for name, other in re.findall(r"\b(\w+) as (\w+)\b", sources) if other in called}
    return [item for item in items if item[2] not in known.get(item[1], words) | renamed]


def main():
    names = [f.name for f in functions((ROOT / "include/qask.h").read_text())]
    used = used_in_c()
    missing = [f"include/qask.h: {name}" for name in names if name not in used]
    items = sorted(set(public_items()), key=str)
    lacking = unused_in_rust(items, used_in_rust())
    print(f"used by what is run: {len(names) - len(missing)} of {len(names)} functions of the header, "
          f"{len(items) - len(lacking)} of {len(items)} public items in Rust")
    for line in missing + [f"{where}: {kind} {name}" for where, kind, name in lacking]:
        print(f"nothing that is run uses {line}", file=sys.stderr)
    return 1 if missing or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
