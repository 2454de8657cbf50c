#!/usr/bin/env python3
"""Makes each call of the library into the system fail once, in a process of its own: see shim.c and scenario.c.

Usage: walk.py SCENARIO MODEL.gguf [--all] [KIND…]
Without --all a few places of each kind. Every process has to end by itself, with errors that say what failed, and has
to do everything again afterwards.
"""
import argparse
import errno
import os
import signal
import subprocess
import sys
import tempfile

ONCE, ALWAYS, NEVER = 1, 0, 10**9

# Kind, how many calls in a row fail, the errno, and whether the library may tell of it at all. `room` is a limit.
WALKS = [
    ("thread", ONCE, errno.EAGAIN, True),
    ("thread", ALWAYS, errno.EAGAIN, True),
    ("room", ALWAYS, errno.EAGAIN, True),
    ("mmap", ONCE, errno.ENOMEM, True),
    ("open", ONCE, errno.EMFILE, True),
    ("open", ALWAYS, errno.EMFILE, True),
    ("read", ONCE, errno.EIO, True),
    ("read", ONCE, 0, True),
    ("read", ONCE, errno.EINTR, False),
    ("write", ONCE, errno.EIO, True),
    ("write", ALWAYS, errno.ENOSPC, True),
    ("write", ONCE, 0, False),
    ("write", ONCE, errno.EINTR, False),
    ("sync", ONCE, errno.EIO, True),
    ("rename", ONCE, errno.EACCES, True),
    ("memory", ONCE, errno.ENOMEM, True),
    ("memory", ALWAYS, errno.ENOMEM, True),
    ("clock", ONCE, 0, False),
    ("kill", ONCE, 0, True),
    ("kill", ONCE, 1, True),
]

# A way takes seconds; whoever is much slower hangs.
PATIENCE = int(os.environ.get("QASK_PATIENCE", "300"))


def places(calls: int, most: int) -> list[int]:
    """The first ones, the last one, and as many between as there may be."""
    if calls <= most:
        return list(range(1, calls + 1))
    begin = list(range(1, most // 2 + 1))
    step = (calls - len(begin)) / (most - len(begin))
    return sorted({*begin, *(len(begin) + round(step * (i + 1)) for i in range(most - len(begin)))})


class Walker:
    def __init__(self, scenario: str, model: str) -> None:
        self.command = [scenario, model]
        self.wrong = 0
        self.told: dict[str, int] = {}

    def run(self, folder: str, *arguments: object) -> tuple[int, str]:
        command = [*self.command, folder, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
            return done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired as e:
            return 124, (e.stdout or b"").decode(errors="replace") + "\nit hangs\n"

    def fail(self, what: str, output: str) -> None:
        self.wrong += 1
        print(f"WRONG: {what}\n{output}", file=sys.stderr)

    def count(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            code, output = self.run(folder, "none", 1, 1, 0)
        lines = [line.split() for line in output.splitlines()]
        self.calls = {words[1]: int(words[2]) for words in lines if words and words[0] == "calls"}
        self.said = self.last(output)
        if code != 0 or not self.said:
            sys.exit(f"without any fault: status {code}\n{output}")

    @staticmethod
    def last(output: str) -> str:
        return next((line for line in output.splitlines() if line.startswith("said ")), "")

    def walk(self, kind: str, count: int, error: int, may_tell: bool, most: int) -> None:
        calls = self.calls[kind]
        name = f"{kind} {errno.errorcode.get(error, 'short' if kind != 'kill' else 'before')}"
        name += " from there on" if count == ALWAYS else ""
        struck = told = 0
        for n in places(calls, most) if kind != "clock" else [1]:
            what = f"{name}, place {n} of {calls}"
            with tempfile.TemporaryDirectory() as folder:
                code, output = self.run(folder, kind, n, count, error)
                if kind == "kill":
                    if code != -signal.SIGKILL:
                        continue
                    struck += 1
                    code, output = self.run(folder, "recover", 0, 0, 0)
                else:
                    struck += "failed 0\n" not in output
            errors = [line for line in output.splitlines() if " QASK_ERR_" in line]
            told += bool(errors)
            for line in errors:
                self.told[" ".join(line.split()[:2])] = self.told.get(" ".join(line.split()[:2]), 0) + 1
            if code != 0 or self.last(output) != self.said:
                self.fail(f"{what}: status {code}", output)
            elif errors and not may_tell:
                self.fail(f"{what}: it should have gone on", output)
        if not struck and kind != "clock":
            self.fail(f"{name}: nothing ever failed", "")
        print(f"{name}: {struck} failed, of {calls} calls; {told} were told of", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario")
    parser.add_argument("model")
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_intermixed_args()
    kinds = {kind for kind, *_ in WALKS}
    if unknown := set(options.kinds) - kinds:
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; the kinds: {', '.join(sorted(kinds))}")
    walker = Walker(options.scenario, options.model)
    walker.count()
    for kind, count, error, may_tell in WALKS:
        if not options.kinds or kind in options.kinds:
            walker.walk(kind, count, error, may_tell, 40 if options.all else 2)
    for told, n in sorted(walker.told.items()):
        print(f"  {told}: {n}")
    sys.exit(1 if walker.wrong else 0)


if __name__ == "__main__":
    main()
