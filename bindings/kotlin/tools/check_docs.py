#!/usr/bin/env python3
"""Every public declaration of the binding has a comment. Overrides have that of what they override."""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
FOLDERS = [HERE / "src/main/kotlin", HERE / "android/qask/src/main/kotlin"]
DECLARED = re.compile(r"^( *)((?:\w+ )*)(fun interface|class|interface|object|fun|val|var|annotation class)\b")
CONSTANT = re.compile(r"^    [A-Z][A-Z0-9_]*\(")
HIDDEN = re.compile(r"\b(private|internal|override)\b")


def bare(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    hidden = []  # indentations of what is not public, or is a body
    for number, line in enumerate(lines, 1):
        depth = len(line) - len(line.lstrip())
        if line.strip():
            hidden = [d for d in hidden if d < depth or (d == depth and line.strip()[0] in ")}")]
        declared = DECLARED.match(line)
        if not declared and not CONSTANT.match(line) or hidden:
            continue
        words = declared.group(2) if declared else ""
        if HIDDEN.search(words):
            hidden.append(depth)
            continue
        if declared and declared.group(3) in ("fun", "val", "var"):
            hidden.append(depth)
        above = number - 2
        while above >= 0 and lines[above].strip().startswith("@"):
            above -= 1
        if not lines[above].strip().endswith("*/"):
            yield f"{path.name}:{number}: {line.strip()}"


def main():
    files = sorted(p for folder in FOLDERS for p in folder.rglob("*.kt") if p.name != "Raw.kt")
    found = [fault for path in files for fault in bare(path)]
    for fault in found:
        print(f"no comment: {fault}", file=sys.stderr)
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
