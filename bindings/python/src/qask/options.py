"""Options by keyword: what there is, and how it reaches the library's setters.

An option is named as its setter in qask.h (`temperature` is `qask_request_set_temperature`), so a number or a truth value
needs no code here; what is a list, a name or a time does. The tests compare these classes with the header.
"""

from __future__ import annotations

import difflib
import json
import math
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Sequence, TypedDict, Union

from .errors import GrammarError
from .raw import call, encode, ffi, lib, name as c_name

if TYPE_CHECKING:
    from ._library import CData
    from .adapter import Adapter
    from .tools import ToolLike


class ModelOptions(TypedDict, total=False):
    """How a model is loaded; the units and defaults are those of `qask_model_options_set_…`."""

    gpu_layers: int
    main_gpu: int
    mmap: bool
    mlock: bool
    check_tensors: bool
    repack: bool
    memory_budget: int


class EngineOptions(TypedDict, total=False):
    """How an engine is set up: `qask_engine_options_set_…`."""

    n_ctx: int
    kv_tokens: int
    max_sequences: int
    max_queue: int
    n_batch: int
    n_ubatch: int
    threads: int
    threads_batch: int
    #: Fewer threads where that is faster, as beside busy programs. Default True.
    adapt_threads: bool
    #: "f16", "q8_0" or "q4_0".
    cache_type_k: str
    cache_type_v: str
    #: "auto", "off" or "on".
    flash_attention: str
    unified_kv: bool
    max_step_ms: int
    prefix_cache: bool
    deterministic: bool
    offload_kv: bool
    memory_budget: int
    #: A folder that keeps long prefixes for later processes, and how many bytes its files may take together.
    prefix_cache_dir: tuple[str | os.PathLike[str], int]
    #: In a process of its own, whose faults are errors here. Default False.
    isolated: bool
    #: The program that runs it; the wheel brings one.
    worker: str | os.PathLike[str]


class EmbedderOptions(TypedDict, total=False):
    """How an embedder is set up: `qask_embedder_options_set_…`."""

    #: "none", "mean", "cls", "last" or "rank".
    pooling: str
    normalize: bool
    dimensions: int
    max_tokens: int
    #: "refuse", "end" or "start".
    truncation: str
    batch_tokens: int
    max_sequences: int
    query_prefix: str
    document_prefix: str
    instruction: str
    threads: int
    adapt_threads: bool
    memory_budget: int


class ScorerOptions(TypedDict, total=False):
    """How a scorer is set up: `qask_scorer_options_set_…`."""

    max_tokens: int
    batch_tokens: int
    max_sequences: int
    special_tokens: bool
    threads: int
    adapt_threads: bool


class AnswerOptions(TypedDict, total=False):
    """How an answer is made: `qask_request_set_…` and `qask_request_add_…`. None is as if it were not given."""

    # How long, and how many.
    max_tokens: int | None
    min_tokens: int
    ignore_eos: bool
    n: int
    stop: str | Sequence[str]
    #: Seconds from submit until it ends with the reason "deadline".
    deadline: float | None
    #: "error", "shift" or "drop_oldest".
    context_policy: str
    shift_keep: int
    continue_final_message: bool
    # What comes with the text.
    top_logprobs: int | None
    return_tokens: bool
    # In the queue.
    priority: int
    cache_key: str
    # Sampling.
    temperature: float
    dynatemp_range: float
    dynatemp_exponent: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    top_n_sigma: float
    xtc_probability: float
    xtc_threshold: float
    dry_multiplier: float
    dry_base: float
    dry_allowed_length: int
    dry_penalty_last_n: int
    dry_sequence_breakers: Sequence[str]
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float
    penalty_last_n: int
    mirostat: int
    mirostat_tau: float
    mirostat_eta: float
    min_keep: int
    seed: int | None
    #: By token.
    logit_bias: Mapping[int, float]
    # What the answer must look like; the last one given counts.
    #: A JSON Schema, as a dictionary or as text.
    json_schema: Mapping[str, Any] | str
    #: JSON: True for any value, "object" for an object.
    json: bool | str
    json_whitespace: bool
    regex: str
    grammar: str
    lark: str
    choice: Sequence[str]
    constraint_trigger: str | Sequence[str]
    heal: bool
    # Tools and thoughts.
    #: "auto", "none", "required", or the name of a tool.
    tool_choice: str
    parallel_tool_calls: bool
    tool_format: str
    thinking: bool
    reasoning_budget: int | None
    split_reasoning: bool
    # The template.
    template: str
    template_variables: Mapping[str, Any]
    #: Adapters, or adapters with their scales.
    adapters: Sequence[Adapter] | Mapping[Adapter, float]


class RequestOptions(AnswerOptions, total=False):
    """As `AnswerOptions`, with the tools that the model may call: functions, or OpenAI's definitions."""

    tools: Sequence[ToolLike]


def names(prefix: str, words: str) -> dict[str, int]:
    """The numbers of constants of the header, by the last word of their names."""
    return {name: getattr(lib, prefix + name.upper()) for name in words.split()}


_CACHE = names("QASK_CACHE_", "f16 q8_0 q4_0")

#: Options that are a name here and a number there.
NAMES: dict[str, dict[str, int]] = {
    "cache_type_k": _CACHE,
    "cache_type_v": _CACHE,
    "flash_attention": names("QASK_FLASH_", "auto off on"),
    "pooling": names("QASK_POOLING_", "none mean cls last rank"),
    "truncation": names("QASK_TRUNCATE_", "refuse end start"),
    "context_policy": names("QASK_CONTEXT_", "error shift drop_oldest"),
}

PURPOSES = names("QASK_PURPOSE_", "plain query document")
TRIM_LEVELS = names("QASK_TRIM_", "cache context weights")
NORMALIZATIONS = names("QASK_NORMALIZE_", "none tokens bytes")


def number(numbers: Mapping[str, int], what: str, value: str) -> int:
    """The number that a name stands for."""
    if value not in numbers:
        raise ValueError(f"{what} must be one of {', '.join(numbers)}; it is {value!r}")
    return numbers[value]


Special = Callable[[Any, Any], None]


def _texts(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def content(function: Callable[..., int], *before: Any, text: str, what: str) -> None:
    """Calls a function whose last parameters are a text and its length."""
    data = encode(text, what)
    call(function, *before, data, len(data))


def _text(option: str, noun: str = "request") -> Special:
    """An option that is a text with a length."""
    return lambda options, value: content(getattr(lib, f"qask_{noun}_set_{option}"), options, text=value, what=option)


def _each(function: Callable[..., int], option: str) -> Special:
    """An option that is one or more texts."""

    def add(request: CData, value: Any) -> None:
        for text in _texts(value):
            content(function, request, text=text, what=option)

    return add


def _choice(request: CData, value: Sequence[str]) -> None:
    texts = _texts(value)
    if not texts:
        # The library would not learn that anything was asked.
        raise GrammarError("choice: it takes 1 to 10000 texts, there are none")
    for text in texts:
        content(lib.qask_request_add_choice, request, text=text, what="choice")


def _breakers(request: CData, value: Sequence[str]) -> None:
    texts = [ffi.new("char[]", c_name(text, "dry_sequence_breakers")) for text in value]
    call(lib.qask_request_set_dry_sequence_breakers, request, ffi.new("char *[]", texts), len(texts))


def _logit_bias(request: CData, value: Mapping[int, float]) -> None:
    for token, bias in value.items():
        call(lib.qask_request_add_logit_bias, request, int(token), bias)


def _schema(request: CData, value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    content(lib.qask_request_set_json_schema, request, text=text, what="json_schema")


def _json(request: CData, value: Any) -> None:
    if value not in (True, False, "object"):
        raise ValueError(f'json must be True, False or "object", not {value!r}')
    if value:
        call(lib.qask_request_set_json, request, value == "object")


def _tools(request: CData, value: Any) -> None:
    from .tools import as_tool

    for tool in value:
        text = json.dumps(as_tool(tool).definition)
        content(lib.qask_request_add_tool_json, request, text=text, what="tools")


def _tool_choice(request: CData, value: str) -> None:
    if value in ("auto", "none", "required"):
        call(lib.qask_request_set_tool_choice, request, c_name(value, "tool_choice"))
    else:
        call(lib.qask_request_set_tool_choice_function, request, c_name(value, "tool_choice"))


def _variables(request: CData, value: Mapping[str, Any]) -> None:
    for key, item in value.items():
        before = (request, c_name(key, "template_variables"))
        content(lib.qask_request_set_template_variable, *before, text=json.dumps(item), what=key)


def _adapters(request: CData, value: Any) -> None:
    pairs = value.items() if isinstance(value, Mapping) else [(adapter, 1.0) for adapter in value]
    call(lib.qask_request_clear_adapters, request)
    for adapter, scale in pairs:
        call(lib.qask_request_add_adapter, request, adapter._handle, scale)


def _prefix_cache_dir(options: CData, value: tuple[str | os.PathLike[str], int]) -> None:
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"prefix_cache_dir is a pair, a folder and a number of bytes; it is {value!r}")
    call(lib.qask_engine_options_set_prefix_cache_dir, options, c_name(value[0], "prefix_cache_dir"), value[1])


def _worker(options: CData, value: str | os.PathLike[str]) -> None:
    call(lib.qask_engine_options_set_worker, options, c_name(value, "worker"))


def _deadline(request: CData, value: float) -> None:
    call(lib.qask_request_set_deadline_ms, request, math.ceil(value * 1000))


#: Options that are more than a number, a truth value or one of NAMES.
SPECIAL: dict[str, Special] = {
    "stop": _each(lib.qask_request_add_stop, "stop"),
    "deadline": _deadline,
    "cache_key": lambda request, v: void(call(lib.qask_request_set_cache_key, request, c_name(v, "cache_key"))),
    "dry_sequence_breakers": _breakers,
    "logit_bias": _logit_bias,
    "json_schema": _schema,
    "json": _json,
    "regex": _text("regex"),
    "grammar": _text("grammar"),
    "lark": _text("lark"),
    "choice": _choice,
    "constraint_trigger": _each(lib.qask_request_add_constraint_trigger, "constraint_trigger"),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "tool_format": lambda request, v: void(call(lib.qask_request_set_tool_format, request, c_name(v, "tool_format"))),
    "template": _text("template"),
    "template_variables": _variables,
    "adapters": _adapters,
    "prefix_cache_dir": _prefix_cache_dir,
    "worker": _worker,
    "query_prefix": _text("query_prefix", "embedder_options"),
    "document_prefix": _text("document_prefix", "embedder_options"),
    "instruction": _text("instruction", "embedder_options"),
}


def void(_: object) -> None:
    """Makes an expression of a call whose status says nothing more."""


def apply(noun: str, pointer: CData, known: Any, values: Mapping[str, Any]) -> None:
    """Gives options to an object of the library, each by its setter."""
    fields = known.__optional_keys__
    for option, value in values.items():
        if option not in fields:
            near = difflib.get_close_matches(option, fields, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"there is no option {option}{hint}")
        if value is None:
            continue
        if option in SPECIAL:
            SPECIAL[option](pointer, value)
            continue
        setter = getattr(lib, f"qask_{noun}_set_{option}")
        if option in NAMES:
            value = number(NAMES[option], option, value)
        try:
            call(setter, pointer, value)
        except (TypeError, OverflowError) as e:
            # cffi names the type that it wanted, not the option.
            raise type(e)(f"{option}: {e}") from None


Messages = Union[str, Sequence[Mapping[str, Any]]]
