"""Where the models are, and one of each for all tests."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

import qask

REPOSITORY = Path(__file__).resolve().parents[3]


def path_of(name: str) -> str:
    """Where tools/models.py keeps a model. A test without its model fails: `make python` fetches them."""
    command = [sys.executable, str(REPOSITORY / "tools/models.py"), "path", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def has_hooks() -> bool:
    return os.environ.get("QASK_TEST_HOOKS") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # `make python` runs the tests twice: with the wheel's library, and those of the hooks with a library that has them.
    wanted = [i for i in items if (i.get_closest_marker("hooks") is not None) == has_hooks()]
    config.hook.pytest_deselected(items=[i for i in items if i not in wanted])
    items[:] = wanted


@pytest.fixture(scope="session")
def smol() -> str:
    return path_of("smollm2-135m")


@pytest.fixture(scope="session")
def model(smol: str) -> Iterator[qask.Model]:
    yield qask.Model(smol)


@pytest.fixture(scope="session")
def minilm_path() -> str:
    return path_of("minilm-l6-v2")


@pytest.fixture(scope="session")
def minilm(minilm_path: str) -> Iterator[qask.Model]:
    yield qask.Model(minilm_path)


@pytest.fixture(scope="session")
def coder() -> Iterator[qask.Model]:
    yield qask.Model(path_of("qwen2.5-coder-0.5b"))


@pytest.fixture
def no_leak() -> Iterator[None]:
    gc.collect()
    before = qask.live_handles()
    yield
    gc.collect()
    assert qask.live_handles() == before


def run_python(script: str, *arguments: str, timeout: float = 120, **more: object) -> subprocess.CompletedProcess[str]:
    """A script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=timeout, **more  # type: ignore[call-overload]
    )
