"""Event loops: many streams over one thread that waits, tasks that are cancelled."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import qask
from qask import _pump


async def test_a_stream_is_awaited(model: qask.Model) -> None:
    chat = model.chat(max_tokens=20, temperature=0.0)
    pieces = [piece async for piece in chat.stream("Complete the sentence: the capital of France is")]
    assert "Paris" in "".join(pieces) and chat[-1]["content"] == "".join(pieces)
    reply = await chat.send_async("Again.")
    assert reply.done and reply.text
    events = [event async for event in chat.stream("And again.", max_tokens=3).events_async()]
    assert isinstance(events[-1], qask.Done)
    assert (await model.default_engine().stream("Hi", max_tokens=2)).done


async def test_many_tasks_cost_one_thread(model: qask.Model) -> None:
    engine = model.engine(max_sequences=16)
    before = threading.active_count()
    streams = [engine.stream(f"What is {i}?", max_tokens=12) for i in range(16)]
    most = 0

    async def read(stream: qask.Stream) -> str:
        nonlocal most
        text = ""
        async for piece in stream:
            most = max(most, threading.active_count())
            text += piece
        return text

    texts = await asyncio.gather(*map(read, streams))
    assert all(texts) and most <= before + 1


async def test_a_cancelled_task_cancels_the_generation(model: qask.Model) -> None:
    chat = model.chat(max_tokens=2000, ignore_eos=True)
    task = asyncio.create_task(chat.send_async("Count."))
    while not chat.busy:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = time.monotonic()
    assert (await chat.send_async("x", max_tokens=2)).done
    assert time.monotonic() - began < 20
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(chat.send_async("y"), 0.2)


async def test_a_stream_that_was_left_is_gone_at_once(model: qask.Model) -> None:
    chat = model.chat(max_tokens=400, ignore_eos=True)
    for _ in range(5):
        async for _ in chat.stream("Count."):
            break
        assert (await chat.send_async("x", max_tokens=2)).done
        chat.clear()


async def test_the_loop_runs_while_it_waits(model: qask.Model) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticker = asyncio.create_task(tick())
    await model.engine(n_ctx=4096, prefix_cache=False).stream("word " * 800, max_tokens=1)
    ticker.cancel()
    assert ticks > 20


async def test_a_failure_is_raised(model: qask.Model) -> None:
    engine = model.engine(n_ctx=64)
    with pytest.raises(qask.ContextFull):
        await engine.stream("word " * 200)
    with pytest.raises(qask.ContextFull):
        async for _ in engine.stream("word " * 200):
            pass
    stream = engine.stream("Count.", ignore_eos=True)
    await stream.__anext__()
    engine.close(timeout=10)
    with pytest.raises(qask.Closed):
        await stream


async def test_loading_and_embedding(smol: str, minilm: qask.Model) -> None:
    model = await qask.Model.load(smol)
    assert model.architecture == "llama"
    model.close()
    vectors = await minilm.default_embedder().embed_async(["a", "b"])
    assert vectors.shape == (2, 384)
    flag = qask.Cancel()
    flag.cancel()
    with pytest.raises(qask.Cancelled):
        await qask.Model.load(smol, cancel=flag)


def test_loops_come_and_go(model: qask.Model) -> None:
    chat = model.chat(max_tokens=4)

    async def once() -> Any:
        return await chat.send_async("Hi")

    for _ in range(3):
        assert asyncio.run(once()).done
    stream = model.default_engine().stream("Hi", max_tokens=200, ignore_eos=True)

    async def some() -> None:
        await stream.__anext__()

    # Begun on one loop, gone on with on another, ended from a thread.
    asyncio.run(some())
    asyncio.run(some())
    stream.cancel()
    assert stream.reply().finish_reason == "cancelled"
    assert _pump.pump()._thread.is_alive()
