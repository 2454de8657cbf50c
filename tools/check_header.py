#!/usr/bin/env python3
"""Every function of the header says its thread rule, its errors and since when; every noun has a typical use.

Usage: check_header.py include/qask.h. Prints what is missing, one line each, and fails.
"""
import re
import sys

from header import chapters

THREADS = re.compile(r"^(Any thread|One owner|One thread at a time|The thread that pulls)\b", re.M)
NOUN_THREADS = re.compile(r"\b(any|one|which(ever)?|the)\s+thread\b", re.I)
SINCE = re.compile(r"\bSince \d+\.\d+\.$")


def typical_use(doc):
    """The lines of code behind "Typical use:"."""
    _, found, after = doc.partition("Typical use:\n")
    return [line for line in after.split("\n") if line.startswith("    ")] if found else []


def faults(header):
    for chapter in chapters(header):
        for noun in chapter.nouns:
            if not NOUN_THREADS.search(noun.doc):
                yield f"{noun.name}: no word on threads"
            if not 3 <= len(typical_use(noun.doc)) <= 8:
                yield f"{noun.name}: no typical use of 3 to 8 lines"
        for named in chapter.constants + chapter.types:
            if not named.doc:
                yield f"{named.name}: no text"
        for f in chapter.functions:
            if len(f.doc.split("\n\n")[0]) < 10:
                yield f"{f.name}: no text"
            if not THREADS.search(f.doc):
                yield f"{f.name}: no thread rule (a paragraph that begins with 'Any thread', 'One owner', …)"
            if not SINCE.search(f.doc):
                yield f"{f.name}: does not end with 'Since 0.1.'"
            if f.fallible and not re.search(r"\bErrors: ", f.doc):
                yield f"{f.name}: no 'Errors: …'"
            made = [p.base for p in f.parameters if p.out and p.base != "qask_event"]
            if made and not re.search(r"\bfree[sd]?\b|Otherwise as `", f.doc):
                yield f"{f.name}: does not say who frees the {', '.join(made)}"


def main(path):
    with open(path, encoding="utf-8") as file:
        found = list(faults(file.read()))
    for fault in found:
        print(f"{path}: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
