"""Engines in a process of their own, with the worker that lies beside the library."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import qask


def answer(engine: qask.Engine) -> str:
    return engine.generate("What is a compiler?", max_tokens=8, temperature=0).text


def children() -> set[int]:
    """The processes that this one has started and not reaped."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue  # It ended meanwhile.
        if int(parent) == os.getpid():
            found.add(int(process.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks for processes as Linux tells of them")
def test_a_worker_that_is_killed_is_an_error(model: qask.Model) -> None:
    with model.engine() as engine:
        expected = answer(engine)
    before = children()
    with model.engine(isolated=True) as engine:
        assert answer(engine) == expected
        (worker,) = children() - before
        stream = engine.stream("Count.", max_tokens=2000, ignore_eos=True)
        next(iter(stream))
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(qask.EngineFault, match="SIGKILL"):
            stream.reply()
        assert answer(engine) == expected
        assert worker not in children()
    # Freeing an engine waits for nothing; its worker ends soon.
    until = time.monotonic() + 30
    while children() != before:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_worker_that_is_not_there(model: qask.Model) -> None:
    with pytest.raises(qask.ModelNotFound, match="/nowhere/worker"):
        model.engine(isolated=True, worker="/nowhere/worker")
