"""LlamaIndex: an LLM and an embedding. Needs llama-index-core (`pip install 'qask[llama-index]'`).

    llm = QaskLLM(qask.Model("model.gguf"), max_tokens=200)
    llm.complete("The capital of France is").text
"""

from __future__ import annotations

from typing import Any, AsyncGenerator, List, Sequence, Union

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import LLM

from .embedder import Embedder
from .engine import Engine
from .model import Model
from .request import Request
from .stream import Stream


class QaskLLM(LLM):
    """An LLM over a qask engine, or over the own engine of a model; the options are those of every answer."""

    _engine: Engine = PrivateAttr()
    _options: dict[str, Any] = PrivateAttr()
    _name: str = PrivateAttr()

    def __init__(self, model: Union[Model, Engine], **options: Any) -> None:
        super().__init__()
        self._engine = model.default_engine() if isinstance(model, Model) else model
        self._name = (model.name or model.architecture) if isinstance(model, Model) else "qask"
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex knows it."""
        return "QaskLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex plans prompts with."""
        return LLMMetadata(
            context_window=self._engine.n_ctx,
            num_output=self._options.get("max_tokens") or 256,
            is_chat_model=True,
            model_name=self._name,
        )

    def _chat(self, messages: Sequence[ChatMessage], given: dict[str, Any]) -> Stream:
        found = [{"role": m.role.value, "content": m.content or ""} for m in messages]
        return self._engine.stream(found, **{**self._options, **given})

    def _complete(self, prompt: str, formatted: bool, given: dict[str, Any]) -> Stream:
        options = {**self._options, **given}
        # A prompt that is formatted has the chat template's marks in it already.
        if formatted:
            return self._engine.stream(Request(prompt=prompt, parse_special=True, **options))
        return self._engine.stream(prompt, **options)

    @staticmethod
    def _message(text: str) -> ChatMessage:
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to messages."""
        with self._chat(messages, kwargs) as stream:
            reply = stream.reply()
        return ChatResponse(message=self._message(reply.text), raw=reply)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        with self._complete(prompt, formatted, kwargs) as stream:
            reply = stream.reply()
        return CompletionResponse(text=reply.text, raw=reply)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer to messages, as it comes."""

        def pieces() -> ChatResponseGen:
            with self._chat(messages, kwargs) as stream:
                for piece in stream:
                    yield ChatResponse(message=self._message(stream.text), delta=piece)

        return pieces()

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to a prompt, as it comes."""

        def pieces() -> CompletionResponseGen:
            with self._complete(prompt, formatted, kwargs) as stream:
                for piece in stream:
                    yield CompletionResponse(text=stream.text, delta=piece)

        return pieces()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`, for event loops."""
        reply = await self._chat(messages, kwargs)
        return ChatResponse(message=self._message(reply.text), raw=reply)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """As `complete`, for event loops."""
        reply = await self._complete(prompt, formatted, kwargs)
        return CompletionResponse(text=reply.text, raw=reply)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`, for event loops."""

        async def pieces() -> AsyncGenerator[ChatResponse, None]:
            with self._chat(messages, kwargs) as stream:
                async for piece in stream:
                    yield ChatResponse(message=self._message(stream.text), delta=piece)

        return pieces()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """As `stream_complete`, for event loops."""

        async def pieces() -> AsyncGenerator[CompletionResponse, None]:
            with self._complete(prompt, formatted, kwargs) as stream:
                async for piece in stream:
                    yield CompletionResponse(text=stream.text, delta=piece)

        return pieces()


class QaskEmbedding(BaseEmbedding):
    """An embedding over a model or an embedder; queries and documents get the model's prefixes."""

    _embedder: Embedder = PrivateAttr()

    def __init__(self, model: Union[Model, Embedder], **more: Any) -> None:
        super().__init__(**more)
        self._embedder = model.default_embedder() if isinstance(model, Model) else model

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex knows it."""
        return "QaskEmbedding"

    def _get_query_embedding(self, query: str) -> List[float]:
        found: List[float] = self._embedder.embed(query, "query").tolist()
        return found

    async def _aget_query_embedding(self, query: str) -> List[float]:
        found: List[float] = (await self._embedder.embed_async(query, "query")).tolist()
        return found

    def _get_text_embedding(self, text: str) -> List[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: List[str]) -> List[List[float]]:
        found: List[List[float]] = self._embedder.embed(texts, "document").tolist()
        return found
