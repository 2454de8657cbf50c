"""LangChain: a chat model and embeddings. Needs langchain-core (`pip install 'qask[langchain]'`).

    llm = ChatQask(model=qask.Model("model.gguf"), options={"max_tokens": 200})
    llm.invoke("Hello!").content
"""

from __future__ import annotations

import json
from typing import Any, AsyncIterator, Callable, Iterator, List, Optional, Sequence, Union

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from .embedder import Embedder
from .engine import Engine
from .events import Done, Event, Reasoning, Text, ToolCall, ToolCallDelta, Usage
from .model import Model
from .stream import Stream


def _usage(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.prompt_tokens + usage.output_tokens,
    )


def _chunk(event: Event) -> Optional[AIMessageChunk]:
    """What an event brings; nothing for a complete call, whose deltas came before."""
    if isinstance(event, Text):
        return AIMessageChunk(content=event.text)
    if isinstance(event, Reasoning):
        return AIMessageChunk(content="", additional_kwargs={"reasoning_content": event.text})
    if isinstance(event, ToolCall):
        calls = [tool_call_chunk(name=event.name, args=event.json, id=event.id, index=event.index)]
        return AIMessageChunk(content="", tool_call_chunks=calls)
    if isinstance(event, Done):
        if event.error is not None:
            raise event.error
        return AIMessageChunk(
            content="", usage_metadata=_usage(event.usage), response_metadata={"finish_reason": event.finish_reason}
        )
    # A preview of a call that may still turn out to be text.
    assert isinstance(event, ToolCallDelta)
    return None


class ChatQask(BaseChatModel):
    """A chat model over a qask engine, or over the own engine of a model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Union[Model, Engine]
    #: Options of every answer, as in `qask.RequestOptions`.
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "qask"

    def _submit(self, messages: List[BaseMessage], stop: Optional[List[str]], given: dict[str, Any]) -> Stream:
        engine = self.model.default_engine() if isinstance(self.model, Model) else self.model
        options = {**self.options, **given}
        if stop:
            options["stop"] = stop
        found = convert_to_openai_messages(messages)
        return engine.stream(found if isinstance(found, list) else [found], **options)

    def _generate(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[CallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._submit(messages, stop, kwargs) as stream:
            return self._result(stream.reply())

    async def _agenerate(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[AsyncCallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._result(await self._submit(messages, stop, kwargs))

    def _result(self, reply: Any) -> ChatResult:
        message = AIMessage(
            content=reply.text,
            tool_calls=[{"name": c.name, "args": json.loads(c.json), "id": c.id} for c in reply.tool_calls],
            usage_metadata=_usage(reply.usage),
            response_metadata={"finish_reason": reply.finish_reason},
            additional_kwargs={"reasoning_content": reply.reasoning} if reply.reasoning else {},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[CallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._submit(messages, stop, kwargs) as stream:
            for event in stream.events():
                message = _chunk(event)
                if message is not None:
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager and message.content:
                        run_manager.on_llm_new_token(str(message.content), chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[AsyncCallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._submit(messages, stop, kwargs) as stream:
            async for event in stream.events_async():
                message = _chunk(event)
                if message is not None:
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager and message.content:
                        await run_manager.on_llm_new_token(str(message.content), chunk=chunk)
                    yield chunk

    def bind_tools(
        self,
        tools: Sequence[Union[dict[str, Any], type, Callable[..., Any], BaseTool]],
        *,
        tool_choice: Optional[str] = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools; `tool_choice` is "auto", "none", "required" ("any") or a tool's name."""
        if tool_choice is not None:
            kwargs["tool_choice"] = "required" if tool_choice == "any" else tool_choice
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)  # type: ignore[return-value,unused-ignore]


class QaskEmbeddings(Embeddings):
    """Embeddings over a model or an embedder; queries and documents get the model's prefixes."""

    def __init__(self, model: Union[Model, Embedder]) -> None:
        self._embedder = model.default_embedder() if isinstance(model, Model) else model

    def embed_documents(self, texts: List[str]) -> List[List[float]]:
        """One vector for each text."""
        found: List[List[float]] = self._embedder.embed(texts, "document").tolist()
        return found

    def embed_query(self, text: str) -> List[float]:
        """The vector of a query."""
        found: List[float] = self._embedder.embed(text, "query").tolist()
        return found

    async def aembed_documents(self, texts: List[str]) -> List[List[float]]:
        """As `embed_documents`, for event loops."""
        found: List[List[float]] = (await self._embedder.embed_async(texts, "document")).tolist()
        return found

    async def aembed_query(self, text: str) -> List[float]:
        """As `embed_query`, for event loops."""
        found: List[float] = (await self._embedder.embed_async(text, "query")).tolist()
        return found
