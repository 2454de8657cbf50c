"""How far a load is: a bar on stderr, or a function of the caller's."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import Callable, Iterator, Union

WIDTH = 30


class Bar:
    """A line on stderr, redrawn ten times a second at most."""

    def __init__(self) -> None:
        self.begin, self.drawn = time.monotonic(), 0.0

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if share < 1 and now - self.drawn < 0.1:
            return
        self.drawn = now
        full = round(share * WIDTH)
        sys.stderr.write(
            f"\rloading {100 * share:3.0f}%|{'█' * full}{' ' * (WIDTH - full)}| {now - self.begin:.1f}s"
        )
        sys.stderr.flush()

    def end(self) -> None:
        if self.drawn:
            sys.stderr.write("\n")


@contextmanager
def of(progress: Union[bool, Callable[[float], None], None]) -> Iterator[Callable[[float], None] | None]:
    """What is told the share, or nothing."""
    if callable(progress):
        yield progress
    elif progress:
        bar = Bar()
        try:
            yield bar
        finally:
            bar.end()
    else:
        yield None
