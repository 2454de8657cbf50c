#!/usr/bin/env python3
"""Writes the licences of what is inside the built library, for `make dist`: notices.py TARGET-TRIPLE >file

Every crate that is linked (not what only builds or tests it), with its licence expression and the texts in its package;
llama.cpp's texts lie in the package of llama-cpp-sys-2. Equal texts are printed once.
"""
import json
import subprocess
import sys
from pathlib import Path

NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def metadata(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--features", "capi", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def linked(graph):
    """Ids of the packages that end up in the library."""
    packages = {p["id"]: p for p in graph["packages"]}
    nodes = {n["id"]: n for n in graph["resolve"]["nodes"]}
    found, todo = set(), [graph["resolve"]["root"]]
    while todo:
        node = todo.pop()
        macro = any("proc-macro" in t["kind"] for t in packages[node]["targets"])
        if node in found or macro:
            continue
        found.add(node)
        for dependency in nodes[node]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    found.discard(graph["resolve"]["root"])
    return sorted((packages[i] for i in found), key=lambda p: (p["name"], p["version"]))


def texts(package):
    folder = Path(package["manifest_path"]).parent
    # Deeper ones are of what a package carries with it, such as llama.cpp.
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name.upper().startswith(NAMES) and path.suffix.lower() in ("", ".md", ".txt"):
            yield str(path.relative_to(folder)), path.read_text(encoding="utf-8", errors="replace").strip()


def main(target):
    print("qask is under MIT OR Apache-2.0. Inside the library are, each under its own licence:\n")
    print("Rust's standard library (MIT OR Apache-2.0), https://www.rust-lang.org")
    seen = {}
    blocks = []
    for package in linked(metadata(target)):
        name = f"{package['name']} {package['version']}"
        if not package["license"] and not package["license_file"]:
            sys.exit(f"notices: {name} has no licence")
        print(f"{name} ({package['license'] or 'see its text'}), {package['repository'] or ''}".rstrip(", "))
        for path, text in texts(package):
            seen.setdefault(text, []).append(f"{name}: {path}")
    for text, owners in seen.items():
        blocks.append("\n".join(owners) + "\n\n" + text)
    if not any("llama.cpp/LICENSE" in owner for owners in seen.values() for owner in owners):
        sys.exit("notices: llama.cpp's licence is not where it was")
    rule = "\n\n" + "-" * 80 + "\n"
    print(rule + rule.join(blocks))


if __name__ == "__main__":
    main(*sys.argv[1:])
