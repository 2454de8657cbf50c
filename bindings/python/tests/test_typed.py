"""Answers of a type, and tools from plain functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest

import qask
from qask.schema import Schema


@dataclass
class City:
    name: str
    people: Annotated[int, pydantic.Field(ge=0, le=100_000_000)]
    tags: Annotated[list[Literal["big", "old", "wet"]], pydantic.Field(max_length=3)]


class Person(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(max_length=20)]
    age: Annotated[int, pydantic.Field(ge=0, le=150)]
    home: Optional[City] = None


def test_ask(coder: qask.Model) -> None:
    chat = coder.chat(temperature=0.0, max_tokens=200)
    city = chat.ask(City, "Describe Paris.")
    assert isinstance(city, City) and isinstance(city.people, int) and "Paris" in city.name
    person = coder.default_engine().ask(Person, "Tom is 41 years old.", temperature=0.0, max_tokens=200)
    assert isinstance(person, Person) and (person.name, person.age) == ("Tom", 41)
    assert chat.ask(list[int], "List the numbers from one to three.") == [1, 2, 3]
    assert len(chat) == 4
    with pytest.raises(qask.TooLong):
        chat.ask(City, "Describe Rome.", max_tokens=3)
    assert chat.ask(bool, "Is water wet?") in (True, False)


async def test_ask_async(coder: qask.Model) -> None:
    chat = coder.chat(temperature=0.0, max_tokens=200)
    assert (await chat.ask_async(Person, "Tom is 41 years old.")).age == 41
    assert isinstance(await coder.default_engine().ask_async(int, "How many legs has a dog?", max_tokens=20), int)


def test_a_schema_is_closed() -> None:
    found = Schema(Person).schema
    assert found["additionalProperties"] is False and found["$defs"]["City"]["additionalProperties"] is False
    assert Schema(dict[str, int]).schema["additionalProperties"] == {"type": "integer"}


def weather(city: Annotated[str, pydantic.Field(description="The city's name")], days: int = 1) -> dict[str, Any]:
    """The weather in a city."""
    seen.append((city, days))
    return {"sky": "rain", "degrees": 11}


seen: list[tuple[str, int]] = []


def test_the_definition_comes_from_the_signature() -> None:
    tool = qask.Tool(weather)
    function = tool.definition["function"]
    assert (function["name"], function["description"]) == ("weather", "The weather in a city.")
    assert function["parameters"]["required"] == ["city"]
    assert function["parameters"]["properties"]["city"]["description"] == "The city's name"
    assert tool("Rome") == {"sky": "rain", "degrees": 11}
    with pytest.raises(TypeError, match="needs a type hint"):
        qask.Tool(lambda x: x)
    with pytest.raises(TypeError, match="a function or a definition, not int"):
        qask.Request("x", tools=[3])  # type: ignore[list-item]


def test_run_calls_tools(coder: qask.Model) -> None:
    seen.clear()
    chat = coder.chat(temperature=0.0, max_tokens=100)
    reply = chat.run("What is the weather in Paris today?", tools=[weather], max_rounds=2)
    assert seen and "Paris" in seen[0][0]
    roles = [m["role"] for m in chat]
    assert roles[:4] == ["user", "assistant", "tool", "assistant"] and '"sky": "rain"' in chat[2]["content"]
    assert reply.done


async def test_run_async_awaits_coroutines(coder: qask.Model) -> None:
    async def weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    chat = coder.chat(temperature=0.0, max_tokens=100)
    await chat.run_async("What is the weather in Paris today?", tools=[weather], max_rounds=1)
    assert "rain in Paris" in chat[2]["content"]
    with pytest.raises(TypeError, match="use run_async"):
        coder.chat(temperature=0.0, max_tokens=100).run("What is the weather in Paris today?", tools=[weather])


def test_calls_are_handed_back(coder: qask.Model) -> None:
    definition = qask.Tool(weather).definition
    chat = coder.chat(temperature=0.0, max_tokens=100)
    reply = chat.run("What is the weather in Paris today?", tools=[definition], tool_choice="weather")
    assert reply.finish_reason == "tool_calls" and reply.tool_calls[0].arguments["city"]
    assert reply.message()["tool_calls"][0]["function"]["name"] == "weather"
    after = chat.answer({call: "sunny" for call in reply.tool_calls}, tools=[definition], tool_choice="none")
    assert after.text and "sunny" in chat[2]["content"]


def test_a_tool_that_fails(coder: qask.Model) -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        raise RuntimeError("no network")

    chat = coder.chat(temperature=0.0, max_tokens=100)
    with pytest.raises(RuntimeError, match="no network"):
        chat.run("What is the weather in Paris today?", tools=[weather])
    # The history is whole: every call has its answer, and the chat goes on.
    assert chat[-1]["role"] == "tool" and "no network" in chat[-1]["content"]
    assert chat.send("Never mind. Say hello.").done
    other = coder.chat(temperature=0.0, max_tokens=100)
    other.run("What is the weather in Paris today?", tools=[weather], errors="tell", max_rounds=1)
    assert "no network" in other[2]["content"] and other[3]["role"] == "assistant"


def test_openai_shape(coder: qask.Model, minilm: qask.Model) -> None:
    client = coder.openai()
    messages = [{"role": "user", "content": "Complete the sentence: the capital of France is"}]
    body: dict[str, Any] = {"model": "any", "messages": messages, "max_tokens": 10, "temperature": 0}
    whole = client.chat.completions.create(**body, logprobs=True, top_logprobs=2)
    assert whole["choices"][0]["message"]["content"] == whole.choices[0].message.content
    assert "Paris" in whole.choices[0].message.content and whole.object == "chat.completion"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert len(whole.choices[0].logprobs.content[0].top_logprobs) == 2
    chunks = list(client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.get("content") or "" for c in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason and chunks[-1].usage.prompt_tokens and chunks[0].id == chunks[-1].id
    with pytest.raises(qask.JsonError, match="nonsense"):
        client.chat.completions.create(messages=messages, nonsense=1)
    with pytest.raises(qask.GrammarError):
        client.chat.completions.create(messages=messages, grammar="root ::= (")
    found = minilm.openai().embeddings.create(input=["a", "b"])
    assert len(found.data) == 2 and len(found.data[1].embedding) == 384 and found.usage.total_tokens > 2
