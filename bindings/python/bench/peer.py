"""qask beside llama-cpp-python, in one run on the same model and threads: peer.py MODEL.gguf [ROUNDS]

Both processes stay loaded and take turns in ABBA order, so that what else the machine does falls on both. The table has
medians; the ratio says how much better qask is (1 = equal), with the quartiles of the rounds.
"""

import os
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from overhead import Process

USERS = 8
#: What is measured, the command, the answer's number that is meant, and how it is shown.
CASES = [
    ("one stream, tokens/s", "stream 150", 0, lambda seconds: 1 / seconds),
    ("first token of a second turn, ms", "turn {round}", 0, lambda ms: ms),
    ("the same for a third turn, after another conversation, ms", "turn {round}", 1, lambda ms: ms),
    (f"{USERS} users, tokens/s of all", f"users {USERS} 40", 0, lambda seconds: USERS * 40 / seconds),
    (f"{USERS} users, mean ms to the first token", f"users {USERS} 40", 1, lambda ms: ms),
]


def rounds_of(sides: list[Process], command: str, rounds: int) -> list[tuple[list[float], list[float]]]:
    """What qask and the other answered, round by round; the first round warms up."""
    found = []
    for i in range(rounds + 1):
        answers = {}
        for side in sides if i % 2 else sides[::-1]:
            answers[id(side)] = [float(n) for n in side.ask(command.format(round=i)).split()]
        if i > 0:
            found.append((answers[id(sides[0])], answers[id(sides[1])]))
    return found


def main(model: str, rounds: int) -> None:
    threads = str(max(1, os.cpu_count() or 2))
    worker = str(Path(__file__).with_name("peer_worker.py"))
    sides = [Process(sys.executable, worker, side, model, threads) for side in ("qask", "llama_cpp")]
    print(f"{Path(model).name}, {threads} threads, {rounds} rounds, llama-cpp-python {version('llama-cpp-python')}\n")
    print("| | qask | llama-cpp-python | ratio (quartiles) |\n|---|---|---|---|")
    measured: dict[str, list[tuple[list[float], list[float]]]] = {}
    for name, command, which, shown in CASES:
        if command not in measured:
            measured[command] = rounds_of(sides, command, rounds)
        pairs = [(ours[which], theirs[which]) for ours, theirs in measured[command]]
        # All are times: less is better.
        low, middle, high = statistics.quantiles([theirs / ours for ours, theirs in pairs], n=4)
        ours, theirs = (shown(statistics.median(pair[k] for pair in pairs)) for k in (0, 1))
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {middle:.2f} ({low:.2f}-{high:.2f}) |", flush=True)
    for side in sides:
        side.end()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7)
