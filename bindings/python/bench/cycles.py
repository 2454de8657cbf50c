"""Create, generate, cancel, free, over and over: memory, threads and handles must stay where they are.

Usage: cycles.py MODEL.gguf [CYCLES]

Each cycle makes a request, a stream and, by turns, a chat, a cancelled stream, a dropped one and one on an event loop; every
hundredth makes a new engine. The first fifth warms up; after it the resident memory may grow by 32 MiB at most.
"""

import asyncio
import gc
import os
import sys
import time

import qask


def resident() -> float:
    """MiB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def native_threads() -> int:
    """All of the process, the library's too."""
    return len(os.listdir("/proc/self/task"))


def cycle(engine: qask.Engine, i: int) -> None:
    kind = i % 5
    if kind == 0:
        with engine.stream("Hi", max_tokens=1) as stream:
            stream.reply()
    elif kind == 1:
        stream = engine.stream("Hi", max_tokens=50)
        next(stream, None)
        stream.cancel()
        stream.close()
    elif kind == 2:
        next(engine.stream("Hi", max_tokens=50), None)
    elif kind == 3:
        engine.chat(max_tokens=1).send("Hi")
    else:

        async def some() -> None:
            async for _ in engine.stream("Hi", max_tokens=50):
                break

        asyncio.run(some())


def main(path: str, cycles: int) -> int:
    model = qask.Model(path)
    engine = model.engine(n_ctx=128)
    began, base, handles, threads = time.monotonic(), 0.0, 0, 0
    for i in range(cycles):
        if i % 100 == 99:
            engine.close(timeout=30)
            engine = model.engine(n_ctx=128)
        cycle(engine, i)
        if i == cycles // 5:
            gc.collect()
            base, handles, threads = resident(), qask.live_handles(), native_threads()
        if i % max(1, cycles // 10) == 0:
            print(f"{i:6} cycles: {resident():.1f} MiB, {qask.live_handles()} handles, {native_threads()} threads", flush=True)
    gc.collect()
    grown = resident() - base
    print(f"{cycles} cycles in {time.monotonic() - began:.0f} s: {grown:+.1f} MiB since {cycles // 5}")
    flat = grown < 32 and qask.live_handles() <= handles and native_threads() <= threads
    print("flat" if flat else "NOT FLAT")
    return 0 if flat else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
