"""The test hooks of the library (tests/c/qask_test.h), for a process that loaded one which has them."""

from __future__ import annotations

import re
from typing import Any

import cffi

from conftest import REPOSITORY
from qask import raw

_TYPES = "typedef int32_t qask_status; " + "".join(
    f"typedef void qask_{noun}; " for noun in ("engine", "error", "stream", "string")
)


def _load() -> Any:
    header = (REPOSITORY / "tests/c/qask_test.h").read_text()
    ffi.cdef(_TYPES + re.sub(r"/\*[\s\S]*?\*/|^#.*$", "", header, flags=re.M))
    return ffi.dlopen(raw._path())


ffi: Any = cffi.FFI()
lib: Any = _load()


def there(pointer: Any) -> Any:
    """A pointer of qask's cffi in this one."""
    return ffi.cast("void *", int(raw.ffi.cast("uintptr_t", pointer)))


def back(pointer: Any, kind: str) -> Any:
    return raw.ffi.cast(kind, int(ffi.cast("uintptr_t", pointer)))


def call(name: str, *arguments: Any) -> None:
    """Calls a hook, and raises what it reports."""
    error = ffi.new("qask_error **")
    if getattr(lib, name)(*arguments, error) >= 100:
        raise raw.take_error(back(error[0], "qask_error *"))
