"""The library's log, to Python's: loggers "qask" and "qask.engine". Lines never hold prompts or outputs."""

from __future__ import annotations

import atexit
import logging
import threading
from typing import TYPE_CHECKING, Any

from .raw import NULL, call, ffi, lib, text

if TYPE_CHECKING:
    from ._library import CData

_LEVELS = {
    lib.QASK_LOG_ERROR: logging.ERROR,
    lib.QASK_LOG_WARN: logging.WARNING,
    lib.QASK_LOG_INFO: logging.INFO,
    lib.QASK_LOG_DEBUG: logging.DEBUG,
}
_NAMES = {"error": lib.QASK_LOG_ERROR, "warn": lib.QASK_LOG_WARN, "info": lib.QASK_LOG_INFO, "debug": lib.QASK_LOG_DEBUG}

#: What the library holds: callbacks must live until `destroy` was called.
_held: dict[int, tuple[Any, Any, threading.Event]] = {}
_count = 0


def log_to_python(level: str | None) -> None:
    """Sends the library's log to `logging`, from a level on: "error", "warn", "info" or "debug"; None ends it."""
    global _count
    if level is None:
        call(lib.qask_log_set, lib.QASK_LOG_OFF, NULL, NULL, NULL)
        return
    if level not in _NAMES:
        raise ValueError(f"level must be one of {', '.join(_NAMES)} or None; it is {level!r}")
    _count += 1
    number, gone = _count, threading.Event()

    @ffi.callback("void(void *, int32_t, const char *, const char *, size_t)")  # type: ignore[untyped-decorator]
    def line(_: CData, severity: int, target: CData, message: CData, length: int) -> None:
        source = ffi.string(target).decode("utf-8", "replace")
        logger = logging.getLogger("qask" if source == "qask" else f"qask.{source}")
        logger.log(_LEVELS.get(severity, logging.INFO), "%s", text(message, length))

    @ffi.callback("void(void *)")  # type: ignore[untyped-decorator]
    def destroy(_: CData) -> None:
        gone.set()

    _held[number] = (line, destroy, gone)
    call(lib.qask_log_set, _NAMES[level], line, NULL, destroy)
    for old in [n for n, (_, _, event) in _held.items() if event.is_set()]:
        del _held[old]


@atexit.register
def _end() -> None:
    # No line may come into an interpreter that is gone.
    if _held:
        lib.qask_log_set(lib.QASK_LOG_OFF, NULL, NULL, NULL, NULL)
        for _, _, gone in list(_held.values()):
            gone.wait(2)
