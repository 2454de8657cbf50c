"""A loaded model: weights, vocabulary, chat template. The way in to everything else."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Iterator, Sequence, Union

from . import _progress
from ._owned import Owned
from ._wait import Cancel, wait, wait_async
from .embedder import Embedder
from .engine import Engine
from .facts import Facts
from .options import EmbedderOptions, EngineOptions, ModelOptions, ScorerOptions, apply
from .raw import NULL, call, encode, ffi, lib, make, name as c_name, take_string
from .request import as_request
from .scorer import Scorer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self, Unpack

    from ._library import CData
    from .adapter import Adapter
    from .chat import Chat
    from .openai import Client
    from .options import Messages, RequestOptions
    from .request import Request

#: A path; the paths of a split model's parts; or an open file with where the model lies in it (offset, length).
Source = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]], "tuple[BinaryIO, int, int]"]
Progress = Union[bool, Callable[[float], None], None]


class Model(Facts):
    """A model, loaded from a GGUF file. Immutable: any thread may use it.

        m = qask.Model("model.gguf")
        print(m.chat().send("Hello!"))

    `progress=True` draws a bar on stderr; a function is told the share that is loaded, on another thread. Ctrl-C ends
    the load. `chat`, `embed` and `rerank` use an engine and an embedder of the model's own, made when they are first
    needed; `engine` and `embedder` make others.
    """

    _noun = "model"

    def __init__(
        self,
        source: Source,
        *,
        progress: Progress = None,
        cancel: Cancel | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        with _progress.of(progress) as report, _Options(options, report) as prepared:
            super().__init__(wait(_loader(source, prepared), cancel), lib.qask_model_free)
        self._ready()

    @classmethod
    async def load(
        cls,
        source: Source,
        *,
        progress: Progress = None,
        cancel: Cancel | None = None,
        **options: Unpack[ModelOptions],
    ) -> Self:
        """As the constructor, for event loops: a cancelled task ends the load."""
        model = cls.__new__(cls)
        with _progress.of(progress) as report, _Options(options, report) as prepared:
            pointer = await wait_async(_loader(source, prepared), cancel)
        Owned.__init__(model, pointer, lib.qask_model_free)
        model._ready()
        return model

    def _ready(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._embedder: Embedder | None = None

    def close(self) -> None:
        """Closes the model with its own engine and embedder. What else was made of it goes on."""
        for made in (getattr(self, "_engine", None), getattr(self, "_embedder", None)):
            if made is not None:
                made.close()
        super().close()

    # ---- what it is made for ----

    def engine(self, **options: Unpack[EngineOptions]) -> Engine:
        """A new engine over this model."""
        return Engine(self, **options)

    def default_engine(self) -> Engine:
        """The model's own engine."""
        with self._lock:
            if self._engine is None or self._engine.closed:
                self._engine = Engine(self)
            return self._engine

    def chat(self, system: str | None = None, **options: Unpack[RequestOptions]) -> Chat:
        """A conversation on the model's own engine."""
        return self.default_engine().chat(system, **options)

    def embedder(self, **options: Unpack[EmbedderOptions]) -> Embedder:
        """A new embedder over this model."""
        return Embedder(self, **options)

    def default_embedder(self) -> Embedder:
        """The model's own embedder."""
        with self._lock:
            if self._embedder is None or self._embedder.closed:
                self._embedder = Embedder(self)
            return self._embedder

    def embed(
        self, texts: str | Sequence[str], purpose: str = "plain", cancel: Cancel | None = None
    ) -> NDArray[np.float32]:
        """One vector for each text, as rows; of a single text, the vector. See `Embedder.embed`."""
        return self.default_embedder().embed(texts, purpose, cancel)

    def rerank(self, query: str, documents: Sequence[str], cancel: Cancel | None = None) -> NDArray[np.float32]:
        """A score for each document: the higher, the better it answers the query."""
        return self.default_embedder().rerank(query, documents, cancel)

    def scorer(self, **options: Unpack[ScorerOptions]) -> Scorer:
        """A new scorer over this model: how likely it finds texts."""
        return Scorer(self, **options)

    def adapter(self, path: str | os.PathLike[str]) -> Adapter:
        """Loads a LoRA or a control vector for this model."""
        from .adapter import Adapter

        return Adapter(self, path)

    def openai(self) -> Client:
        """A client in the shape of OpenAI's, over the model's own engine and embedder."""
        from .openai import Client

        return Client(self)

    # ---- the tokenizer and the template ----

    def tokenize(self, text: str, add_special: bool = False, parse_special: bool = False) -> list[int]:
        """Token ids. `parse_special` makes tokens of the texts of special tokens: not for text from outside."""
        data, count = encode(text), ffi.new("size_t *")
        # A token is at least a byte; two more are what a model puts around.
        room = len(data) + 2
        tokens = ffi.new("int32_t[]", room)
        before = (self._handle, data, len(data), add_special, parse_special)
        try:
            call(lib.qask_model_tokenize, *before, tokens, room, count)
        except ValueError:
            if count[0] <= room:
                raise
            room = count[0]
            tokens = ffi.new("int32_t[]", room)
            call(lib.qask_model_tokenize, *before, tokens, room, count)
        return list(ffi.unpack(tokens, count[0])) if count[0] else []

    def detokenize(self, tokens: Sequence[int], render_special: bool = False) -> str:
        """Text. Control tokens give none unless `render_special`."""
        data = ffi.new("int32_t[]", list(tokens))
        return take_string(lib.qask_model_detokenize, self._handle, data, len(tokens), render_special)

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has."""
        data, count = encode(text), ffi.new("size_t *")
        call(lib.qask_model_tokenize, self._handle, data, len(data), False, False, NULL, 0, count)
        return int(count[0])

    def render(self, messages: Request | Messages, **options: Unpack[RequestOptions]) -> str:
        """The prompt that messages become under the chat template."""
        return take_string(lib.qask_model_render, self._handle, as_request(messages, options)._handle)

    def is_eog(self, token: int) -> bool:
        """Whether a token ends a generation."""
        return lib.qask_model_is_eog(self._handle, token)

    def _token(self, getter: Callable[[CData], int]) -> int | None:
        token = getter(self._handle)
        return None if token < 0 else token

    @property
    def bos(self) -> int | None:
        """The token that opens a text."""
        return self._token(lib.qask_model_bos)

    @property
    def eos(self) -> int | None:
        """The token that ends a text."""
        return self._token(lib.qask_model_eos)

    @property
    def eot(self) -> int | None:
        """The token that ends a turn."""
        return self._token(lib.qask_model_eot)

    @property
    def supports_infill(self) -> bool:
        """Whether it has fill-in-the-middle tokens."""
        return lib.qask_model_supports_infill(self._handle)

    # ---- where it lies ----

    @property
    def gpu_layers(self) -> int:
        """Layers that lie on a GPU."""
        return self._number("gpu_layers")

    @property
    def devices(self) -> dict[str, int]:
        """Bytes of weights by the memory that holds them."""
        found: dict[str, int] = {}
        size = ffi.new("uint64_t *")
        while (name := lib.qask_model_device_at(self._handle, len(found), size)) != NULL:
            found[ffi.string(name).decode("utf-8", "replace")] = size[0]
        return found


class _Options(Owned):
    """`qask_model_options` with a progress callback that lives as long."""

    def __init__(self, options: ModelOptions, report: Callable[[float], None] | None) -> None:
        super().__init__(make("model_options", lib.qask_model_options_new), lib.qask_model_options_free)
        apply("model_options", self._handle, ModelOptions, options)
        if report is not None:
            self._callback = ffi.callback("void(void *, float)", lambda _, share: report(share))
            call(lib.qask_model_options_set_progress, self._handle, self._callback, NULL, NULL)


def _loader(source: Source, options: _Options) -> Callable[[CData], CData]:
    """The call that loads it."""
    if isinstance(source, tuple) and len(source) == 3 and hasattr(source[0], "fileno"):
        file: Any = source[0]
        offset, length = source[1], source[2]
        before = (file.fileno(), offset, length)
        return lambda flag: make("model", lib.qask_model_load_fd, *before, options._handle, flag)
    if isinstance(source, (str, os.PathLike)):
        path = c_name(source, "path")
        return lambda flag: make("model", lib.qask_model_load, path, options._handle, flag)
    paths = [ffi.new("char[]", c_name(p, "path")) for p in _paths(source)]
    array = ffi.new("char *[]", paths)

    def load(flag: CData) -> CData:
        # The array does not keep its texts alive; this does.
        return make("model", lib.qask_model_load_splits, array, len(paths), options._handle, flag)

    return load


def _paths(source: Any) -> Iterator[Any]:
    yield from source
