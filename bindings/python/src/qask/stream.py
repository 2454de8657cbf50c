"""One running generation: pulled as text or as events, from a thread or from an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncIterator, Callable, Generator, Iterator

from . import errors
from ._owned import Owned
from ._pump import Bell, pump
from ._wait import SLICE_MS, in_main_thread
from .events import Done, Event, Reasoning, Reply, Text, ToolCall, from_library
from .raw import call, encode, ffi, lib, take_error, take_string

if TYPE_CHECKING:
    from ._library import CData


class Stream(Owned):
    """An answer on its way. Iterating gives its text in pieces, with `for` or with `async for`:

        for piece in chat.stream("Hello!"):
            print(piece, end="", flush=True)

    `events()` and `events_async()` give everything that happens; `reply()` or `await stream` the whole answer. A
    generation that fails raises its error, except from `events`, where it is the last event. Ctrl-C, or a cancelled
    task, cancels the generation; so does closing or dropping the stream. One reader at a time.
    """

    def __init__(
        self,
        pointer: CData,
        engine: CData = None,
        on_cancel: Callable[[], None] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(pointer, lib.qask_stream_free)
        self._event, self._error = ffi.new("qask_event **"), ffi.new("qask_error **")
        self._replies: dict[int, Reply] = {}
        self._ended = False
        self._on_cancel = on_cancel
        self._plain = plain
        # An engine that nobody else holds lives as long as its streams.
        self._engine = engine
        self._bell = Bell()

    # ---- pulling ----

    def _next(self, timeout_ms: int) -> int:
        """One look into the stream; the event is in `self._event` when it is QASK_OK."""
        status = lib.qask_stream_next(self._handle, timeout_ms, self._event, self._error)
        if status >= 100:
            self._ended = True
            raise take_error(self._error[0])
        if status == lib.QASK_DONE:
            self._ended = True
        return status

    def _wait(self) -> bool:
        """Waits for an event; False at the end."""
        if self._ended:
            return False
        # The main thread comes back now and then, so that a signal's handler can run.
        slice_ms = SLICE_MS if in_main_thread() else -1
        try:
            while (status := self._next(slice_ms)) == lib.QASK_TIMEOUT:
                pass
        except errors.QaskError:
            raise
        except BaseException:
            self.cancel()
            raise
        return status == lib.QASK_OK

    async def _wait_async(self) -> bool:
        if self._ended:
            return False
        loop, bell = asyncio.get_running_loop(), self._bell
        if bell.loop is not loop:
            bell.loop = loop
            pump().add(self._handle, bell)
        while True:
            status = self._next(0)
            if status != lib.QASK_TIMEOUT:
                return status == lib.QASK_OK
            try:
                await bell.rung()
            except BaseException:
                self.cancel()
                raise

    def _take(self) -> Event | None:
        """The event that was pulled, noted in the reply it belongs to."""
        event = from_library(self._event[0], self._plain)
        if event is None:
            return None
        reply = self._replies.setdefault(event.choice, Reply())
        if isinstance(event, Text):
            reply.text += event.text
            reply.tokens += event.tokens
            reply.logprobs += event.logprobs
        elif isinstance(event, Reasoning):
            reply.reasoning += event.text
        elif isinstance(event, ToolCall):
            reply.tool_calls.append(event)
        elif isinstance(event, Done):
            reply.done = event
        return event

    # ---- from a thread ----

    def events(self) -> Iterator[Event]:
        """Every event, as it comes."""
        while self._wait():
            event = self._take()
            if event is not None:
                yield event

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self._wait():
            event = self._take()
            if isinstance(event, Text) and event.text:
                return event.text
            self._raise(event)
        raise StopIteration

    def reply(self) -> Reply:
        """Waits for the end, and gives the whole answer, with what was pulled before."""
        for event in self.events():
            self._raise(event)
        return self._whole()

    def replies(self) -> list[Reply]:
        """As `reply`, all `n` answers."""
        self.reply()
        return [self._replies[choice] for choice in sorted(self._replies)]

    # ---- from an event loop ----

    async def events_async(self) -> AsyncIterator[Event]:
        """Every event, as it comes."""
        while await self._wait_async():
            event = self._take()
            if event is not None:
                yield event

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while await self._wait_async():
            event = self._take()
            if isinstance(event, Text) and event.text:
                return event.text
            self._raise(event)
        raise StopAsyncIteration

    async def _reply_async(self) -> Reply:
        while await self._wait_async():
            self._raise(self._take())
        return self._whole()

    def __await__(self) -> Generator[None, None, Reply]:
        return self._reply_async().__await__()

    # ---- the rest ----

    def _raise(self, event: Event | None) -> None:
        if isinstance(event, Done) and event.error is not None:
            raise event.error

    def _whole(self) -> Reply:
        return self._replies.setdefault(0, Reply())

    @property
    def text(self) -> str:
        """What was pulled so far, of the first answer."""
        return self._whole().text

    @property
    def done(self) -> Done | None:
        """How the first answer ended, once it has."""
        return self._whole().done

    def chunk(self, id: str = "") -> str:
        """The event that was pulled last, as the JSON of an OpenAI chunk."""
        return take_string(lib.qask_event_json, self._event[0], encode(id, "id"))

    def cancel(self) -> None:
        """Ends the generation soon, from any thread; what was said until then can still be read."""
        if self._on_cancel is not None:
            self._on_cancel()
        if self._pointer is not None:
            call(lib.qask_stream_cancel, self._pointer)

    def close(self) -> None:
        """Cancels the generation, if it runs, and frees the stream."""
        if self._on_cancel is not None and not self._ended:
            self._on_cancel()
        self._ended = True
        super().close()

    def __del__(self) -> None:
        # Dropped while it ran: that cancels it, and its chat may know.
        if getattr(self, "_on_cancel", None) is not None and not self._ended:
            self._on_cancel()  # type: ignore[misc]

    def _ipython_display_(self) -> None:
        from .notebook import show

        show(self)
