"""What a model file says of itself: the same questions to a loaded model and to one that was only looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._owned import Owned
from .raw import NULL, ffi, lib, make, name as c_name, read

if TYPE_CHECKING:
    import os


class Metadata(Mapping[str, str]):
    """Metadata keys and values, as text."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __getitem__(self, key: str) -> str:
        value = read(self._facts._get("metadata"), self._facts._handle, c_name(key, "key"))
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        for i in range(len(self)):
            yield ffi.string(self._facts._get("metadata_key_at")(self._facts._handle, i)).decode("utf-8", "replace")

    def __len__(self) -> int:
        return int(self._facts._get("metadata_count")(self._facts._handle))

    def __repr__(self) -> str:
        return f"Metadata({len(self)} keys)"


class Facts(Owned):
    """The facts of a model file."""

    #: The noun of the header: functions are qask_<noun>_<fact>.
    _noun = ""

    def _get(self, fact: str) -> Any:
        return getattr(lib, f"qask_{self._noun}_{fact}")

    def _number(self, fact: str) -> int:
        return int(self._get(fact)(self._handle))

    @property
    def architecture(self) -> str:
        """The architecture, such as "qwen2"."""
        return read(self._get("architecture"), self._handle) or ""

    @property
    def name(self) -> str | None:
        """The model's own name."""
        return read(self._get("name"), self._handle)

    @property
    def quantization(self) -> str:
        """How the weights are stored, such as "Q4_K_M"."""
        return read(self._get("quantization"), self._handle) or ""

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return self._number("parameters")

    @property
    def context_length(self) -> int:
        """Tokens that the model was trained for."""
        return self._number("context_length")

    @property
    def vocabulary_size(self) -> int:
        """Tokens in the vocabulary."""
        return self._number("vocabulary_size")

    @property
    def file_size(self) -> int:
        """Bytes of the file, or of all parts together."""
        return self._number("file_size")

    @property
    def chat_template(self) -> str | None:
        """The model's own chat template (Jinja)."""
        return read(self._get("chat_template"), self._handle)

    @property
    def metadata(self) -> Metadata:
        """Metadata by key; numbers are printed, arrays abridged."""
        return Metadata(self)

    def __repr__(self) -> str:
        kind = type(self).__name__
        if self._pointer is None:
            return f"<{kind}, closed>"
        size = f"{self.parameters / 1e6:,.0f}M" if self.parameters < 1e9 else f"{self.parameters / 1e9:,.1f}B"
        return f"<{kind} {self.name or self.architecture}: {self.architecture}, {size}, {self.quantization}>"

    def _repr_html_(self) -> str:
        from .notebook import facts

        return facts(self)


class Inspection(Facts):
    """A model file that was checked and not loaded. Immutable: any thread."""

    _noun = "inspection"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        pointer = make("inspection", lib.qask_model_inspect, c_name(path, "path"))
        super().__init__(pointer, lib.qask_inspection_free)


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Reads and checks a GGUF file without loading it."""
    return Inspection(path)


def pointers(texts: list[bytes]) -> tuple[Any, Any, Any]:
    """`const char *const *`, the lengths, and what has to live as long."""
    kept = [ffi.from_buffer("char[]", text) if text else NULL for text in texts]
    return ffi.new("char *[]", kept), ffi.new("size_t[]", [len(t) for t in texts]), kept
