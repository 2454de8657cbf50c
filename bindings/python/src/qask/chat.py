"""A conversation: history, answers, answers of a type, tools."""

from __future__ import annotations

import inspect
import json
import os
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence, TypeVar, overload

from ._owned import Owned
from ._wait import Cancel, wait, wait_async
from .engine import flag_of, wait_for
from .errors import RangeError
from .options import AnswerOptions, RequestOptions, content
from .raw import call, encode, lib, make, take_string
from .request import Request, is_plain
from .schema import Schema
from .session import Saved, restorer, saver
from .stream import Stream
from .tools import Definition, Tool, ToolLike, as_tool, wrong

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._library import CData
    from .engine import Engine
    from .events import Reply, ToolCall

T = TypeVar("T")


class Chat(Owned):
    """A conversation over an engine: it keeps the messages, and every answer reuses what was computed for the ones
    before. One answer at a time; one owner.

    The options are those of every answer; a call's own options are for that answer only. After a cancelled answer (Ctrl-C,
    or a stream that was dropped) what was said is kept, and the chat goes on.
    """

    def __init__(
        self,
        engine: Engine,
        system: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] = (),
        **options: Unpack[RequestOptions],
    ) -> None:
        self._settings: dict[str, Any] = dict(options)
        self._applied: dict[str, Any] = dict(options)
        with Request(list(messages), **options) as request:
            super().__init__(make("chat", lib.qask_chat_new, engine._handle, request._handle), lib.qask_chat_free)
        # Not the engine itself: that is held by the library.
        self._cut = False
        if system is not None:
            self.system = system

    # ---- answers ----

    def stream(self, text: str, cancel: Cancel | None = None, **options: Unpack[RequestOptions]) -> Stream:
        """Says something, and gives the stream of the answer at once."""
        data = encode(text)
        self._prepare(options)
        return self._stream(lib.qask_chat_send, data, len(data), cancel=cancel)

    def send(self, text: str, cancel: Cancel | None = None, **options: Unpack[RequestOptions]) -> Reply:
        """Says something, and waits for the whole answer."""
        with self.stream(text, cancel, **options) as stream:
            return stream.reply()

    async def send_async(self, text: str, cancel: Cancel | None = None, **options: Unpack[RequestOptions]) -> Reply:
        """As `send`, for event loops."""
        await self._prepare_async(options)
        data = encode(text)
        return await self._stream(lib.qask_chat_send, data, len(data), cancel=cancel)

    def stream_message(
        self, message: Mapping[str, Any], cancel: Cancel | None = None, **options: Unpack[RequestOptions]
    ) -> Stream:
        """As `stream`, with any message in OpenAI's form, such as a tool's result."""
        data = encode(json.dumps(message))
        self._prepare(options)
        return self._stream(lib.qask_chat_send_message_json, data, len(data), cancel=cancel)

    def regenerate(self, cancel: Cancel | None = None, **options: Unpack[RequestOptions]) -> Stream:
        """Answers the last message again; a reply at the end of the history goes first."""
        self._prepare(options)
        return self._stream(lib.qask_chat_regenerate, cancel=cancel)

    def ask(self, schema: type[T], text: str, cancel: Cancel | None = None, **options: Unpack[RequestOptions]) -> T:
        """Says something, and waits for an answer of a type: a dataclass, a pydantic model, or anything else that
        pydantic can describe. `TooLong` when `max_tokens` or the context cut it short."""
        wanted = Schema(schema)
        ask = self._asker(text, wanted)
        self._prepare(options)
        try:
            return wanted.read(wait(ask, cancel))
        except BaseException:
            self._cut = True
            raise

    async def ask_async(
        self, schema: type[T], text: str, cancel: Cancel | None = None, **options: Unpack[RequestOptions]
    ) -> T:
        """As `ask`, for event loops."""
        wanted = Schema(schema)
        ask = self._asker(text, wanted)
        await self._prepare_async(options)
        try:
            return wanted.read(await wait_async(ask, cancel))
        except BaseException:
            self._cut = True
            raise

    def _asker(self, text: str, schema: Schema[T]) -> Callable[[CData], str]:
        said, data = encode(text), encode(schema.json)
        before = (self._handle, said, len(said), data, len(data))
        return lambda flag: take_string(lib.qask_chat_ask_json, *before, flag)

    # ---- tools ----

    def run(
        self,
        text: str,
        tools: Sequence[ToolLike],
        *,
        max_rounds: int = 8,
        errors: str = "raise",
        cancel: Cancel | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Reply:
        """Says something, calls the tools that the model asks for, and gives the answer that calls no more.

        Wrong arguments are told to the model. An exception of a tool is raised, or told to the model with
        `errors="tell"`; the history is whole either way. Calls of a tool that is only a definition are handed back: the
        reply has them, and `answer` goes on. After `max_rounds` rounds of calls the last reply is given as it is.
        """
        box = _Toolbox(tools, errors)
        reply = self.send(text, cancel, tools=box.tools, **options)
        for _ in range(max_rounds):
            if not box.can_answer(reply):
                break
            results = []
            for one in reply.tool_calls:
                result = box.call(one)
                if inspect.isawaitable(result):
                    if inspect.iscoroutine(result):
                        result.close()
                    raise TypeError(f"the tool {one.name} is a coroutine: use run_async")
                results.append(box.message(one, result))
            self._answer_first(results, box)
            with self.stream_message(results[-1], cancel, tools=box.tools, **options) as stream:
                reply = stream.reply()
        return reply

    async def run_async(
        self,
        text: str,
        tools: Sequence[ToolLike],
        *,
        max_rounds: int = 8,
        errors: str = "raise",
        cancel: Cancel | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Reply:
        """As `run`, for event loops; the tools may be coroutines."""
        box = _Toolbox(tools, errors)
        reply = await self.send_async(text, cancel, tools=box.tools, **options)
        for _ in range(max_rounds):
            if not box.can_answer(reply):
                break
            results = []
            for one in reply.tool_calls:
                result = box.call(one)
                if inspect.isawaitable(result):
                    try:
                        result = await result
                    except Exception as e:
                        result = box.failed(one, e)
                results.append(box.message(one, result))
            self._answer_first(results, box)
            await self._prepare_async({**options, "tools": box.tools})
            data = encode(json.dumps(results[-1]))
            reply = await self._stream(lib.qask_chat_send_message_json, data, len(data), cancel=cancel)
        return reply

    def answer(
        self, results: Mapping[ToolCall, Any], cancel: Cancel | None = None, **options: Unpack[RequestOptions]
    ) -> Reply:
        """Tells the model what its tool calls gave, and waits for its answer."""
        messages = [one.message(result) for one, result in results.items()]
        if not messages:
            raise RangeError("there are no results to answer with")
        for message in messages[:-1]:
            self.add(message)
        with self.stream_message(messages[-1], cancel, **options) as stream:
            return stream.reply()

    def _answer_first(self, results: list[dict[str, Any]], box: _Toolbox) -> None:
        """Adds all results but the last, which is sent; all of them when a tool's exception is due."""
        for message in results if box.raised is not None else results[:-1]:
            self.add(message)
        if box.raised is not None:
            raise box.raised

    # ---- settings ----

    def set(self, **options: Unpack[RequestOptions]) -> None:
        """Changes the options of the next answers; None takes one away."""
        self._settings.update(options)

    def _prepare(self, options: Mapping[str, Any]) -> None:
        self._settle()
        self._apply(options)

    async def _prepare_async(self, options: Mapping[str, Any]) -> None:
        await self._settle_async()
        self._apply(options)

    async def _settle_async(self) -> None:
        if self._cut:
            handle = self._handle
            await wait_async(lambda _: wait_for(lib.qask_chat_wait, handle, None))
            self._cut = False

    def _settle(self) -> None:
        """Waits for the end of an answer that was cancelled: it comes with the engine's step."""
        if self._cut:
            wait_for(lib.qask_chat_wait, self._handle, None)
            self._cut = False

    def _apply(self, options: Mapping[str, Any]) -> None:
        wanted: dict[str, Any] = {**self._settings, **options}
        if wanted != self._applied:
            with Request(**wanted) as request:
                call(lib.qask_chat_set_request, self._handle, request._handle)
            self._applied = wanted

    def _stream(self, function: Callable[..., int], *arguments: Any, cancel: Cancel | None) -> Stream:
        def cut() -> None:
            self._cut = True

        stream = make("stream", function, self._handle, *arguments, flag_of(cancel))
        return Stream(stream, on_cancel=cut, plain=is_plain(self._applied))

    # ---- history ----

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The history, in OpenAI's form: a copy."""
        return [self[i] for i in range(len(self))]

    def __len__(self) -> int:
        return lib.qask_chat_count(self._handle)

    def _index(self, index: int) -> int:
        found = index + len(self) if index < 0 else index
        if not 0 <= found < len(self):
            raise IndexError(f"there is no message {index}; there are {len(self)}")
        return found

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        text = take_string(lib.qask_chat_message_json_at, self._handle, self._index(index))
        found: dict[str, Any] = json.loads(text)
        return found

    def __setitem__(self, index: int, message: Mapping[str, Any]) -> None:
        self._settle()
        at = self._index(index)
        content(lib.qask_chat_set_message_json_at, self._handle, at, text=json.dumps(message), what="message")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.messages)

    def __bool__(self) -> bool:
        return True

    def cut_short(self, index: int) -> str | None:
        """Why the reply at `index` is not whole: "length", "cancelled" or "deadline"."""
        names = {
            lib.QASK_FINISH_LENGTH: "length",
            lib.QASK_FINISH_CANCELLED: "cancelled",
            lib.QASK_FINISH_DEADLINE: "deadline",
        }
        return names.get(lib.qask_chat_cut_short_at(self._handle, self._index(index)))

    @property
    def dropped_messages(self) -> int:
        """Messages that have left the history because they did not fit."""
        return lib.qask_chat_dropped_messages(self._handle)

    @property
    def busy(self) -> bool:
        """Whether an answer is being made."""
        return lib.qask_chat_is_busy(self._handle)

    @property
    def system(self) -> str | None:
        """The system message, which opens the conversation."""
        first = self[0] if len(self) else {}
        return str(first["content"]) if first.get("role") == "system" else None

    @system.setter
    def system(self, text: str) -> None:
        self._settle()
        content(lib.qask_chat_set_system, self._handle, text=text, what="system")

    def add(self, message: Mapping[str, Any]) -> None:
        """Adds a message in OpenAI's form, without asking for an answer."""
        self._settle()
        content(lib.qask_chat_add_message_json, self._handle, text=json.dumps(message), what="message")

    def drop_turn(self, index: int) -> None:
        """Takes out the turn that message `index` belongs to: a user's message with everything up to the next one."""
        self._settle()
        call(lib.qask_chat_drop_turn_at, self._handle, self._index(index))

    def clear(self) -> None:
        """Takes out every message but the system messages at the beginning."""
        self._settle()
        call(lib.qask_chat_clear, self._handle)

    def export_json(self) -> str:
        """The history as JSON, for `import_json`. Options are not in it."""
        self._settle()
        return take_string(lib.qask_chat_export, self._handle)

    def import_json(self, text: str) -> None:
        """Puts a history that `export_json` gave in the place of this one."""
        self._settle()
        content(lib.qask_chat_import, self._handle, text=text, what="chat")

    def save(
        self, path: str | os.PathLike[str], *, compress: bool = False, cancel: Cancel | None = None
    ) -> Saved:
        """Saves the history to a file, with what the engine has computed of it and still has. Options are not in it.
        `compress` makes a file about a tenth smaller, which takes longer."""
        self._settle()
        return wait(saver(lib.qask_chat_save, self._handle, path=path, compress=compress), cancel)

    async def save_async(
        self, path: str | os.PathLike[str], *, compress: bool = False, cancel: Cancel | None = None
    ) -> Saved:
        """As `save`, for event loops."""
        await self._settle_async()
        return await wait_async(saver(lib.qask_chat_save, self._handle, path=path, compress=compress), cancel)

    def restore(self, path: str | os.PathLike[str], *, cancel: Cancel | None = None) -> int:
        """Puts a history that `save` wrote in the place of this one. Gives the number of tokens that need not be computed
        again: 0 when the file had none, or running requests leave no room. After an error nothing has changed."""
        self._settle()
        return wait(restorer(lib.qask_chat_restore, self._handle, path=path), cancel)

    async def restore_async(self, path: str | os.PathLike[str], *, cancel: Cancel | None = None) -> int:
        """As `restore`, for event loops."""
        await self._settle_async()
        return await wait_async(restorer(lib.qask_chat_restore, self._handle, path=path), cancel)

    def fork(self) -> Self:
        """A copy that goes its own way from here."""
        self._settle()
        twin = type(self).__new__(type(self))
        Owned.__init__(twin, make("chat", lib.qask_chat_fork, self._handle), lib.qask_chat_free)
        twin._settings, twin._applied, twin._cut = dict(self._settings), dict(self._applied), False
        return twin

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until no answer is being made, at most `timeout` seconds; False when one still is. Any thread."""
        return wait_for(lib.qask_chat_wait, self._handle, timeout)

    def __repr__(self) -> str:
        return "<Chat, closed>" if self._pointer is None else f"<Chat: {len(self)} messages>"

    def _repr_html_(self) -> str:
        from .notebook import history

        return history(self)


class _Toolbox:
    """The tools of one run, by name."""

    def __init__(self, tools: Sequence[ToolLike], errors: str) -> None:
        if errors not in ("raise", "tell"):
            raise ValueError(f'errors must be "raise" or "tell", not {errors!r}')
        self.tools: list[ToolLike] = []
        self._by_name: dict[str, Tool | Definition] = {}
        for tool in map(as_tool, tools):
            self.tools.append(tool if isinstance(tool, Tool) else tool.definition)
            self._by_name[tool.name] = tool
        self._tell = errors == "tell"
        self.raised: Exception | None = None

    def can_answer(self, reply: Reply) -> bool:
        calls = reply.tool_calls
        return bool(calls) and all(isinstance(self._by_name.get(c.name), Tool) for c in calls)

    def call(self, one: ToolCall) -> Any:
        tool = self._by_name[one.name]
        assert isinstance(tool, Tool)
        try:
            arguments = tool.arguments(one)
        except ValueError as e:
            return wrong(one, e)
        try:
            return tool(**arguments)
        except Exception as e:
            return self.failed(one, e)

    def failed(self, one: ToolCall, error: Exception) -> str:
        if not self._tell:
            self.raised = self.raised or error
        return wrong(one, error)

    def message(self, one: ToolCall, result: Any) -> dict[str, Any]:
        return one.message(result)
