"""How much memory it will take: plans of engines and embedders, made before anything is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from ._owned import Owned
from .options import EmbedderOptions, EngineOptions, ModelOptions, apply, names
from .raw import call, ffi, lib, make, name as c_name

if TYPE_CHECKING:
    from typing_extensions import Self, TypeIs, Unpack

    from ._library import CData
    from .model import Model

    #: A model file, or a model that is loaded already.
    Planned = Union[str, "os.PathLike[str]", Model]

PARTS = names("QASK_PART_", "mapped weights kv state compute output other")


@dataclass(frozen=True)
class DevicePlan:
    """What one device will hold."""

    #: Such as "CPU" or "CUDA0".
    name: str
    is_gpu: bool
    #: Bytes by part, as `Plan.parts`.
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())


class Plan(Owned):
    """The memory, in bytes, that a model with an engine or an embedder will have taken when they were fully used.

        plan = qask.Plan.engine("model.gguf", n_ctx=8192)
        print(plan.total, plan.parts["kv"], plan.largest_context(2_000_000_000))

    Of a file it is made without loading it, in tens to hundreds of milliseconds; of a loaded model its own memory is
    part of the plan. Memory budgets among the options are not looked at. Immutable: any thread. It keeps the model's
    vocabulary in memory until it is closed.
    """

    def __init__(self, pointer: CData) -> None:
        super().__init__(pointer, lib.qask_plan_free)

    @classmethod
    def engine(cls, model: Planned, load: ModelOptions | None = None, **options: Unpack[EngineOptions]) -> Self:
        """Of an engine with these options. `load` is how the file will be loaded."""
        with _Options("engine_options", EngineOptions, options) as made:
            if _is_loaded(model, load):
                return cls(make("plan", lib.qask_engine_plan, model._handle, made._handle))
            with _Options("model_options", ModelOptions, load or {}) as how:
                return cls(make("plan", lib.qask_model_plan, c_name(model, "model"), how._handle, made._handle))

    @classmethod
    def embedder(cls, model: Planned, load: ModelOptions | None = None, **options: Unpack[EmbedderOptions]) -> Self:
        """Of an embedder with these options. `load` is how the file will be loaded."""
        with _Options("embedder_options", EmbedderOptions, options) as made:
            if _is_loaded(model, load):
                return cls(make("plan", lib.qask_embedder_plan, model._handle, made._handle))
            with _Options("model_options", ModelOptions, load or {}) as how:
                path = c_name(model, "model")
                return cls(make("plan", lib.qask_model_plan_embedder, path, how._handle, made._handle))

    @property
    def total(self) -> int:
        """Bytes on all devices: what the process's resident memory will have grown to."""
        return lib.qask_plan_total(self._handle)

    @property
    def parts(self) -> dict[str, int]:
        """Bytes by part: "mapped" (pages of the model file, which the system can take back), "weights" (in memory of
        their own), "kv" (KV cache), "state" (recurrent layers), "compute", "output" and "other"."""
        return {part: lib.qask_plan_bytes(self._handle, number) for part, number in PARTS.items()}

    @property
    def devices(self) -> list[DevicePlan]:
        """The same for each device; the CPU is the first."""
        return [self._device(self._handle, i) for i in range(lib.qask_plan_device_count(self._handle))]

    @staticmethod
    def _device(handle: CData, index: int) -> DevicePlan:
        name = ffi.string(lib.qask_plan_device_name_at(handle, index)).decode("utf-8", "replace")
        parts = {part: lib.qask_plan_device_bytes_at(handle, index, number) for part, number in PARTS.items()}
        return DevicePlan(name, lib.qask_plan_device_is_gpu_at(handle, index), parts)

    @property
    def n_ctx(self) -> int:
        """Tokens that one sequence may hold; of an embedder, one text."""
        return lib.qask_plan_n_ctx(self._handle)

    @property
    def sequence_bytes(self) -> int:
        """Bytes of KV cache and recurrent state that one full sequence fills."""
        return lib.qask_plan_sequence_bytes(self._handle)

    def largest_context(self, budget: int) -> int | None:
        """The largest `n_ctx`, in steps of 256, with which the same engine fits into `budget` bytes; None when even the
        smallest does not. A `kv_tokens` that was given stays, and is the most."""
        found = ffi.new("uint32_t *")
        call(lib.qask_plan_largest_context, self._handle, budget, found)
        return int(found[0]) or None

    def __repr__(self) -> str:
        if self._pointer is None:
            return "<Plan, closed>"
        parts = ", ".join(f"{part} {size / 1e6:,.1f}" for part, size in self.parts.items() if size)
        return f"<Plan: {self.total / 1e6:,.1f} MB ({parts})>"


def _is_loaded(model: Planned, load: ModelOptions | None) -> TypeIs[Model]:
    from .model import Model

    if isinstance(model, Model) and load is not None:
        raise TypeError("load is for a model file; this model is loaded already")
    return isinstance(model, Model)


class _Options(Owned):
    """Options of any noun."""

    def __init__(self, noun: str, known: Any, values: Any) -> None:
        new, free = getattr(lib, f"qask_{noun}_new"), getattr(lib, f"qask_{noun}_free")
        super().__init__(make(noun, new), free)
        apply(noun, self._handle, known, values)
