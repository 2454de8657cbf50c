"""From types to JSON schemas and back: pydantic's work, with the schema closed to what the type has."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def closed(schema: Any) -> Any:
    """The schema with objects that hold what they list and nothing else: a model would make up more otherwise."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


class Schema(Generic[T]):
    """The JSON schema of a type, and how text that is valid under it becomes an instance."""

    def __init__(self, kind: type[T]) -> None:
        from pydantic import TypeAdapter

        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self.schema: dict[str, Any] = closed(self._adapter.json_schema())
        self.json = json.dumps(self.schema)

    def read(self, text: str) -> T:
        """The instance. Validators of the type's own may still refuse it, with pydantic's error."""
        return self._adapter.validate_json(text)
