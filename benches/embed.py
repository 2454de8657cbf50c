#!/usr/bin/env python3
"""1,000 short sentences, embedded by qask and by llama.cpp's own tool in turn: embed.py RUNNER MODEL...

RUNNER is the program of benches/embed.rs; the tool is built by tools/peers.py. For qask the whole call counts (tokens,
vectors, scaling to length 1); for the tool tokens and vectors, with the better of two batch sizes.
Exit status as tools/models.py.
"""
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import peers  # noqa: E402
from models import Failure, say  # noqa: E402

ROUNDS, SENTENCES = 5, 1000


def text(folder):
    """The sentences of the embedding test, in turn and numbered, so that no two are the same."""
    lines = (ROOT / "tests/data/sentences.txt").read_text(encoding="utf-8").splitlines()
    path = folder / "sentences.txt"
    path.write_text("\n".join(f"{lines[i % len(lines)]} {i}" for i in range(SENTENCES)), encoding="utf-8")
    return path


def run(*command):
    result = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise Failure(f"{Path(command[0]).name} failed: " + "\n".join(result.stdout.splitlines()[-5:]))
    return result.stdout


def own(runner, model, sentences):
    return SENTENCES / min(float(line.split()[0]) for line in run(runner, model, sentences, 2).splitlines())


def theirs(tool, model, sentences, batch):
    """Sentences a second from its model's load to the begin of its last batch, whose end is not told. (The time that it
    reports itself is less than that: of its encoder it counts a part only.)"""
    out = run(tool, "-m", model, "-f", sentences, "-c", batch, "-b", batch, "-ub", batch, "--embd-output-format", "raw",
              "-lv", 4)
    clock = r"^(\d+)\.(\d+)\.(\d+)\.(\d+) I "
    batches = re.findall(clock + r"batch_decode: n_tokens = \d+, n_seq = (\d+)", out, re.M)
    loaded = re.search(clock + r"system_info", out, re.M)
    if len(batches) < 2 or not loaded:
        raise Failure("the tool says nothing of its batches")
    seconds = lambda m, s, ms, us: int(m) * 60 + int(s) + int(ms) / 1e3 + int(us) / 1e6
    return sum(int(b[4]) for b in batches[:-1]) / (seconds(*batches[-1][:4]) - seconds(*loaded.groups()))


def main(runner, *models):
    tool = peers.build(["llama-embedding"]) / "llama-embedding"
    print("| model | qask, sentences/s | llama.cpp's tool | ratio (each round) |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        sentences = text(Path(folder))
        for model in models:
            rounds = []
            for _ in range(ROUNDS):
                mine = own(runner, model, sentences)
                other = max(theirs(tool, model, sentences, batch) for batch in (512, 2048))
                rounds.append((mine, other))
            ratios = sorted(a / b for a, b in rounds)
            mine, other = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            print(f"| {Path(model).stem} | {mine:.0f} | {other:.0f} | {statistics.median(ratios):.2f} "
                  f"({', '.join(f'{r:.2f}' for r in ratios)}) |", flush=True)


if __name__ == "__main__":
    try:
        if len(sys.argv) < 3:
            raise Failure("usage: embed.py RUNNER MODEL...", 2)
        main(*sys.argv[1:])
    except Failure as failure:
        say(f"embed: {failure}")
        sys.exit(failure.status)
