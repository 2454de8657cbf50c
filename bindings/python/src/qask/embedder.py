"""Texts to vectors, and queries with documents to scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

from ._owned import Owned
from ._wait import Cancel, wait, wait_async
from .engine import wait_for
from .errors import RangeError
from .facts import pointers
from .options import NAMES, PURPOSES, EmbedderOptions, apply, number
from .raw import call, encode, ffi, lib, make

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from ._library import CData
    from .model import Model

    Vectors = NDArray[np.float32]


def _purpose(name: str) -> int:
    return number(PURPOSES, "purpose", name)


def _array(*shape: int) -> tuple[Vectors, CData]:
    """An array, and the pointer to its memory: the library writes there, nothing is copied."""
    import numpy as np

    array = np.empty(shape, dtype=np.float32)
    return array, ffi.from_buffer("float[]", array, require_writable=True)


class Embedder(Owned):
    """Turns texts into vectors, or a query and documents into scores. Any thread; a call waits for its result."""

    def __init__(self, model: Model, **options: Unpack[EmbedderOptions]) -> None:
        pointer = make("embedder_options", lib.qask_embedder_options_new)
        try:
            apply("embedder_options", pointer, EmbedderOptions, options)
            embedder = make("embedder", lib.qask_embedder_new, model._handle, pointer)
        finally:
            lib.qask_embedder_options_free(pointer)
        super().__init__(embedder, lib.qask_embedder_free)

    def embed(self, texts: str | Sequence[str], purpose: str = "plain", cancel: Cancel | None = None) -> Vectors:
        """One vector for each text, as the rows of a float32 array; of a single text, the vector.

        `purpose` is "plain", "query" or "document": models may put different prefixes before them.
        """
        work, vectors = self._embed(texts, purpose)
        wait(work, cancel)
        return vectors[0] if isinstance(texts, str) else vectors

    async def embed_async(
        self, texts: str | Sequence[str], purpose: str = "plain", cancel: Cancel | None = None
    ) -> Vectors:
        """As `embed`, for event loops."""
        work, vectors = self._embed(texts, purpose)
        await wait_async(work, cancel)
        return vectors[0] if isinstance(texts, str) else vectors

    def _embed(self, texts: str | Sequence[str], purpose: str) -> tuple[Callable[[CData], Any], Vectors]:
        data = [encode(t) for t in ([texts] if isinstance(texts, str) else texts)]
        vectors, out = _array(len(data), self.dimensions)
        array, lengths, kept = pointers(data)
        handle, role = self._handle, _purpose(purpose)

        def work(flag: CData) -> Any:
            # `kept` is what the array points to, `out` holds the vectors.
            call(lib.qask_embedder_embed, handle, array, lengths, len(kept), role, flag, out, vectors.size)

        return (work if data else lambda flag: None), vectors

    def embed_tokens(self, text: str, purpose: str = "plain", cancel: Cancel | None = None) -> Vectors:
        """One vector for each token of a text. Needs an embedder with `pooling="none"`."""
        data, role, handle = encode(text), _purpose(purpose), self._handle
        # Counted first, since a wrong size would show only after the text was computed.
        vectors, out = _array(self.count_tokens(text, purpose), self.dimensions)
        count = ffi.new("size_t *")
        before = (handle, data, len(data), role)
        wait(lambda flag: call(lib.qask_embedder_embed_tokens, *before, flag, out, vectors.size, count), cancel)
        return vectors[: count[0]]

    def rerank(self, query: str, documents: Sequence[str], cancel: Cancel | None = None) -> Vectors:
        """A score for each document: the higher, the better it answers the query; the scale is the model's."""
        if isinstance(documents, str):
            raise RangeError("documents must be a list of texts, not one text")
        asked, data = encode(query, "query"), [encode(d) for d in documents]
        scores, out = _array(len(data))
        array, lengths, kept = pointers(data)
        before = (self._handle, asked, len(asked), array, lengths, len(kept))
        if data:
            wait(lambda flag: call(lib.qask_embedder_rerank, *before, flag, out, len(kept)), cancel)
        return scores

    def count_tokens(self, text: str, purpose: str = "plain") -> int:
        """How many tokens a text has as an input, with everything that is put around it."""
        data, count = encode(text), ffi.new("size_t *")
        call(lib.qask_embedder_count_tokens, self._handle, data, len(data), _purpose(purpose), count)
        return int(count[0])

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return lib.qask_embedder_dimensions(self._handle)

    @property
    def max_tokens(self) -> int:
        """Tokens that a text may have."""
        return lib.qask_embedder_max_tokens(self._handle)

    @property
    def pooling(self) -> str:
        """ "none", "mean", "cls", "last" or "rank"."""
        found = lib.qask_embedder_pooling(self._handle)
        return next((name for name, value in NAMES["pooling"].items() if value == found), "unknown")

    def close(self, timeout: float | None = 0) -> None:
        """Ends calls that wait with `Closed`, and frees it. Waits until the memory is free, at most `timeout` seconds
        (None: for ever), and raises TimeoutError when it is not by then."""
        if self._pointer is None:
            return
        free = wait_for(lib.qask_embedder_close, self._pointer, timeout)
        super().close()
        if not free and timeout:
            raise TimeoutError(f"the embedder's memory was not free after {timeout} s; it will be soon")

    def __repr__(self) -> str:
        if self._pointer is None:
            return "<Embedder, closed>"
        return f"<Embedder: {self.dimensions} dimensions, {self.pooling}, {self.max_tokens} tokens>"
