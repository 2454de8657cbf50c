"""LoRAs and control vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._owned import Owned
from .raw import lib, make, name as c_name

if TYPE_CHECKING:
    import os

    from .model import Model


class Adapter(Owned):
    """Changes what a model does, for the requests that choose it: `chat.send(…, adapters=[adapter])`. Any thread."""

    def __init__(self, model: Model, path: str | os.PathLike[str]) -> None:
        pointer = make("adapter", lib.qask_adapter_load, model._handle, c_name(path, "path"))
        super().__init__(pointer, lib.qask_adapter_free)

    @property
    def kind(self) -> str:
        """ "lora", "activated_lora" or "control_vector"."""
        kind = lib.qask_adapter_kind(self._handle)
        names = {
            lib.QASK_ADAPTER_LORA: "lora",
            lib.QASK_ADAPTER_ACTIVATED_LORA: "activated_lora",
            lib.QASK_ADAPTER_CONTROL_VECTOR: "control_vector",
        }
        return names.get(kind, "unknown")
