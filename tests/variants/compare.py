#!/usr/bin/env python3
"""Whether greedy answers of two runs are the same: compare.py FIRST SECOND, what tests/variants/greedy.c wrote.

Kernels add up in different orders, so that two candidates which are almost as likely may change places. So answers may
part where the two best of the first run are within the margin that ARCHITECTURE.md gives for that (0.3), and not elsewhere.
"""
import sys
from pathlib import Path

MARGIN = 0.3


def read(path):
    version, *lines = Path(path).read_text().splitlines()
    answers = {}
    for line in lines:
        prompt, token, margin = line.split()
        answers.setdefault(prompt, []).append((int(token), float(margin)))
    return version, answers


def main():
    (first_version, first), (second_version, second) = map(read, sys.argv[1:3])
    if not first or first.keys() != second.keys():
        return f"{first_version} has answers to {len(first)} prompts, {second_version} to {len(second)}"
    same, parted = 0, []
    for prompt, answer in first.items():
        other = second[prompt]
        at = next((i for i, (a, b) in enumerate(zip(answer, other)) if a[0] != b[0]), min(len(answer), len(other)))
        if at == len(answer) == len(other):
            same += 1
            continue
        # Where one of the two ended, the end was as likely as what the other said.
        lead = (answer if at < len(answer) else other)[at][1]
        if lead > MARGIN:
            return f"prompt {prompt}: token {at} differs, where the best led by {lead}"
        parted.append(f"prompt {prompt} at token {at} (lead {lead})")
    tokens = sum(map(len, first.values()))
    print(f"{first_version} and {second_version}: {same} of {len(first)} answers the same, {tokens} tokens"
          + "".join(f"; {p}" for p in parted))
    return 0


sys.exit(main())
