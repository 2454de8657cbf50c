"""What a stream yields, and what becomes of it: events, usage, and the whole answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from . import errors
from .raw import NULL, ffi, lib, read

if TYPE_CHECKING:
    from ._library import CData


@dataclass(frozen=True)
class Logprob:
    """How likely a token was: the natural logarithm of its probability."""

    token: int
    logprob: float
    #: The likeliest tokens at its place, best first.
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Text:
    """New text: always whole characters."""

    text: str
    choice: int = 0
    tokens: tuple[int, ...] = ()
    logprobs: tuple[Logprob, ...] = ()


@dataclass(frozen=True)
class Reasoning:
    """New thoughts, of a model that thinks before it answers."""

    text: str
    choice: int = 0
    tokens: tuple[int, ...] = ()
    logprobs: tuple[Logprob, ...] = ()


@dataclass(frozen=True)
class ToolCallDelta:
    """More of a tool call that is on its way: a preview."""

    index: int
    id: str
    name: str
    arguments: str
    choice: int = 0


@dataclass(frozen=True)
class ToolCall:
    """A complete tool call."""

    index: int
    id: str
    name: str
    #: The arguments as JSON text: an object.
    json: str
    choice: int = 0

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, by name."""
        found: dict[str, Any] = json.loads(self.json)
        return found

    def message(self, result: Any) -> dict[str, Any]:
        """The message that tells the model what the tool gave: a text as it is, anything else as JSON."""
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
        return {"role": "tool", "tool_call_id": self.id, "content": text}

    def __str__(self) -> str:
        return f"{self.name}({self.json})"


@dataclass(frozen=True)
class Usage:
    """What an answer cost. Times are in seconds."""

    prompt_tokens: int
    #: Of the prompt, how many came from the prefix cache.
    cached_tokens: int
    output_tokens: int
    #: Of the output, how many a constraint left no choice for.
    forced_tokens: int
    #: Of the output, how many were thought.
    reasoning_tokens: int
    #: How often it was put back into the queue for room.
    preemptions: int
    #: Messages that were left out of the prompt.
    dropped_messages: int
    queue: float
    prefill: float
    first_token: float
    decode: float

    @property
    def tokens_per_second(self) -> float:
        """New tokens a second, from the second on."""
        return max(self.output_tokens - 1, 0) / self.decode if self.decode > 0 else 0.0


@dataclass(frozen=True)
class Done:
    """The end of one choice."""

    #: "stop", "length", "tool_calls", "cancelled", "deadline" or "error".
    finish_reason: str
    usage: Usage
    seed: int
    #: What went wrong, when the reason is "error".
    error: errors.QaskError | None = None
    choice: int = 0


Event = Union[Text, Reasoning, ToolCallDelta, ToolCall, Done]


@dataclass
class Reply:
    """A whole answer. `str(reply)` is its text."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    done: Done | None = None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[Logprob] = field(default_factory=list)

    @property
    def finish_reason(self) -> str:
        """Why it ended; see `Done`."""
        return self.done.finish_reason if self.done else ""

    @property
    def usage(self) -> Usage | None:
        """What it cost."""
        return self.done.usage if self.done else None

    def __str__(self) -> str:
        return self.text

    def message(self) -> dict[str, Any]:
        """As an assistant's message in OpenAI's form."""
        calls = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.json}} for c in self.tool_calls
        ]
        message: dict[str, Any] = {"role": "assistant", "content": self.text if self.text or not calls else None}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if calls:
            message["tool_calls"] = calls
        return message

    def _repr_markdown_(self) -> str:
        return self.text


def _tokens(event: CData) -> tuple[int, ...]:
    count = ffi.new("size_t *")
    pointer = lib.qask_event_tokens(event, count)
    return () if pointer == NULL else tuple(ffi.unpack(pointer, count[0]))


def _logprobs(event: CData) -> tuple[Logprob, ...]:
    count = lib.qask_event_logprob_count(event)
    if count == 0:
        return ()
    token, value = ffi.new("int32_t *"), ffi.new("float *")
    found = []
    for i in range(count):
        lib.qask_event_logprob_at(event, i, token, value)
        one, likely = token[0], value[0]
        top: list[tuple[int, float]] = []
        while lib.qask_event_top_logprob_at(event, i, len(top), token, value):
            top.append((token[0], value[0]))
        found.append(Logprob(one, likely, tuple(top)))
    return tuple(found)


def _usage(event: CData) -> Usage:
    def seconds(microseconds: int) -> float:
        return microseconds / 1e6

    return Usage(
        lib.qask_event_prompt_tokens(event),
        lib.qask_event_cached_tokens(event),
        lib.qask_event_output_tokens(event),
        lib.qask_event_forced_tokens(event),
        lib.qask_event_reasoning_tokens(event),
        lib.qask_event_preemptions(event),
        lib.qask_event_dropped_messages(event),
        seconds(lib.qask_event_queue_us(event)),
        seconds(lib.qask_event_prefill_us(event)),
        seconds(lib.qask_event_first_token_us(event)),
        seconds(lib.qask_event_decode_us(event)),
    )


def _done(event: CData) -> Done:
    reason = ffi.string(lib.qask_event_finish_reason_name(event)).decode()
    code = lib.qask_event_error_code(event)
    error = None
    if lib.qask_event_finish_reason(event) == lib.QASK_FINISH_ERROR:
        error = errors.make(code, read(lib.qask_event_error_message, event) or "")
    return Done(reason, _usage(event), lib.qask_event_seed(event), error, lib.qask_event_choice(event))


_TEXT, _REASONING = lib.QASK_EVENT_TEXT, lib.QASK_EVENT_REASONING


def from_library(event: CData, plain: bool = False) -> Event | None:
    """The event that the library lent, as an object of our own; None for a kind that this version does not know. A plain
    one is of a request that asked for text alone: each call gives up the GIL, which other readers wait for."""
    kind = lib.qask_event_type(event)
    if kind in (_TEXT, _REASONING):
        make = Text if kind == _TEXT else Reasoning
        text = read(lib.qask_event_text, event) or ""
        if plain:
            return make(text)
        return make(text, lib.qask_event_choice(event), _tokens(event), _logprobs(event))
    if kind == lib.QASK_EVENT_DONE:
        return _done(event)
    if kind in (lib.QASK_EVENT_TOOL_CALL, lib.QASK_EVENT_TOOL_CALL_DELTA):
        call = ToolCall if kind == lib.QASK_EVENT_TOOL_CALL else ToolCallDelta
        return call(
            lib.qask_event_tool_index(event),
            read(lib.qask_event_tool_id, event) or "",
            read(lib.qask_event_tool_name, event) or "",
            read(lib.qask_event_tool_arguments, event) or "",
            lib.qask_event_choice(event),
        )
    return None
