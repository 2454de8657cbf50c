"""The raw layer: the functions and constants of qask.h as they are, and how a status becomes an exception.

cffi in ABI mode: a wheel needs no compiler and fits every CPython, and a call costs under a microsecond more than a
compiled one, where a token costs milliseconds. What ABI mode does not check, the C compiler's view of the header, is
made up for: `_cdef.py` is made from the committed header at build time, and the tests resolve every function of it.

Every call releases the GIL while it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from . import errors
from ._cdef import ffi as _ffi

if TYPE_CHECKING:
    from ._library import CData, Library
else:
    CData = Any

ffi: Any = _ffi
NULL: CData = ffi.NULL


def _path() -> str:
    """The library: the one in the package, or the one that QASK_LIBRARY names."""
    name = {"win32": "qask.dll", "darwin": "libqask.dylib"}.get(sys.platform, "libqask.so")
    return os.environ.get("QASK_LIBRARY") or str(Path(__file__).with_name(name))


def _open(path: str) -> Library:
    try:
        library: Library = ffi.dlopen(path)
    except OSError as e:
        raise ImportError(
            f"qask's library cannot be loaded: {e}. It is part of the wheel; QASK_LIBRARY names another one."
        ) from None
    try:
        found = library.qask_abi_version()
    except (AttributeError, ffi.error):
        raise ImportError(f"{path} is not qask's library: it has no qask_abi_version") from None
    if found < library.QASK_ABI_VERSION:
        raise ImportError(
            f"{path} has interface {found}, this package needs {library.QASK_ABI_VERSION}: install them together"
        )
    return library


lib: Library = _open(_path())

# The exception classes learn their numbers from the header.
errors.CODES.update(
    (getattr(lib, name), name.removeprefix("QASK_ERR_")) for name in dir(lib) if name.startswith("QASK_ERR_")
)


def text(pointer: CData, length: int) -> str:
    """The text of `length` bytes at a pointer of the library."""
    found: bytes = ffi.unpack(pointer, length)
    # Always whole UTF-8 from the library; metadata of a damaged model is the one thing that could be anything.
    return found.decode("utf-8", "replace")


def read(getter: Callable[..., CData], *arguments: CData) -> str | None:
    """What a getter `const char *f(…, size_t *length)` gives."""
    length = ffi.new("size_t *")
    pointer = getter(*arguments, length)
    return None if pointer == NULL else text(pointer, length[0])


def take_error(error: CData) -> errors.QaskError:
    """The exception that a `qask_error *` is; frees it."""
    code = lib.qask_error_code(error)
    message = read(lib.qask_error_message, error) or ""
    lib.qask_error_free(error)
    return errors.make(code, message)


def call(function: Callable[..., int], *arguments: Any) -> int:
    """Calls a function that can fail; gives its status, or raises what it reported."""
    error = ffi.new("qask_error **")
    status = function(*arguments, error)
    if status >= 100:
        if error[0] == NULL:
            raise errors.make(status, "")
        raise take_error(error[0])
    return status


def make(noun: str, function: Callable[..., int], *arguments: Any) -> CData:
    """Calls a function whose last parameter but the error is `qask_<noun> **out`, and gives what it put there."""
    out = ffi.new(f"qask_{noun} **")
    call(function, *arguments, out)
    return out[0]


def take_string(function: Callable[..., int], *arguments: Any) -> str:
    """As `make`, for a `qask_string`: its text; frees it."""
    string = make("string", function, *arguments)
    try:
        return read(lib.qask_string_data, string) or ""
    finally:
        lib.qask_string_free(string)


def encode(value: str, what: str = "text") -> bytes:
    """UTF-8, with an error that names the argument."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as e:
        raise errors.Utf8Error(f"{what}: {e.reason} at character {e.start}") from None


def name(value: str | os.PathLike[str], what: str) -> bytes:
    """A name or path, NUL-terminated for C: one with a NUL inside would be cut there."""
    found = encode(os.fspath(value), what)
    if b"\0" in found:
        raise errors.RangeError(f"{what} holds a NUL character")
    return found
