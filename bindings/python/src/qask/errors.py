"""Exceptions: one class for each code of qask.h, in groups of a hundred, each with its code and message."""

from __future__ import annotations

from typing import Any


class QaskError(Exception):
    """Anything that qask reports."""

    #: The status, one of `QASK_ERR_…` of the header.
    code: int
    #: Its name, such as "RANGE".
    name: str
    #: What was wrong, where, and what to do.
    message: str

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is None:
            code = next((c for c, n in CODES.items() if CLASSES.get(n) is type(self)), 0)
        self.code = code
        self.name = CODES.get(code, "UNKNOWN")

    def __str__(self) -> str:
        return self.message or self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return (make, (self.code, self.message))


class ArgumentError(QaskError, ValueError):
    """A call that cannot be served as it is (100s)."""


class NullError(ArgumentError):
    """A required value is missing."""


class Utf8Error(ArgumentError):
    """Text that is not valid UTF-8."""


class RangeError(ArgumentError):
    """A value outside of what is allowed."""


class HandleError(ArgumentError):
    """An object that is gone."""


class Busy(ArgumentError):
    """The object is in use: an answer is being made, or another thread uses it."""


class Closed(ArgumentError):
    """The object was closed."""


class Forked(ArgumentError):
    """The process forked after qask was used; the child must not use it. Start processes with "spawn"."""


class JsonError(ArgumentError):
    """JSON that does not parse, or does not describe what was expected."""


class ModelError(QaskError):
    """A model that cannot be used (200s)."""


class ModelNotFound(ModelError, FileNotFoundError):
    """No such file."""


class InvalidModel(ModelError):
    """The file is not a model that can be used."""


class UnsupportedArchitecture(ModelError):
    """A model of an architecture that the engine does not know."""


class TooLarge(ModelError):
    """It does not fit into memory."""


class TemplateError(ModelError):
    """The chat template is missing, does not compile, or failed."""


class GenerationError(QaskError):
    """A generation that failed (300s)."""


class ContextFull(GenerationError):
    """The prompt does not fit into the context."""


class GrammarError(GenerationError):
    """The grammar, schema or regular expression is not usable."""


class TooLong(GenerationError):
    """A text is longer than what can be processed, or an answer was cut short."""


class MediaError(GenerationError):
    """An image or a sound cannot be decoded."""


class Cancelled(GenerationError):
    """Cancelled by the caller."""


class DeadlinePassed(GenerationError, TimeoutError):
    """The deadline passed."""


class QueueFull(GenerationError):
    """The engine's queue is full: try again later."""


class StorageError(QaskError):
    """Reading, writing or saved state (400s)."""


class FileError(StorageError, OSError):
    """Reading or writing failed."""


class StateInvalid(StorageError):
    """Saved state that is damaged."""


class StateMismatch(StorageError):
    """Saved state of another model or another build."""


class ChecksumError(StorageError):
    """A checksum does not match."""


class NetworkError(StorageError):
    """A download failed."""


class InternalError(QaskError):
    """qask or its engine failed (900s)."""


class Panic(InternalError):
    """A bug in qask."""


class EngineFault(InternalError):
    """llama.cpp failed inside: this engine is poisoned, others are not. Make a new one."""


class Unsupported(InternalError):
    """This build, this machine or this model cannot do it."""


class OutOfMemory(InternalError, MemoryError):
    """Memory could not be allocated."""


#: Names by number, from the header; filled by `qask.raw`.
CODES: dict[int, str] = {}

#: Classes by name.
CLASSES: dict[str, type[QaskError]] = {
    "NULL": NullError,
    "UTF8": Utf8Error,
    "RANGE": RangeError,
    "HANDLE": HandleError,
    "BUSY": Busy,
    "CLOSED": Closed,
    "FORKED": Forked,
    "JSON": JsonError,
    "NOT_FOUND": ModelNotFound,
    "INVALID": InvalidModel,
    "UNSUPPORTED_ARCH": UnsupportedArchitecture,
    "TOO_LARGE": TooLarge,
    "TEMPLATE": TemplateError,
    "CONTEXT_FULL": ContextFull,
    "GRAMMAR": GrammarError,
    "TOO_LONG": TooLong,
    "MEDIA": MediaError,
    "CANCELLED": Cancelled,
    "DEADLINE": DeadlinePassed,
    "QUEUE_FULL": QueueFull,
    "IO": FileError,
    "STATE_INVALID": StateInvalid,
    "STATE_MISMATCH": StateMismatch,
    "CHECKSUM": ChecksumError,
    "NETWORK": NetworkError,
    "PANIC": Panic,
    "ENGINE_FAULT": EngineFault,
    "UNSUPPORTED": Unsupported,
    "OUT_OF_MEMORY": OutOfMemory,
}

_GROUPS: dict[int, type[QaskError]] = {
    1: ArgumentError,
    2: ModelError,
    3: GenerationError,
    4: StorageError,
    9: InternalError,
}


def make(code: int, message: str) -> QaskError:
    """The exception for a status: of its own class, or of its hundred when this version does not know it."""
    kind = CLASSES.get(CODES.get(code, ""), _GROUPS.get(code // 100, QaskError))
    # A forked child gets a code without words.
    return kind(message or kind.__doc__ or "", code)
