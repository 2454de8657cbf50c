"""What Swift costs: tokens a second beside the same work in C (benches/bench.c), on one library and model.

Usage: overhead.py C_BENCH MODEL.gguf ROUNDS WORKER…
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/bench"))
from overhead import compare  # noqa: E402

#: What is compared: in C, in Swift, streams, tokens, and the ratio that is promised.
CASES = [
    ("one stream", "time", "main", 1, 200, 0.97),
    ("16 tasks", "time", "tasks", 16, 60, 0.97),
]

if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(compare("Swift", CASES, sys.argv[4:], sys.argv[1], sys.argv[2], int(sys.argv[3])))
