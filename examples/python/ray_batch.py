"""ray_batch MODEL.gguf [ROWS] [--embed MODEL.gguf] [--out FOLDER] [--kill]: answers, and vectors of them, over a data set
with Ray Data, on as many machines as the cluster has.

Each actor holds one engine, loaded once, and keeps it busy with a block of rows at a time; Ray's back-pressure keeps blocks
from piling up before slow actors. A worker that dies is replaced and its block is done again. Blocks are written whole,
each into one file that is named by what is in it, so that nothing is lost and nothing is there twice. With `--out`, a
folder that every machine sees, a run that was stopped goes on where it was: blocks that are there already are skipped.

Ray uses the cluster of RAY_ADDRESS; without one it starts its own on this machine. `--kill` kills one actor's process on
the way, to show it; for that the workers must be on this machine."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import ray

BLOCK = 8


def file_of(folder: Path, ids: list[int], questions: list[str]) -> Path:
    """Where a block's answers are, in this run and in every other."""
    return folder / f"{hashlib.sha256(json.dumps([ids, questions]).encode()).hexdigest()[:16]}.jsonl"


class Answerer:
    """One engine, for the life of an actor."""

    def __init__(self, model: str, embed: str | None, folder: str) -> None:
        import qask

        self.engine = qask.Model(model).engine(n_ctx=512, threads=1)
        self.embedder = qask.Model(embed).embedder(threads=1) if embed else None
        self.folder = Path(folder)
        (self.folder / "pids" / str(os.getpid())).touch()

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        ids, questions = [int(i) for i in block["id"]], [str(q) for q in block["question"]]
        path = file_of(self.folder, ids, questions)
        there = path.exists()
        if not there:
            # Whole or not at all, whoever dies when.
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text("".join(json.dumps(row) + "\n" for row in self.rows(ids, questions)), encoding="utf-8")
            part.replace(path)
        return {"id": ids, "there": there}

    def rows(self, ids: list[int], questions: list[str]) -> list[dict[str, Any]]:
        # All at once: the engine computes them together.
        streams = [self.engine.stream(q, max_tokens=12, temperature=0.0) for q in questions]
        rows = [{"id": i, "question": q, "answer": s.reply().text} for i, q, s in zip(ids, questions, streams)]
        if self.embedder:
            for row, vector in zip(rows, self.embedder.embed([row["answer"] for row in rows])):
                row["vector"] = vector.tolist()
        return rows


def kill_one(folder: Path, killed: list[int]) -> None:
    """Kills the first actor that has begun, once a block is written."""
    while not list(folder.glob("*.jsonl")):
        time.sleep(0.1)
    victim = int(min((folder / "pids").iterdir(), key=lambda p: p.stat().st_mtime).name)
    os.kill(victim, signal.SIGKILL)
    killed.append(victim)
    print(f"killed worker {victim} with {len(list(folder.glob('*.jsonl')))} blocks written")


def run(model: str, embed: str | None, rows: int, folder: Path) -> list[dict[str, Any]]:
    """Has every block written, and gives what the actors said of them."""
    # A row of the data set is a block, so that a later run has the same ones, however Ray cuts the data.
    blocks = [list(range(first, min(first + BLOCK, rows))) for first in range(0, rows, BLOCK)]
    # No step that needs tasks of its own, such as `repartition`: the actors may have every processor of the cluster.
    rows_of_blocks = [{"id": ids, "question": [f"What is {i} plus {i}?" for i in ids]} for ids in blocks]
    data = ray.data.from_items(rows_of_blocks, override_num_blocks=len(blocks))
    paths = [os.path.abspath(p) if p else None for p in (model, embed)]
    # Ray Data starts an actor that died again, and does its block again, as often as it takes.
    answered = data.map(
        Answerer,
        fn_constructor_args=(*paths, str(folder)),
        compute=ray.data.ActorPoolStrategy(size=2),
        num_cpus=1,
    )
    return answered.take_all()


def main(model: str, embed: str | None, rows: int, out: str | None, kill: bool) -> None:
    own = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "num_cpus": 2, "object_store_memory": 200 * 2**20}
    ray.init(include_dashboard=False, log_to_driver=False, **own)
    folder = Path(out or tempfile.mkdtemp(prefix="qask-ray-")).absolute()
    # Who worked in this run; and what a worker that died left unfinished.
    (folder / "pids").mkdir(parents=True, exist_ok=True)
    for old in (*(folder / "pids").iterdir(), *folder.glob("*.[0-9]*")):
        old.unlink()
    killed: list[int] = []
    killer = threading.Thread(target=kill_one, args=(folder, killed), daemon=True)
    if kill:
        killer.start()
    began = time.monotonic()
    seen = run(model, embed, rows, folder)
    took = time.monotonic() - began
    ray.shutdown()

    written = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    workers = len(list((folder / "pids").iterdir()))
    lost = set(range(rows)) - {r["id"] for r in written}
    twice = len(written) - len({r["id"] for r in written})
    there = sum(bool(block["there"]) for block in seen)
    print(f"{len(written)} answers by {workers} workers in {took:.1f} s, {there} blocks were there: {folder}")
    print(f"lost {len(lost)}, twice {twice}, killed {len(killed)}")
    reported = sorted(int(i) for block in seen for i in block["id"])
    if lost or twice or reported != list(range(rows)) or (kill and (not killed or workers < 3)):
        sys.exit("something was lost, or done twice, or nobody was killed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="ray_batch")
    parser.add_argument("model")
    parser.add_argument("rows", type=int, nargs="?", default=64)
    parser.add_argument("--embed")
    parser.add_argument("--out")
    parser.add_argument("--kill", action="store_true")
    main(**vars(parser.parse_args()))
