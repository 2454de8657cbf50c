"""ray_batch MODEL.gguf [ROWS] [--kill]: answers and vectors over a data set with Ray Data, on as many machines as the
cluster has.

Each actor holds one engine, loaded once, and keeps it busy with a block of rows at a time; Ray's back-pressure keeps blocks
from piling up before slow actors. A worker that dies is replaced and its block is done again: blocks are written whole,
under the name of what is in them, so that nothing is lost and nothing is there twice. A run that was stopped goes on
where it was: blocks that are there already are skipped.

Without a cluster, Ray starts one on this machine. `--kill` kills one actor's process on the way, to show it."""

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


class Answerer:
    """One engine, for the life of an actor."""

    def __init__(self, model: str, folder: str) -> None:
        import qask

        self.engine = qask.Model(model).engine(n_ctx=512, threads=1)
        self.folder = Path(folder)
        (self.folder / "pids").mkdir(exist_ok=True)
        (self.folder / "pids" / str(os.getpid())).touch()

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        questions = [str(q) for q in block["question"]]
        ids = [int(i) for i in block["id"]]
        name = hashlib.sha256(json.dumps([ids, questions]).encode()).hexdigest()[:16]
        path = self.folder / f"{name}.jsonl"
        if not path.exists():
            # All at once: the engine computes them together.
            streams = [self.engine.stream(q, max_tokens=12, temperature=0.0) for q in questions]
            rows = [{"id": i, "question": q, "answer": s.reply().text} for i, q, s in zip(ids, questions, streams)]
            # Whole or not at all, whoever dies when.
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
            part.replace(path)
        return {"id": ids, "by": [os.getpid()] * len(ids)}


def kill_one(folder: Path, killed: list[int]) -> None:
    """Kills the first actor that has begun, once a block is written."""
    while not list(folder.glob("*.jsonl")):
        time.sleep(0.1)
    victim = int(min((folder / "pids").iterdir(), key=lambda p: p.stat().st_mtime).name)
    os.kill(victim, signal.SIGKILL)
    killed.append(victim)
    print(f"killed worker {victim} with {len(list(folder.glob('*.jsonl')))} blocks written")


def main(model: str, rows: int, kill: bool) -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    folder = Path(tempfile.mkdtemp(prefix="qask-ray-"))
    data = ray.data.from_items([{"id": i, "question": f"What is {i} plus {i}?"} for i in range(rows)])
    data = data.repartition(rows // BLOCK or 1)
    data = data.map_batches(
        Answerer,
        fn_constructor_args=(os.path.abspath(model), str(folder)),
        batch_size=BLOCK,
        concurrency=2,
        num_cpus=1,
        max_restarts=-1,
        max_task_retries=-1,
    )
    killed: list[int] = []
    killer = threading.Thread(target=kill_one, args=(folder, killed), daemon=True)
    if kill:
        killer.start()
    began = time.monotonic()
    seen = data.take_all()
    took = time.monotonic() - began
    written = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    workers = len(list((folder / "pids").iterdir()))
    lost = set(range(rows)) - {r["id"] for r in written}
    twice = len(written) - len({r["id"] for r in written})
    print(f"{len(written)} answers by {workers} workers in {took:.1f} s, {len(seen)} rows reported: {folder}")
    print(f"lost {len(lost)}, twice {twice}, killed {len(killed)}")
    ray.shutdown()
    if lost or twice or len(seen) != rows or (kill and (not killed or workers < 3)):
        sys.exit("something was lost, or done twice, or nobody was killed")


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--kill"]
    if not arguments:
        sys.exit("usage: ray_batch MODEL.gguf [ROWS] [--kill]")
    main(arguments[0], int(arguments[1]) if len(arguments) > 1 else 64, "--kill" in sys.argv)
