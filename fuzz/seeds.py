#!/usr/bin/env python3
"""Writes the recorded outputs and the constraints of tests/conformance as a first corpus: seeds.py"""
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

corpus = root / "corpus/constraint"
corpus.mkdir(parents=True, exist_ok=True)
# In the order of the target.
KINDS = "json_schema", "regex", "lark", "gbnf", "choice"
for i, case in enumerate(json.loads((root.parent / "tests/conformance/constraints.json").read_text())):
    for kind in set(KINDS) & set(case):
        source = case[kind] if isinstance(case[kind], str) else \
            "\n".join(case[kind]) if kind == "choice" else json.dumps(case[kind])
        for j, answer in enumerate([*case.get("accepts", []), *case.get("rejects", []), ""]):
            rest = (answer + source).encode()
            length = len(answer.encode())
            # The target takes the length's remainder; what does not fit into a byte is left out.
            if length < min(256, len(rest) + 1):
                (corpus / f"seed-{i}-{j}").write_bytes(bytes([KINDS.index(kind), length]) + rest)
