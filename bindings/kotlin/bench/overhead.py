"""What Kotlin costs: tokens a second beside the same work in C (benches/bench.c), on one library and model.

Usage: overhead.py C_BENCH CLASSPATH MODEL.gguf [ROUNDS]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/bench"))
from overhead import compare  # noqa: E402

#: What is compared: in C, in Kotlin, streams, tokens, and the ratio that is promised.
CASES = [
    ("one stream", "time", "main", 1, 200, 0.97),
    ("one flow", "time", "flow", 1, 200, 0.97),
    ("16 coroutines", "time", "flows", 16, 60, 0.95),
]

if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    worker = ["java", "-cp", sys.argv[2], "io.github.qask.bench.WorkerKt"]
    sys.exit(compare("Kotlin", CASES, worker, sys.argv[1], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 9))
