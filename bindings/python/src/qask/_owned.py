"""What every object that holds a handle has in common: closing, `with`, no copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NoReturn

from .errors import Closed
from .raw import ffi

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._library import CData


class Owned:
    """Holds one handle of the library, and frees it when it is closed or collected.

    The library counts what its objects hold of each other, so they may be closed and collected in any order.
    """

    def __init__(self, pointer: CData, free: Callable[[CData], None]) -> None:
        self._pointer: CData | None = ffi.gc(pointer, free)

    @property
    def _handle(self) -> CData:
        if self._pointer is None:
            raise Closed(f"this {type(self).__name__} is closed")
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._pointer is None

    def close(self) -> None:
        """Frees it now instead of when it is collected. Closing twice is fine."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            ffi.release(pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled or copied: make one in each process (with multiprocessing, "
            "use the start method 'spawn')"
        )

