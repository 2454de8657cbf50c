"""A language model inside your program.

    import qask

    m = qask.Model("model.gguf")
    for piece in m.chat().stream("Hello!"):
        print(piece, end="", flush=True)

Models, engines, embedders, scorers, plans and adapters may be used by any thread, at the same time; a chat, a request and a stream by
one at a time. Nothing here holds the GIL while it waits. A process that forked after qask was used gets `qask.Forked`
in the child: start processes with "spawn".
"""

from __future__ import annotations

from . import errors, raw
from ._wait import Cancel
from .adapter import Adapter
from .chat import Chat
from .embedder import Embedder
from .engine import Engine, Stats
from .errors import (
    ArgumentError,
    Busy,
    Cancelled,
    ChecksumError,
    Closed,
    ContextFull,
    DeadlinePassed,
    EngineFault,
    FileError,
    Forked,
    GenerationError,
    GrammarError,
    HandleError,
    InternalError,
    InvalidModel,
    JsonError,
    MediaError,
    ModelError,
    ModelNotFound,
    NetworkError,
    NullError,
    OutOfMemory,
    Panic,
    QaskError,
    QueueFull,
    RangeError,
    StateInvalid,
    StateMismatch,
    StorageError,
    TemplateError,
    TooLarge,
    TooLong,
    Unsupported,
    UnsupportedArchitecture,
    Utf8Error,
)
from .events import Done, Event, Logprob, Reasoning, Reply, Text, ToolCall, ToolCallDelta, Usage
from .facts import Inspection, inspect
from .log import log_to_python
from .model import Model
from .options import AnswerOptions, EmbedderOptions, EngineOptions, ModelOptions, RequestOptions, ScorerOptions
from .plan import DevicePlan, Plan
from .request import Request
from .scorer import Perplexity, Score, Scorer, Scores
from .session import Saved
from .stream import Stream
from .tools import Tool

#: The library's version and the kernels that it chose for this CPU, such as "0.1.0+cpu.v3".
__version__: str = raw.ffi.string(raw.lib.qask_version()).decode()


def supports(feature: str) -> bool:
    """Whether this build can do something: "cuda", "metal", "vulkan", "rocm", "opencl", "native"."""
    return raw.lib.qask_supports(raw.name(feature, "feature"))


def live_handles() -> int:
    """How many objects of the library are alive in this process: 0 when everything was closed or collected."""
    return raw.lib.qask_live_handles()


__all__ = [
    "AnswerOptions",
    "Adapter",
    "ArgumentError",
    "Busy",
    "Cancel",
    "Cancelled",
    "Chat",
    "ChecksumError",
    "Closed",
    "ContextFull",
    "DeadlinePassed",
    "DevicePlan",
    "Done",
    "Embedder",
    "EmbedderOptions",
    "Engine",
    "EngineFault",
    "EngineOptions",
    "Event",
    "FileError",
    "Forked",
    "GenerationError",
    "GrammarError",
    "HandleError",
    "Inspection",
    "InternalError",
    "InvalidModel",
    "JsonError",
    "Logprob",
    "MediaError",
    "Model",
    "ModelError",
    "ModelNotFound",
    "ModelOptions",
    "NetworkError",
    "NullError",
    "OutOfMemory",
    "Panic",
    "Perplexity",
    "Plan",
    "QaskError",
    "QueueFull",
    "RangeError",
    "Reasoning",
    "Reply",
    "Request",
    "RequestOptions",
    "Saved",
    "Score",
    "Scorer",
    "ScorerOptions",
    "Scores",
    "StateInvalid",
    "StateMismatch",
    "Stats",
    "StorageError",
    "Stream",
    "TemplateError",
    "Text",
    "TooLarge",
    "TooLong",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Unsupported",
    "UnsupportedArchitecture",
    "Usage",
    "Utf8Error",
    "__version__",
    "errors",
    "inspect",
    "live_handles",
    "log_to_python",
    "raw",
    "supports",
]
