#!/usr/bin/env python3
"""Tables of speed and memory: the library through its C header against a minimal loop over the same engine.

Usage: run.py LIBRARY_FOLDER RAW_PROGRAM [MODEL.gguf ...] [--pairs N] [--threads N] [--streams N] [--goals] [--peers]

Both programs stay loaded and take turns in ABBA order, so that what else the machine does hits both. A ratio is speed
against the loop (1 = equal), the median of the pairs; in brackets the 2nd and the last but one of them, which hold the
true median in 98.8% of cases at 11 pairs (sign test).
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MARGIN = 0.3  # logits; as in tests/engine.rs


class Program:
    """One of the two, waiting for commands."""

    def __init__(self, argv, settings=None):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(settings or {})})
        self.load_seconds = float(self.line().split()[1])

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[0]} ended")
        return line.strip()

    def ask(self, command, streams, tokens, lines=1):
        self.process.stdin.write(f"{command} {streams} {tokens}\n")
        self.process.stdin.flush()
        return [self.line() for _ in range(lines)]

    def seconds(self, command, streams, tokens):
        return float(self.ask(command, streams, tokens)[0])

    def memory_mib(self):
        """Resident memory in all, and without what is mapped from files."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return (0, 0)
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return tuple(int(fields[key].split()[0]) // 1024 for key in ("VmRSS", "RssAnon"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def ratios(loop, ours, pairs):
    """`loop` and `ours` give seconds; pairs in ABBA order after one round to warm up."""
    loop(), ours()
    found = []
    for i in range(pairs):
        a, b = (loop(), ours()) if i % 2 == 0 else reversed((ours(), loop()))
        found.append(a / b)
    return sorted(found)


def row(name, values, goal=None):
    median = statistics.median(values)
    cut = 1 if len(values) >= 9 else 0
    verdict = "" if goal is None else f"  goal {goal:.2f} {'met' if median >= goal else 'MISSED'}"
    print(f"  {name:<46} {median:.3f} [{values[cut]:.3f}, {values[-1 - cut]:.3f}]{verdict}", flush=True)


def same_answers(raw, ours, streams, tokens):
    """Every answer equals the loop's, or parts from it where the loop's two best candidates were close."""
    theirs = [[int(t) for t in line.split()] for line in raw.ask("tokens", streams, tokens, streams)]
    leads = [[float(m) for m in line.split()] for line in raw.ask("margins", streams, tokens, streams)]
    mine = [[int(t) for t in line.split()] for line in ours.ask("tokens", streams, tokens, streams)]
    parted = 0
    for a, lead, b in zip(theirs, leads, mine):
        if len(b) != tokens:
            raise SystemExit(f"an answer has {len(b)} tokens instead of {tokens}")
        at = next((i for i in range(tokens) if a[i] != b[i]), None)
        if at is not None:
            parted += 1
            if lead[at] >= MARGIN:
                raise SystemExit(f"an answer is wrong: it parts where the loop was sure by {lead[at]:.2f} logits")
    print(f"  answers: {streams - parted} of {streams} equal, {parted} part at a lead below {MARGIN} logits")


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def throughput(bench, raw_program, model, threads, pairs, only, more):
    for streams, tokens, goal in ((1, 96, 0.97), (16, 96, 0.95)):
        if only not in (None, streams):
            continue
        with Program([raw_program, model, threads, streams, 1]) as raw, Program([bench, model, threads, streams, 1]) as ours:
            label = f"{streams} stream{'s' if streams > 1 else ''}"
            row(f"{label}, greedy", ratios(lambda: raw.seconds("time", streams, tokens),
                                           lambda: ours.seconds("time", streams, tokens), pairs), goal)
            row(f"{label}, default samplers", ratios(lambda: raw.seconds("time", streams, tokens),
                                                     lambda: ours.seconds("sample", streams, tokens), pairs), goal)
            if more:
                with Program([bench, model, threads, streams, 1], {"QASK_BENCH_FIXED": "1"}) as fixed:
                    row("for information: qask, threads fixed / adapting", ratios(
                        lambda: ours.seconds("time", streams, tokens),
                        lambda: fixed.seconds("time", streams, tokens), max(5, pairs // 2)))
            if streams > 1 and more:
                row("for information: first tokens only", ratios(
                    lambda: raw.seconds("time", streams, 1), lambda: ours.seconds("time", streams, 1), max(5, pairs // 2)))
            rate = streams * tokens / statistics.median(ours.seconds("time", streams, tokens) for _ in range(3))
            print(f"  {label}: {rate:.0f} new tokens a second, prompts included")
            same_answers(raw, ours, streams, tokens)
            print(f"  load: loop {raw.load_seconds:.2f} s, qask {ours.load_seconds:.2f} s; resident (without files): loop "
                  "{} ({}) MiB, qask {} ({}) MiB".format(*raw.memory_mib(), *ours.memory_mib()))
            if streams > 1 and more:
                with Program([raw_program, model, threads, streams, 0]) as separate:
                    row("for information: loop, separate / unified KV", ratios(
                        lambda: raw.seconds("time", streams, tokens),
                        lambda: separate.seconds("time", streams, tokens), max(5, pairs // 2)))
                with Program([bench, model, threads, streams, 0]) as separate:
                    row("for information: qask, separate / unified KV", ratios(
                        lambda: ours.seconds("time", streams, tokens),
                        lambda: separate.seconds("time", streams, tokens), max(5, pairs // 2)))


def latency(bench, model, threads):
    with Program([bench, model, threads, 0, 1]) as ours:
        pauses = [float(x) for x in ours.ask("delay", 4, 0)[0].split()]
        p99 = percentile(pauses, 0.99)
        print(f"  a running stream while 4 prompts of 2,000 tokens arrive: pauses median {statistics.median(pauses):.0f} "
              f"ms, p99 {p99:.0f} ms, worst {max(pauses):.0f} ms of {len(pauses)}  "
              f"step budget 150 ms {'met' if p99 <= 150 else 'MISSED'}")
        turns = [[float(x) for x in ours.ask("turn", 1, 1)[0].split()] for _ in range(9)]
        ratio = sorted(t[0] / t[1] for t in turns)
        print(f"  second turn, {turns[0][2]:.0f} new tokens behind 1,000: first token after "
              f"{statistics.median(t[0] for t in turns):.0f} ms, against {statistics.median(t[1] for t in turns):.0f} ms for "
              f"evaluating as many bare tokens: {statistics.median(ratio):.3f} [{ratio[1]:.3f}, {ratio[-2]:.3f}]  "
              f"goal 1.10 {'met' if statistics.median(ratio) <= 1.1 else 'MISSED'}")
        alone = [float(x) for x in ours.ask("cancel", 1, 15)[0].split()]
        beside = [float(x) for x in ours.ask("cancel", 2, 15)[0].split()]
        print(f"  cancel of a 3,000-token prompt: alone median {statistics.median(alone):.0f} ms, worst {max(alone):.0f} ms  "
              f"goal 50 ms {'met' if max(alone) <= 50 else 'MISSED'}; beside a running stream median "
              f"{statistics.median(beside):.0f} ms, worst {max(beside):.0f} ms  step budget 150 ms "
              f"{'met' if max(beside) <= 150 else 'MISSED'}")


def samplers(bench, raw_program, model, threads, pairs):
    with Program([raw_program, model, threads, 1, 1]) as raw, Program([bench, model, threads, 1, 1]) as ours:
        tokens = 64
        values = ratios(lambda: raw.seconds("step", 1, tokens), lambda: ours.seconds("step", 1, tokens + 1), pairs)
        row("whole step with default samplers / bare decode", values, 0.98)


def peers(folder, model, threads):
    """llama.cpp's own tools, of another version: for information."""
    def lines(name, *arguments):
        command = [folder / name, "-m", model, "-t", str(threads), *arguments]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    rates = {(r["n_prompt"], r["n_gen"]): r["avg_ts"] for r in
             lines("llama-bench", "-p", "512", "-n", "96", "-r", "3", "-o", "jsonl")}
    print(f"  for information: llama-bench pp512 {rates[512, 0]:.0f}, tg96 {rates[0, 96]:.1f} tokens a second")
    for r in lines("llama-batched-bench", "-c", "8192", "-npp", "32", "-ntg", "96", "-npl", "1,16", "-kvu",
                   "--output-format", "jsonl"):
        print(f"  for information: llama-batched-bench, {r['pl']} sequences: {r['speed_tg']:.0f} new tokens a second")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("raw")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", choices=["throughput", "latency", "samplers"])
    parser.add_argument("--streams", type=int, choices=[1, 16], help="throughput of so many only")
    parser.add_argument("--goals", action="store_true", help="without the rows of throughput that are for information")
    parser.add_argument("--peers", action="store_true", help="llama-bench and llama-batched-bench too (built at first use)")
    args = parser.parse_args()
    tools = subprocess.run([HERE.parent / "tools" / "peers.py", "llama-bench", "llama-batched-bench"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.strip() if args.peers else None
    library = pathlib.Path(args.library).resolve()
    with tempfile.TemporaryDirectory() as folder:
        bench = pathlib.Path(folder) / "bench"
        subprocess.run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", f"-I{HERE.parent / 'include'}", HERE / "bench.c", "-o",
                        bench, f"-L{library}", "-lqask", f"-Wl,-rpath,{library}", "-lpthread", "-lm"], check=True)
        for model in args.models:
            name = pathlib.Path(model).name
            print(f"{name}, {args.threads} threads, {args.pairs} pairs; speed against the minimal loop")
            if args.only in (None, "throughput"):
                throughput(bench, args.raw, model, args.threads, args.pairs, args.streams, not args.goals)
            if args.only in (None, "latency"):
                latency(bench, model, args.threads)
            if args.only in (None, "samplers"):
                samplers(bench, args.raw, model, args.threads, args.pairs)
            if tools:
                peers(pathlib.Path(tools), model, args.threads)


main()
