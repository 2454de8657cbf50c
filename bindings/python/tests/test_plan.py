"""Memory plans: they add up, what they say is the same of a file and of a model, and budgets refuse."""

from __future__ import annotations

import pytest

import qask


def test_a_plan_adds_up(smol: str) -> None:
    with qask.Plan.engine(smol) as plan:
        assert list(plan.parts) == ["mapped", "weights", "kv", "state", "compute", "output", "other"]
        assert sum(plan.parts.values()) == plan.total == sum(d.total for d in plan.devices) > 50e6
        cpu = plan.devices[0]
        assert (cpu.name, cpu.is_gpu) == ("CPU", False) and set(cpu.parts) == set(plan.parts)
        assert plan.n_ctx == 4096 and plan.sequence_bytes * 2 == plan.parts["kv"] and plan.parts["state"] == 0
        assert "kv" in repr(plan) and "state" not in repr(plan)
    assert repr(plan) == "<Plan, closed>"


def test_options_count(smol: str) -> None:
    plain, small = qask.Plan.engine(smol), qask.Plan.engine(smol, n_ctx=512, kv_tokens=3000)
    assert small.n_ctx == 512 and small.parts["kv"] < plain.parts["kv"]
    read = qask.Plan.engine(smol, {"mmap": False})
    assert read.parts["mapped"] == 0 < plain.parts["mapped"] and read.parts["weights"] > plain.parts["weights"]


def test_the_largest_context_fits_and_the_next_does_not(smol: str) -> None:
    plan = qask.Plan.engine(smol)
    budget = plan.total + 20_000_000
    largest = plan.largest_context(budget)
    assert largest and largest > 4096 and largest % 256 == 0
    totals = [qask.Plan.engine(smol, n_ctx=n).total for n in (largest, largest + 256)]
    assert totals[0] <= budget < totals[1]
    assert plan.largest_context(2**64 - 1) == 8192 and plan.largest_context(1_000_000) is None


def test_of_a_model_that_is_loaded(model: qask.Model, smol: str) -> None:
    loaded, file = qask.Plan.engine(model, n_ctx=1024), qask.Plan.engine(smol, n_ctx=1024)
    assert (loaded.n_ctx, loaded.parts["kv"]) == (1024, file.parts["kv"])
    assert abs(loaded.total - file.total) < file.total * 0.02
    with pytest.raises(TypeError, match="load is for a model file"):
        qask.Plan.engine(model, {"mmap": False})


def test_embedders(minilm: qask.Model, minilm_path: str) -> None:
    file, loaded = qask.Plan.embedder(minilm_path, max_tokens=256), qask.Plan.embedder(minilm, max_tokens=256)
    assert file.n_ctx == loaded.n_ctx == 256 and file.total > 80e6 and file.parts["kv"] == 0
    with pytest.raises(qask.Unsupported):
        file.largest_context(1 << 30)
    with pytest.raises(qask.TooLarge):
        minilm.embedder(memory_budget=1_000_000)
    minilm.embedder(memory_budget=1 << 30).close()


def test_a_budget_refuses(smol: str) -> None:
    with pytest.raises(qask.TooLarge, match="memory_budget is 57 MiB"):
        qask.Model(smol, memory_budget=60_000_000)
    with qask.Model(smol, memory_budget=1 << 30) as model:
        budget = qask.Plan.engine(model).total
        with pytest.raises(qask.TooLarge, match=r"n_ctx 3840 would fit \(it is 4096\)"):
            model.engine(memory_budget=budget - 1)
        model.engine(memory_budget=budget).close()


def test_a_file_that_is_no_model(tmp_path: object) -> None:
    with pytest.raises(qask.ModelNotFound):
        qask.Plan.engine(f"{tmp_path}/none.gguf")
    with pytest.raises(qask.ModelError):
        qask.Plan.embedder(__file__)
    with pytest.raises(TypeError, match="did you mean n_ctx"):
        qask.Plan.engine("x", n_ctxx=1)  # type: ignore[call-arg]
