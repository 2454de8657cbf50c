"""Saved state: what chats and prefixes have in common when they go to a file and come back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from .raw import call, ffi, lib, make, name as c_name

if TYPE_CHECKING:
    from ._library import CData


@dataclass(frozen=True)
class Saved:
    """What a file holds."""

    #: Tokens that need not be computed again when it is restored.
    tokens: int
    #: Its size.
    bytes: int


def saver(
    function: Callable[..., int], *before: Any, path: str | os.PathLike[str], compress: bool
) -> Callable[[CData], Saved]:
    """The call `f(…, path, save_options, cancel, saved_tokens, saved_bytes, error)`."""
    where = c_name(path, "path")
    options = ffi.gc(make("save_options", lib.qask_save_options_new), lib.qask_save_options_free)
    call(lib.qask_save_options_set_compress, options, compress)
    tokens, size = ffi.new("uint64_t *"), ffi.new("uint64_t *")

    def save(flag: CData) -> Saved:
        call(function, *before, where, options, flag, tokens, size)
        return Saved(int(tokens[0]), int(size[0]))

    return save


def restorer(function: Callable[..., int], *before: Any, path: str | os.PathLike[str]) -> Callable[[CData], int]:
    """The call `f(…, path, cancel, restored_tokens, error)`."""
    where, tokens = c_name(path, "path"), ffi.new("uint64_t *")

    def restore(flag: CData) -> int:
        call(function, *before, where, flag, tokens)
        return int(tokens[0])

    return restore
