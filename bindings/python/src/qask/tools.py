"""Tools: plain functions with type hints, and OpenAI's definitions."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Callable, Mapping, Union, get_type_hints

from .schema import closed

if TYPE_CHECKING:
    from .events import ToolCall

ToolLike = Union["Tool", Callable[..., Any], Mapping[str, Any]]


class Tool:
    """Something that a model may call.

        def weather(city: str, days: int = 1) -> str:
            "The weather forecast of a city."

        chat.run("Will it rain in Paris?", tools=[weather])

    The schema comes from the signature: `Annotated[str, pydantic.Field(description="…")]` describes an argument.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        from pydantic import ConfigDict, create_model

        self.function = function
        self.name = function.__name__
        fields: dict[str, Any] = {}
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise TypeError(f"{self.name}: a tool's parameter has a name of its own; {parameter} has none")
            if name not in hints:
                raise TypeError(f"{self.name}: the parameter {name} needs a type hint")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints[name], default)
        self._model = create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)
        schema = closed(self._model.model_json_schema())
        schema.pop("title", None)
        self.definition: dict[str, Any] = {
            "type": "function",
            "function": {"name": self.name, "description": inspect.getdoc(function) or "", "parameters": schema},
        }

    def arguments(self, call: ToolCall) -> dict[str, Any]:
        """The call's arguments as the function wants them; ValueError (pydantic's) when they do not fit."""
        read = self._model.model_validate_json(call.json)
        return {name: getattr(read, name) for name in type(read).model_fields if name in read.model_fields_set}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class Definition:
    """A tool by its definition only: calls are handed back."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = dict(definition)
        self.name = str(self.definition.get("function", {}).get("name", ""))


def as_tool(tool: ToolLike) -> Tool | Definition:
    """A tool from what a caller may give."""
    if isinstance(tool, Tool):
        return tool
    if isinstance(tool, Mapping):
        return Definition(tool)
    if callable(tool):
        return Tool(tool)
    raise TypeError(f"a tool is a function or a definition, not {type(tool).__name__}")


def wrong(call: ToolCall, error: Exception) -> str:
    """What the model is told of a call that failed."""
    return json.dumps({"error": f"{type(error).__name__}: {error}"}, ensure_ascii=False)
