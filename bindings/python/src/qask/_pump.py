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
    from .stream import Stream


class Pump:
    """The queue and its thread."""

    def __init__(self) -> None:
        self._queue = make("queue", lib.qask_queue_new)
        self._streams: weakref.WeakValueDictionary[int, Stream] = weakref.WeakValueDictionary()
        self._next = 0
        self._thread = threading.Thread(target=self._run, name="qask pump", daemon=True)
        self._thread.start()

    def add(self, stream: Stream) -> None:
        """From now on the stream is told when it has something to read."""
        with _lock:
            self._next += 1
            tag = self._next
            self._streams[tag] = stream
        call(lib.qask_queue_add, self._queue, stream._handle, tag)

    def _run(self) -> None:
        tag, error = ffi.new("uint64_t *"), ffi.NULL
        while lib.qask_queue_next(self._queue, -1, tag, error) == lib.QASK_OK:
            loops: dict[asyncio.AbstractEventLoop, list[Stream]] = {}
            status = lib.QASK_OK
            while status == lib.QASK_OK:
                stream = self._streams.get(tag[0])
                if stream is not None and stream._loop is not None:
                    loops.setdefault(stream._loop, []).append(stream)
                # What came in the same step goes in the same wake-up.
                status = lib.qask_queue_next(self._queue, 0, tag, error)
            for loop, streams in loops.items():
                try:
                    loop.call_soon_threadsafe(_wake, streams)
                except RuntimeError:
                    pass  # the loop was closed; its tasks are gone
            stream = None
            loops.clear()

    def close(self) -> None:
        """Ends the thread; streams go on."""
        lib.qask_queue_free(self._queue)
        self._thread.join(1)


def _wake(streams: list[Stream]) -> None:
    for stream in streams:
        stream._named()


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
