"""The modules for frameworks, with the frameworks themselves. Each is skipped, and says so, where its package is missing;
`make python-ecosystem` has them all."""

from __future__ import annotations

from typing import Any

import pytest

import qask

QUESTION = "Complete the sentence: the capital of France is"
WEATHER = "What is the weather in Paris today?"


def weather(city: str) -> str:
    """The weather in a city."""
    return "rain"


async def test_langchain(coder: qask.Model, minilm: qask.Model) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

    from qask.langchain import ChatQask, QaskEmbeddings

    llm = ChatQask(model=coder, options={"max_tokens": 30, "temperature": 0.0})
    messages: list[Any] = [SystemMessage("You are brief."), HumanMessage(QUESTION)]
    whole = llm.invoke(messages)
    assert "Paris" in whole.content and whole.usage_metadata is not None and whole.usage_metadata["input_tokens"] > 5
    chunks = list(llm.stream(messages))
    assert "".join(str(c.content) for c in chunks) == whole.content and len(chunks) > 3
    assert (await llm.ainvoke(messages)).content == whole.content
    pieces = [c async for c in llm.astream(messages)]
    assert "".join(str(c.content) for c in pieces) == whole.content
    assert len(llm.batch([QUESTION, QUESTION])) == 2
    assert "a" not in str(llm.invoke("Say aaa.", stop=["a"]).content)

    called = llm.bind_tools([weather], tool_choice="any").invoke(WEATHER, max_tokens=100)
    assert called.tool_calls[0]["name"] == "weather" and "Paris" in called.tool_calls[0]["args"]["city"]
    streamed = None
    for chunk in llm.bind_tools([weather], tool_choice="weather").stream(WEATHER, max_tokens=100):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed is not None and streamed.tool_calls[0]["args"] == called.tool_calls[0]["args"]
    result = ToolMessage("rain", tool_call_id=called.tool_calls[0]["id"])
    assert llm.bind_tools([weather], tool_choice="none").invoke([HumanMessage(WEATHER), called, result]).content
    with pytest.raises(qask.ContextFull):
        llm.invoke("word " * 6000)

    vectors = QaskEmbeddings(minilm)
    assert len(vectors.embed_query("a")) == 384 and len(await vectors.aembed_documents(["a", "b"])) == 2


async def test_llamaindex(coder: qask.Model, minilm: qask.Model) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.llms import ChatMessage

    from qask.llamaindex import QaskEmbedding, QaskLLM

    llm = QaskLLM(coder, max_tokens=30, temperature=0.0)
    assert llm.metadata.is_chat_model and llm.metadata.context_window >= 2048
    text = llm.complete(QUESTION).text
    assert "Paris" in text
    messages = [ChatMessage(role="system", content="You are brief."), ChatMessage(role="user", content=QUESTION)]
    chat = llm.chat(messages).message.content
    assert chat and "Paris" in chat
    *_, last = llm.stream_chat(messages)
    assert last.message.content == chat
    assert "".join(c.delta or "" for c in llm.stream_complete(QUESTION)) == text
    assert (await llm.acomplete(QUESTION)).text == text and (await llm.achat(messages)).message.content == chat
    assert "".join([c.delta or "" async for c in await llm.astream_complete(QUESTION)]) == text
    assert "".join([c.delta or "" async for c in await llm.astream_chat(messages)]) == chat
    embedding = QaskEmbedding(minilm)
    assert len(embedding.get_query_embedding("a")) == 384
    assert len(embedding.get_text_embedding_batch(["a", "b"])) == 2


def test_llm_plugin(coder: qask.Model, minilm_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = pytest.importorskip("llm")
    from conftest import path_of

    path = path_of("qwen2.5-coder-0.5b")
    model = llm.get_model("qask")
    options = {"model": path, "max_tokens": 30, "temperature": 0.0}
    response = model.prompt(QUESTION, system="You are brief.", **options)
    assert "Paris" in "".join(response) and response.usage().output > 0
    conversation = model.conversation()
    conversation.prompt("My name is Tom.", **options).text()
    assert "Tom" in conversation.prompt("What is my name?", **options).text()
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    assert '"city"' in model.prompt(QUESTION, schema=schema, **options).text()
    with pytest.raises(llm.ModelError, match="QASK_MODEL"):
        model.prompt("x").text()
    monkeypatch.setenv("QASK_EMBEDDING_MODEL", minilm_path)
    assert len(llm.get_embedding_model("qask-embed").embed("a")) == 384
