"""An engine: serves many requests at once over a model."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Callable, Literal, TypeVar

from ._owned import Owned
from ._wait import SLICE_MS, Cancel, in_main_thread, wait, wait_async
from .options import TRIM_LEVELS, EngineOptions, apply, number
from .raw import NULL, call, encode, lib, make, take_string
from .request import Request, as_request
from .schema import Schema
from .session import Saved, restorer, saver
from .stream import Stream

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._library import CData
    from .chat import Chat
    from .events import Reply
    from .model import Model
    from .options import Messages, RequestOptions

T = TypeVar("T")


@dataclass(frozen=True)
class Stats:
    """Figures of an engine at one moment; each is `qask_stats_<name>`."""

    queued: int
    active: int
    kv_tokens_total: int
    kv_tokens_used: int
    cached_tokens: int
    evictions: int
    preemptions: int
    submitted: int
    finished: int
    failed: int
    prompt_tokens: int
    reused_tokens: int
    disk_tokens: int
    output_tokens: int
    steps: int
    prompt_tokens_per_second: float
    output_tokens_per_second: float
    longest_step_us: int
    threads: int
    threads_batch: int
    threads_used: int
    threads_batch_used: int


def flag_of(cancel: Cancel | None) -> CData:
    return NULL if cancel is None else cancel._handle


def wait_for(function: Callable[..., int], handle: CData, timeout: float | None) -> bool:
    """Waits with a function `f(handle, timeout_ms, error)`, so that Ctrl-C works; False when the time is over."""
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        left = -1 if until is None else max(0, round((until - time.monotonic()) * 1000))
        if in_main_thread():
            left = SLICE_MS if left < 0 else min(left, SLICE_MS)
        if call(function, handle, left) != lib.QASK_TIMEOUT:
            return True
        if until is not None and time.monotonic() >= until:
            return False


class Engine(Owned):
    """Serves requests over a model, many at once. Any thread may use it, also while others do."""

    def __init__(self, model: Model, **options: Unpack[EngineOptions]) -> None:
        pointer = make("engine_options", lib.qask_engine_options_new)
        try:
            apply("engine_options", pointer, EngineOptions, options)
            engine = make("engine", lib.qask_engine_new, model._handle, pointer)
        finally:
            lib.qask_engine_options_free(pointer)
        super().__init__(engine, lib.qask_engine_free)

    # ---- answers ----

    def stream(
        self, request: Request | Messages, cancel: Cancel | None = None, **options: Unpack[RequestOptions]
    ) -> Stream:
        """Submits a request, and gives the stream of its answer at once."""
        made = as_request(request, options)
        handle = self._handle
        stream = make("stream", lib.qask_engine_submit, handle, made._handle, flag_of(cancel))
        return Stream(stream, handle, plain=made._plain)

    def generate(
        self, request: Request | Messages, cancel: Cancel | None = None, **options: Unpack[RequestOptions]
    ) -> Reply:
        """Waits for the whole answer. `await engine.stream(…)` does it in an event loop."""
        with self.stream(request, cancel, **options) as stream:
            return stream.reply()

    def ask(
        self,
        schema: type[T],
        request: Request | Messages,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> T:
        """Waits for an answer of a type: a dataclass, a pydantic model, or anything else that pydantic can describe."""
        made, wanted = as_request(request, options), Schema(schema)
        return wanted.read(wait(self._asker(made, wanted), cancel))

    async def ask_async(
        self,
        schema: type[T],
        request: Request | Messages,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> T:
        """As `ask`, for event loops."""
        made, wanted = as_request(request, options), Schema(schema)
        return wanted.read(await wait_async(self._asker(made, wanted), cancel))

    def _asker(self, request: Request, schema: Schema[T]) -> Callable[[CData], str]:
        data = encode(schema.json)
        before = (self._handle, request._handle, data, len(data))
        return lambda flag: take_string(lib.qask_engine_ask_json, *before, flag)

    def chat(self, system: str | None = None, **options: Unpack[RequestOptions]) -> Chat:
        """A conversation; the options are those of every answer."""
        from .chat import Chat

        return Chat(self, system, **options)

    # ---- prefixes ----

    def prewarm(self, request: Request | Messages, pin: bool = False, **options: Unpack[RequestOptions]) -> None:
        """Evaluates a prompt, so that later ones that begin with it start faster; with `pin` it stays until `unpin`."""
        made = as_request(request, options)
        with Stream(make("stream", lib.qask_engine_prewarm, self._handle, made._handle, pin), self._handle) as stream:
            stream.reply()

    def unpin(self) -> None:
        """Lets every pinned prefix be dropped when room is needed."""
        call(lib.qask_engine_unpin, self._handle)

    def save_prefix(
        self,
        path: str | os.PathLike[str],
        request: Request | Messages,
        *,
        compress: bool = False,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> Saved:
        """Computes what prompts that begin as this one have in common, and saves it to a file: of messages that is
        everything before the head of the answer. The request's adapters and cache key count. `compress` makes a file
        about a tenth smaller, which takes longer."""
        before = (self._handle, as_request(request, options)._handle)
        return wait(saver(lib.qask_engine_save_prefix, *before, path=path, compress=compress), cancel)

    async def save_prefix_async(
        self,
        path: str | os.PathLike[str],
        request: Request | Messages,
        *,
        compress: bool = False,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> Saved:
        """As `save_prefix`, for event loops."""
        before = (self._handle, as_request(request, options)._handle)
        return await wait_async(saver(lib.qask_engine_save_prefix, *before, path=path, compress=compress), cancel)

    def restore_prefix(
        self,
        path: str | os.PathLike[str],
        request: Request | Messages = (),
        *,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> int:
        """Puts a saved prefix where requests find it that begin with it and have the adapters and cache key of this
        one, whose prompt does not matter. Gives its number of tokens."""
        before = (self._handle, as_request(request, options)._handle)
        return wait(restorer(lib.qask_engine_restore_prefix, *before, path=path), cancel)

    async def restore_prefix_async(
        self,
        path: str | os.PathLike[str],
        request: Request | Messages = (),
        *,
        cancel: Cancel | None = None,
        **options: Unpack[RequestOptions],
    ) -> int:
        """As `restore_prefix`, for event loops."""
        before = (self._handle, as_request(request, options)._handle)
        return await wait_async(restorer(lib.qask_engine_restore_prefix, *before, path=path), cancel)

    # ---- the engine itself ----

    def set_threads(self, threads: int, threads_batch: int | None = None) -> None:
        """Changes the thread counts from the next step on."""
        call(lib.qask_engine_set_threads, self._handle, threads, threads if threads_batch is None else threads_batch)

    def pause(self, timeout: float | None = None) -> None:
        """Stops computing behind the current step, until `resume`, and waits until it rests; TimeoutError when it does not
        after `timeout` seconds, and it will all the same. Requests are taken and wait, cancels and deadlines hold."""
        if not wait_for(lib.qask_engine_pause, self._handle, timeout):
            raise TimeoutError(f"the engine did not rest within {timeout} s; it will soon")

    def resume(self) -> None:
        """Goes on after `pause`."""
        call(lib.qask_engine_resume, self._handle)

    def trim(self, level: Literal["cache", "context", "weights"] = "weights", timeout: float | None = None) -> None:
        """Lets go of memory, each level of that before it too: "cache" of kept prefixes, "context" of the whole context when
        nothing runs (a paused engine counts as that, and computes again what it needs), "weights" of pages of the model
        file. Waits until the current step is over; TimeoutError as in `pause`."""
        value = number(TRIM_LEVELS, "level", level)
        if not wait_for(lambda handle, ms, error: lib.qask_engine_trim(handle, value, ms, error), self._handle, timeout):
            raise TimeoutError(f"the engine was in a step for {timeout} s; it will let go behind it")

    @property
    def n_ctx(self) -> int:
        """Tokens that one sequence may hold."""
        return lib.qask_engine_n_ctx(self._handle)

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return lib.qask_engine_kv_tokens(self._handle)

    def stats(self) -> Stats:
        """Figures of this moment."""
        stats = make("stats", lib.qask_engine_stats, self._handle)
        try:
            return Stats(*(getattr(lib, f"qask_stats_{f.name}")(stats) for f in fields(Stats)))
        finally:
            lib.qask_stats_free(stats)

    def close(self, timeout: float | None = 0) -> None:
        """Ends what runs, and frees the engine; its chats and streams end with `Closed`. Waits until the memory is
        free, at most `timeout` seconds (None: for ever), and raises TimeoutError when it is not by then."""
        if self._pointer is None:
            return
        free = wait_for(lib.qask_engine_close, self._pointer, timeout)
        super().close()
        if not free and timeout:
            raise TimeoutError(f"the engine's memory was not free after {timeout} s; it will be soon")

    def __repr__(self) -> str:
        if self._pointer is None:
            return "<Engine, closed>"
        return f"<Engine: n_ctx {self.n_ctx}, kv_tokens {self.kv_tokens}>"
