#!/usr/bin/env python3
"""Writes the recorded outputs of tests/conformance as a first corpus: seeds.py"""
import json
import re
from pathlib import Path

root = Path(__file__).resolve().parent
source = (root.parent / "src/output/formats/mod.rs").read_text()
count = len(re.findall(r"^    [a-z0-9]+::[A-Z0-9_]+,$", source, re.M))
corpus = root / "corpus/output"
corpus.mkdir(parents=True, exist_ok=True)
n = 0
for name in "tools", "reasoning":
    for case in json.loads((root.parent / f"tests/conformance/{name}.json").read_text())["cases"]:
        # Every output once in each format: which one it is for the fuzzer sees by what it covers.
        for i in range(count + 1):
            thinking = 1 if case.get("thinking") else 0
            (corpus / f"seed-{n}").write_bytes(bytes([i, 14 if case.get("tags") else 13, thinking, n % 256])
                                               + case["output"].encode())
            n += 1
