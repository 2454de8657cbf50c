"""The counterpart of benches/bench.c in Python: worker.py MODEL THREADS SEQUENCES obeys lines on stdin, each
"COMMAND STREAMS TOKENS", and prints seconds:

    main     one stream after the other on the main thread
    threads  STREAMS prompts, each from a thread of its own
    tasks    the same from asyncio tasks
"""

import asyncio
import sys
import threading
import time

import qask

SOME = ["river", "market", "window", "engine", "garden", "letter", "winter", "bridge"]


def prompt_of(i: int, words: int = 40) -> str:
    """Those of bench.c, word for word."""
    rest = "".join(f" {SOME[(w * 5 + w // 7 + i) % 8]}" for w in range(words - 5))
    return f"{i + 3} stories about the {SOME[i % 8]}:{rest}. Once upon a time there"


def submit(engine: qask.Engine, i: int, tokens: int) -> qask.Stream:
    return engine.stream(qask.Request(prompt=prompt_of(i), max_tokens=tokens, ignore_eos=True, temperature=0.0))


def read(engine: qask.Engine, i: int, tokens: int) -> None:
    with submit(engine, i, tokens) as stream:
        for _ in stream:
            pass


def main(engine: qask.Engine, streams: int, tokens: int) -> None:
    for i in range(streams):
        read(engine, i, tokens)


def threads(engine: qask.Engine, streams: int, tokens: int) -> None:
    workers = [threading.Thread(target=read, args=(engine, i, tokens)) for i in range(streams)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def tasks(engine: qask.Engine, streams: int, tokens: int) -> None:
    async def one(i: int) -> None:
        async for _ in submit(engine, i, tokens):
            pass

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(streams)))

    asyncio.run(all_of_them())


if __name__ == "__main__":
    path, count, sequences = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    made = qask.Model(path).engine(
        n_ctx=512,
        kv_tokens=512 * sequences,
        max_sequences=sequences,
        prefix_cache=False,
        unified_kv=True,
        threads=count,
    )
    print("ready", flush=True)
    for line in sys.stdin:
        command, streams, tokens = line.split()
        began = time.monotonic()
        {"main": main, "threads": threads, "tasks": tasks}[command](made, int(streams), int(tokens))
        print(time.monotonic() - began, flush=True)
