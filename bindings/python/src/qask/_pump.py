"""Streams for event loops: one thread for the process waits on the library's queue and wakes the loops.

A stream that has something to read is named by the queue; its loop is told, and the task that waits for it pulls. So a
reader that is slow lets text gather in the library, and sixteen tasks cost one wake-up a step, not sixteen threads.

A thread that waits, and not the queue's callback: a callback could come while the interpreter ends, on a thread that is
not Python's.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from typing import TYPE_CHECKING

from .raw import call, ffi, lib, make

if TYPE_CHECKING:
    from ._library import CData


class Bell:
    """What wakes the reader of a stream. The pump holds it instead of the stream, which can so be dropped at any time."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._fresh = False

    def ring(self) -> None:
        """The queue named the stream: called on its loop."""
        self._fresh = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def rung(self) -> None:
        """Waits until it rings, or has rung since the last time."""
        if not self._fresh:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._fresh = False


class Pump:
    """The queue and its thread."""

    def __init__(self) -> None:
        self._queue = make("queue", lib.qask_queue_new)
        self._bells: weakref.WeakValueDictionary[int, Bell] = weakref.WeakValueDictionary()
        self._next = 0
        self._thread = threading.Thread(target=self._run, name="qask pump", daemon=True)
        self._thread.start()

    def add(self, stream: CData, bell: Bell) -> None:
        """From now on the bell rings when the stream has something to read."""
        with _lock:
            self._next += 1
            tag = self._next
            self._bells[tag] = bell
        call(lib.qask_queue_add, self._queue, stream, tag)

    def _run(self) -> None:
        tag, error = ffi.new("uint64_t *"), ffi.NULL
        while lib.qask_queue_next(self._queue, -1, tag, error) == lib.QASK_OK:
            loops: dict[asyncio.AbstractEventLoop, list[Bell]] = {}
            status = lib.QASK_OK
            while status == lib.QASK_OK:
                bell = self._bells.get(tag[0])
                if bell is not None and bell.loop is not None:
                    loops.setdefault(bell.loop, []).append(bell)
                # What came in the same step goes in the same wake-up.
                status = lib.qask_queue_next(self._queue, 0, tag, error)
            for loop, bells in loops.items():
                try:
                    loop.call_soon_threadsafe(_ring, bells)
                except RuntimeError:
                    pass  # the loop was closed; its tasks are gone
            bell = None
            loops.clear()

    def close(self) -> None:
        """Ends the thread; streams go on."""
        lib.qask_queue_free(self._queue)
        self._thread.join(1)


def _ring(bells: list[Bell]) -> None:
    for bell in bells:
        bell.ring()


_lock = threading.Lock()
_pump: Pump | None = None


def pump() -> Pump:
    """The one of this process."""
    global _pump
    with _lock:
        if _pump is None:
            _pump = Pump()
        return _pump


def _forget() -> None:
    # In a child the thread is gone, and so is the library.
    global _pump, _lock
    _pump, _lock = None, threading.Lock()


@atexit.register
def _end() -> None:
    if _pump is not None:
        _pump.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
