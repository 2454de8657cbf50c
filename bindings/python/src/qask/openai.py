"""The shape of OpenAI's client, for code that speaks it already: dictionaries in, dictionaries out.

    client = qask.Model("model.gguf").openai()
    answer = client.chat.completions.create(messages=[{"role": "user", "content": "Hello!"}])
    print(answer["choices"][0]["message"]["content"])

What comes out can be read by key and by attribute. `model` and other fields without a meaning here are accepted.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from .raw import NULL, lib, make
from .request import Request
from .stream import Stream

if TYPE_CHECKING:
    from .events import Logprob, Reply
    from .model import Model


class Object(dict[str, Any]):
    """A dictionary whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _loads(text: str) -> Object:
    found: Object = json.loads(text, object_hook=Object)
    return found


class Completions:
    """`client.chat.completions`."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def create(self, *, messages: Sequence[dict[str, Any]], stream: bool = False, **body: Any) -> Any:
        """An answer as a `chat.completion`; with `stream`, an iterator of chunks. The fields are those of OpenAI's API
        and llama.cpp's samplers; an unknown one is an error that names it."""
        id = f"chatcmpl-{uuid.uuid4().hex}"
        usage = bool((body.pop("stream_options", None) or {}).get("include_usage"))
        with Request.from_json({"messages": list(messages), **body}) as request:
            engine = self._model.default_engine()
            answer = Stream(make("stream", lib.qask_engine_submit, engine._handle, request._handle, NULL), engine._handle)
        return self._chunks(answer, id, usage) if stream else self._whole(answer, id, str(body.get("model", "")))

    def _chunks(self, answer: Stream, id: str, usage: bool) -> Iterator[Object]:
        with answer:
            for event in answer.events():
                answer._raise(event)
                chunk = _loads(answer.chunk(id))
                if not usage:
                    chunk.pop("usage", None)
                yield chunk

    def _whole(self, answer: Stream, id: str, model: str) -> Object:
        with answer:
            replies = answer.replies()
        first = replies[0].usage
        assert first is not None
        output = sum(r.usage.output_tokens for r in replies if r.usage)
        return _loads(
            json.dumps(
                {
                    "id": id,
                    "object": "chat.completion",
                    "created": int(time.time()),
                    "model": model or self._model.name or self._model.architecture,
                    "choices": [self._choice(i, reply) for i, reply in enumerate(replies)],
                    "usage": {
                        "prompt_tokens": first.prompt_tokens,
                        "completion_tokens": output,
                        "total_tokens": first.prompt_tokens + output,
                        "prompt_tokens_details": {"cached_tokens": first.cached_tokens},
                        "completion_tokens_details": {"reasoning_tokens": first.reasoning_tokens},
                    },
                }
            )
        )

    def _choice(self, index: int, reply: Reply) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": index, "message": reply.message(), "finish_reason": reply.finish_reason}
        if reply.logprobs:
            choice["logprobs"] = {"content": [self._logprob(one) for one in reply.logprobs]}
        return choice

    def _logprob(self, one: Logprob) -> dict[str, Any]:
        def entry(token: int, value: float) -> dict[str, Any]:
            return {"token": self._model.detokenize([token], render_special=True), "logprob": value}

        return {**entry(one.token, one.logprob), "top_logprobs": [entry(t, v) for t, v in one.top]}


class ChatNamespace:
    """`client.chat`."""

    def __init__(self, model: Model) -> None:
        self.completions = Completions(model)


class Embeddings:
    """`client.embeddings`."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def create(self, *, input: str | Sequence[str], model: str = "", **_: Any) -> Object:
        """Vectors of texts, as a list of `embedding` objects."""
        texts = [input] if isinstance(input, str) else list(input)
        vectors = self._model.embed(texts)
        tokens = sum(self._model.default_embedder().count_tokens(t) for t in texts)
        data = [Object(object="embedding", index=i, embedding=v.tolist()) for i, v in enumerate(vectors)]
        usage = Object(prompt_tokens=tokens, total_tokens=tokens)
        return Object(object="list", data=data, model=model or self._model.name or "", usage=usage)


class Client:
    """What `openai.OpenAI()` would be."""

    def __init__(self, model: Model) -> None:
        self.chat = ChatNamespace(model)
        self.embeddings = Embeddings(model)
