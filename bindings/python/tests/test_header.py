"""The package against the header: nothing is missing, nothing is called that is not there."""

from __future__ import annotations

import inspect
import os
import re
import sys
from dataclasses import fields
from typing import Any

import pytest
from conftest import REPOSITORY

import qask
from qask import errors, options, raw
from qask.engine import Stats

sys.path.insert(0, str(REPOSITORY / "tools"))
from header import chapters, functions  # noqa: E402

HEADER = (REPOSITORY / "include/qask.h").read_text(encoding="utf-8")
FUNCTIONS = {f.name: f for f in functions(HEADER)}


def test_every_function_is_in_the_library() -> None:
    assert len(FUNCTIONS) > 200
    for name in FUNCTIONS:
        assert callable(getattr(raw.lib, name)), name


def test_every_constant_has_the_headers_value() -> None:
    constants = [c for chapter in chapters(HEADER) for c in chapter.constants]
    assert len(constants) > 60
    for constant in constants:
        assert getattr(raw.lib, constant.name) == int(constant.code.split()[2]), constant.name


@pytest.mark.parametrize(
    ("noun", "known"),
    [
        ("model_options", options.ModelOptions),
        ("engine_options", options.EngineOptions),
        ("embedder_options", options.EmbedderOptions),
        ("scorer_options", options.ScorerOptions),
        ("request", options.RequestOptions),
    ],
)
def test_every_setter_has_an_option(noun: str, known: Any) -> None:
    setters = {n.removeprefix(f"qask_{noun}_set_") for n in FUNCTIONS if n.startswith(f"qask_{noun}_set_")}
    # By another name, or in another place.
    setters -= {"progress", "prompt", "prompt_tokens", "infill", "template_variable", "tool_choice_function"}
    added = {"stop", "logit_bias", "tools", "choice", "constraint_trigger", "adapters", "template_variables"}
    named = {"deadline_ms": "deadline"}
    expected = {named.get(s, s) for s in setters} | (added if noun == "request" else set())
    assert set(known.__optional_keys__) == expected


def test_every_code_has_an_exception() -> None:
    codes = {n.removeprefix("QASK_ERR_") for n in dir(raw.lib) if n.startswith("QASK_ERR_")}
    assert set(errors.CLASSES) == codes
    classes = list(errors.CLASSES.values())
    assert len(set(classes)) == len(classes)
    for kind in classes:
        assert getattr(qask, kind.__name__) is kind and kind.__doc__
    groups = {1: qask.ArgumentError, 2: qask.ModelError, 3: qask.GenerationError, 4: qask.StorageError, 9: qask.InternalError}
    for code, name in errors.CODES.items():
        assert issubclass(errors.CLASSES[name], groups[code // 100]), name
        assert raw.ffi.string(raw.lib.qask_status_name(code)) == f"QASK_ERR_{name}".encode()


def test_a_code_of_a_later_version_is_of_its_hundred() -> None:
    error = errors.make(399, "later")
    assert type(error) is qask.GenerationError and (error.code, error.name, str(error)) == (399, "UNKNOWN", "later")


def test_every_figure_is_read() -> None:
    figures = {n.removeprefix("qask_stats_") for n in FUNCTIONS if n.startswith("qask_stats_")} - {"free"}
    assert {f.name for f in fields(Stats)} == figures


def test_everything_public_is_documented() -> None:
    missing = []
    for name in qask.__all__:
        thing = getattr(qask, name)
        if not (inspect.isclass(thing) or inspect.isfunction(thing)) or name in ("Event",):
            continue
        if not inspect.getdoc(thing):
            missing.append(name)
        if inspect.isclass(thing) and thing.__module__.startswith("qask"):
            for member, value in vars(thing).items():
                is_code = inspect.isfunction(value) or isinstance(value, (property, classmethod))
                if is_code and not member.startswith("_") and not inspect.getdoc(getattr(thing, member)):
                    missing.append(f"{name}.{member}")
    assert not missing


def test_a_library_that_is_too_old_is_refused_at_import(tmp_path: Any) -> None:
    import shutil
    import subprocess

    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    source, library = tmp_path / "old.c", tmp_path / "old.so"
    for text, said in [
        ("unsigned qask_abi_version(void) { return 0; }", "install them together"),
        ("int x;", "is not qask's library"),
    ]:
        source.write_text(text)
        subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
        run = subprocess.run(
            [sys.executable, "-c", "import qask"],
            env={**os.environ, "QASK_LIBRARY": str(library)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 1 and re.search(f"ImportError.*{said}", run.stderr), run.stderr
