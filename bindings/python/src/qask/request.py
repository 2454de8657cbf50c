"""What is asked for: messages, a raw prompt or a gap to fill, with options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ._owned import Owned
from .options import Messages, RequestOptions, apply, content
from .raw import call, encode, ffi, lib, make

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Request(Owned):
    """A request, which can be submitted again and again.

    `messages` are OpenAI-style dictionaries, or one text of the user's. Instead of them, `prompt` is a raw text or token
    ids, and `infill` is what stands before and behind a gap. One owner at a time.
    """

    def __init__(
        self,
        messages: Messages = (),
        *,
        prompt: str | Sequence[int] | None = None,
        parse_special: bool = False,
        infill: tuple[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> None:
        super().__init__(make("request", lib.qask_request_new), lib.qask_request_free)
        self._plain = True
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        for message in messages:
            self.add(message)
        if isinstance(prompt, str):
            data = encode(prompt, "prompt")
            call(lib.qask_request_set_prompt, self._handle, data, len(data), parse_special)
        elif prompt is not None:
            tokens = ffi.new("int32_t[]", list(prompt))
            call(lib.qask_request_set_prompt_tokens, self._handle, tokens, len(prompt))
        if infill is not None:
            before, behind = encode(infill[0], "infill"), encode(infill[1], "infill")
            call(lib.qask_request_set_infill, self._handle, before, len(before), behind, len(behind))
        self.set(**options)

    @classmethod
    def from_json(cls, body: str | Mapping[str, Any]) -> Self:
        """From the body of an OpenAI chat-completions request; llama.cpp's names for samplers work too."""
        data = encode(body if isinstance(body, str) else json.dumps(body), "body")
        request = cls.__new__(cls)
        Owned.__init__(request, make("request", lib.qask_request_from_json, data, len(data)), lib.qask_request_free)
        request._plain = False
        return request

    def set(self, **options: Unpack[RequestOptions]) -> None:
        """Changes options; `stop`, `tools`, `choice` and `logit_bias` add to what is there."""
        self._plain = self._plain and is_plain(options)
        apply("request", self._handle, RequestOptions, options)

    def add(self, message: Mapping[str, Any]) -> None:
        """Adds a message in OpenAI's form."""
        if set(message) == {"role", "content"} and isinstance(message["content"], str):
            role = encode(message["role"], "role")
            content(lib.qask_request_add_message, self._handle, role, text=message["content"], what="content")
        else:
            content(lib.qask_request_add_message_json, self._handle, text=json.dumps(message), what="message")

    def accepts(self, text: str) -> bool:
        """Whether a text is what the request's constraint asks for; without one every text is. Needs no model."""
        data, out = encode(text), ffi.new("bool *")
        call(lib.qask_request_accepts, self._handle, data, len(data), out)
        return bool(out[0])


def is_plain(options: Mapping[str, Any]) -> bool:
    """Whether events of text are nothing but text of the first answer: their reader asks the library for nothing more."""
    return not options.keys() & {"n", "return_tokens", "top_logprobs"}


def as_request(what: Request | Messages, options: RequestOptions) -> Request:
    """What a caller gave for a request. Options belong to a request that is made here."""
    if not isinstance(what, Request):
        return Request(what, **options)
    if options:
        raise TypeError("a Request has its options: set them there")
    return what
