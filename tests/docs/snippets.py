#!/usr/bin/env python3
"""Writes the programs that stand in a Markdown page into files: snippets.py PAGE.md FOLDER

Every block of C, C++ or Rust is a whole program. Prints the files' names.
"""
import re
import sys
from pathlib import Path

KINDS = {"c": "c", "cpp": "cpp", "rust": "rs"}


def main(page, folder):
    page = Path(page)
    blocks = re.findall(r"^```(\w+)[^\n]*\n(.*?)^```$", page.read_text(), flags=re.M | re.S)
    for number, (kind, text) in enumerate(blocks, 1):
        if kind not in KINDS:
            continue
        if not re.search(r"\bmain\(", text):
            sys.exit(f"{page}: block {number} ({kind}) is not a whole program")
        path = Path(folder) / f"{page.stem}-{number}.{KINDS[kind]}"
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
