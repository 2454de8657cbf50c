"""Long calls that Ctrl-C, a cancelled task or the end of the process ends at once.

A signal's handler runs on the main thread, between bytecodes: so the main thread must not sit inside of the library. It
waits for a helper thread instead, and raises the call's flag when something interrupts it. Other threads call directly.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from typing import TYPE_CHECKING, Callable, TypeVar

from ._owned import Owned
from .raw import call, lib, make

if TYPE_CHECKING:
    from ._library import CData

T = TypeVar("T")

#: How long the main thread stays inside of the library while it waits for a stream, in milliseconds.
SLICE_MS = 20


class Cancel(Owned):
    """A flag that ends long calls from any thread. It may be given to many; it cannot be lowered again."""

    def __init__(self) -> None:
        super().__init__(make("cancel", lib.qask_cancel_new), lib.qask_cancel_free)

    def cancel(self) -> None:
        """Ends every call and stream that got this flag."""
        call(lib.qask_cancel_raise, self._handle)


class _Running:
    """A call that runs, on whatever thread."""

    def __init__(self, flag: Cancel) -> None:
        self.flag, self.done, self.left_behind = flag, threading.Event(), False

    def run(self, work: Callable[[CData], T], for_main: bool = False) -> T:
        """Makes the call, where the end of the process finds it."""
        with _lock:
            _running.add(self)
            # The main thread waits for its own, also at the end.
            self.left_behind = _ending and not for_main
        try:
            if self.left_behind:
                self.flag.cancel()
            return work(self.flag._handle)
        finally:
            with _lock:
                _running.discard(self)
            self.done.set()
            if self.left_behind:
                # The interpreter goes: nobody hears how this ended, and a traceback would only be noise.
                threading.Event().wait()


_lock = threading.Lock()
_running: set[_Running] = set()
_ending = False


def _forget() -> None:
    # In a child the calls are gone with their threads, and so is the library.
    global _lock, _running
    _lock, _running = threading.Lock(), set()


@atexit.register
def _end() -> None:
    # The library may not call a progress callback into an interpreter that is gone.
    global _ending
    with _lock:
        _ending = True
        running = list(_running)
        for one in running:
            one.left_behind = True
    for one in running:
        one.flag.cancel()
    for one in running:
        one.done.wait(2)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def wait(work: Callable[[CData], T], cancel: Cancel | None = None) -> T:
    """Runs `work(flag)`, a call of the library that takes a cancel flag."""
    flag = Cancel() if cancel is None else cancel
    running = _Running(flag)
    if not in_main_thread():
        return running.run(work)
    results: list[T] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def target() -> None:
        try:
            results.append(running.run(work, for_main=True))
        except BaseException as e:
            failures.append(e)
        finally:
            ended.set()

    threading.Thread(target=target, name="qask call", daemon=True).start()
    try:
        # A wait without end cannot be interrupted on Windows.
        while not ended.wait(3600):
            pass
    except BaseException:
        flag.cancel()
        ended.wait()
        raise
    if failures:
        raise failures[0]
    return results[0]


async def wait_async(work: Callable[[CData], T], cancel: Cancel | None = None) -> T:
    """As `wait`, on a thread of the event loop's; a cancelled task ends the call."""
    flag = Cancel() if cancel is None else cancel
    future = asyncio.get_running_loop().run_in_executor(None, lambda: _Running(flag).run(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        flag.cancel()
        # What comes of it now is nobody's.
        future.add_done_callback(lambda f: f.cancelled() or f.exception())
        raise
