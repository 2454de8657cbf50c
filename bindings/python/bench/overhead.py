"""What Python costs: tokens a second beside the same work in C (benches/bench.c), on one library and model.

Usage: overhead.py C_BENCH MODEL.gguf [ROUNDS]

The two processes take turns, so that what else the machine does falls on both; the table has medians, the ratio's median
and its quartiles.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

#: What is compared: in C, in Python, streams, tokens, and the ratio that is promised.
CASES = [
    ("one stream", "time", "main", 1, 200, 0.97),
    ("16 threads", "time", "threads", 16, 60, 0.95),
    ("16 asyncio tasks", "time", "tasks", 16, 60, 0.95),
]


class Process:
    """One side, which waits for commands."""

    def __init__(self, *command: str) -> None:
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line()

    def line(self) -> str:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"{self.child.args} ended")
        return line

    def ask(self, command: str) -> str:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{command}\n")
        self.child.stdin.flush()
        return self.line()

    def seconds(self, command: str, streams: int, tokens: int) -> float:
        return float(self.ask(f"{command} {streams} {tokens}"))

    def end(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


def compare(language: str, cases: list, worker: list, bench: str, model: str, rounds: int) -> int:
    """Prints the table of a language, whose worker is started with these words; 1 when a promise is not kept."""
    threads = str(max(1, (os.cpu_count() or 2)))
    print(f"{Path(model).name}, {threads} threads, {rounds} rounds\n")
    print(f"{'':18} {'C t/s':>8} {language + ' t/s':>11} {'ratio':>7}  quartiles    promised")
    missed = 0
    for name, in_c, in_worker, streams, tokens, promised in cases:
        # Only one of them in memory's way at a time: the other waits for its line.
        c = Process(bench, model, threads, str(streams), "1")
        other = Process(*worker, model, threads, str(streams))
        pairs = []
        for i in range(rounds + 1):
            order = [(c, in_c), (other, in_worker)]
            took = {id(p): p.seconds(command, streams, tokens) for p, command in (order if i % 2 else order[::-1])}
            # The first round warms up.
            if i > 0:
                pairs.append((took[id(c)], took[id(other)]))
        c.end()
        other.end()
        rates = [statistics.median(streams * tokens / pair[k] for pair in pairs) for k in (0, 1)]
        ratios = sorted(a / b for a, b in pairs)
        low, middle, high = statistics.quantiles(ratios, n=4)
        missed += middle < promised
        print(f"{name:18} {rates[0]:8.1f} {rates[1]:11.1f} {middle:7.3f}  {low:.3f}-{high:.3f}  {promised:.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    mine = [sys.executable, str(Path(__file__).with_name("worker.py"))]
    sys.exit(compare("Python", CASES, mine, sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 9))
