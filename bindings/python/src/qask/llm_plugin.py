"""A plugin for `llm`: llm -m qask -o model model.gguf 'Hello!', and embeddings as `qask-embed`.

Needs llm (`pip install 'qask[llm]'`), which finds this module by the package's entry point. QASK_MODEL names a model for
when the option does not.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, Iterator, List, Optional, Union, cast

import llm
from pydantic import Field

from .model import Model

_models: dict[str, Model] = {}


def _model(path: str) -> Model:
    """Each file is loaded once."""
    if path not in _models:
        _models[path] = Model(path)
    return _models[path]


class Options(llm.Options):  # type: ignore[misc,unused-ignore]
    """The options of `llm -o`."""

    model: Optional[str] = Field(description="The path of a GGUF file", default=None)
    max_tokens: Optional[int] = Field(description="At most so many new tokens", default=None)
    temperature: Optional[float] = Field(description="0 is greedy", default=None)
    top_p: Optional[float] = Field(description="Nucleus sampling", default=None)
    seed: Optional[int] = Field(description="Seed of the draw", default=None)


class Qask(llm.Model):  # type: ignore[misc,unused-ignore]
    """A model of `llm`'s over a GGUF file."""

    model_id = "qask"
    can_stream = True
    supports_schema = True

    class Options(Options):
        """See the module's."""

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: Optional[llm.Conversation]
    ) -> Iterator[str]:
        """The answer, in pieces."""
        options = prompt.options.model_dump(exclude_none=True)
        path = options.pop("model", None) or os.environ.get("QASK_MODEL")
        if not path:
            raise llm.ModelError("which model? -o model PATH.gguf, or QASK_MODEL=PATH.gguf")
        messages = []
        for before in conversation.responses if conversation else []:
            messages.append({"role": "user", "content": before.prompt.prompt or ""})
            # A conversation of a model that is not asynchronous has responses of this kind only.
            messages.append({"role": "assistant", "content": cast(llm.Response, before).text()})
        if prompt.system:
            messages.insert(0, {"role": "system", "content": prompt.system})
        messages.append({"role": "user", "content": prompt.prompt or ""})
        if prompt.schema:
            options["json_schema"] = prompt.schema
        with _model(path).default_engine().stream(messages, **options) as answer:
            yield from answer
            usage = answer.done.usage if answer.done else None
        if usage is not None:
            response.set_usage(input=usage.prompt_tokens, output=usage.output_tokens)

    def __str__(self) -> str:
        return "qask: GGUF models in this process"


class QaskEmbed(llm.EmbeddingModel):  # type: ignore[misc,name-defined,unused-ignore]
    """Embeddings of `llm`'s over the GGUF file that QASK_EMBEDDING_MODEL names."""

    model_id = "qask-embed"
    batch_size = 64

    def embed_batch(self, items: Iterable[Union[str, bytes]]) -> Iterator[List[float]]:
        """One vector for each text."""
        path = os.environ.get("QASK_EMBEDDING_MODEL")
        if not path:
            raise llm.ModelError("which model? QASK_EMBEDDING_MODEL=PATH.gguf")
        texts = [item.decode() if isinstance(item, bytes) else item for item in items]
        yield from _model(path).embed(texts).tolist()


@llm.hookimpl  # type: ignore[untyped-decorator,unused-ignore]
def register_models(register: Callable[..., Any]) -> None:
    """Called by `llm`."""
    register(Qask())


@llm.hookimpl  # type: ignore[untyped-decorator,unused-ignore]
def register_embedding_models(register: Callable[..., Any]) -> None:
    """Called by `llm`."""
    register(QaskEmbed())
