"""tests/conformance/*.json: the same inputs, events and errors as in Rust."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import REPOSITORY

import qask
from qask import raw

FOLDER = REPOSITORY / "tests/conformance"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_every_file_is_run() -> None:
    run = {"chats.json", "constraints.json", "templates.json", "tools.json", "reasoning.json"}
    assert {path.name for path in FOLDER.glob("*.json")} == run


def test_chats(model: qask.Model) -> None:
    chat = model.chat()
    cases = read("chats.json")["cases"]
    assert len(cases) > 20
    for case in cases:
        before = chat.export_json()
        if "messages" in case:
            chat.import_json(case["chat"])
            assert len(chat) == case["messages"], case["name"]
            again = chat.fork()
            again.import_json(chat.export_json())
            assert again.export_json() == chat.export_json(), case["name"]
        else:
            with pytest.raises(qask.QaskError) as caught:
                chat.import_json(case["chat"])
            assert caught.value.name == case["code"], case["name"]
            assert case["message"] in caught.value.message, case["name"]
            assert chat.export_json() == before, case["name"]



def constrained(case: dict[str, Any]) -> qask.Request:
    options: dict[str, Any] = {"json_whitespace": case.get("json_whitespace", False)}
    for kind in ("json_schema", "regex", "gbnf", "lark", "choice", "json", "json_object"):
        if kind in case:
            # A schema as text keeps `null` and `true` apart from options that were not given.
            value = {"json_schema": json.dumps, "json_object": lambda _: "object"}.get(kind, lambda v: v)(case[kind])
            options[{"gbnf": "grammar", "json_object": "json"}.get(kind, kind)] = value
    assert len(options) == 2, case
    return qask.Request(**options)


def test_constraints() -> None:
    cases = read("constraints.json")
    assert len(cases) > 40
    for case in cases:
        if "error" in case:
            with pytest.raises(qask.GrammarError) as caught, constrained(case) as request:
                request.accepts("x")
            assert case["error"] in caught.value.message, case["name"]
        for key in ("accepts", "rejects"):
            for text in case.get(key, []):
                with constrained(case) as request:
                    try:
                        assert request.accepts(text) == (key == "accepts"), (case["name"], text)
                    except qask.GrammarError:
                        assert case.get("or_error"), (case["name"], text)


def shape(stream: qask.Stream) -> list[dict[str, Any]]:
    """Events in the form of the files: deltas are gone where their call is complete."""
    events = list(stream.events())
    complete = {e.index for e in events if isinstance(e, qask.ToolCall)}
    found: list[dict[str, Any]] = []
    deltas: dict[int, str] = {}
    broken: set[int] = set()
    for event in events:
        if isinstance(event, qask.Text) and event.text:
            found.append({"text": event.text})
        elif isinstance(event, qask.Reasoning):
            found.append({"reasoning": event.text})
        elif isinstance(event, qask.ToolCallDelta):
            deltas[event.index] = deltas.get(event.index, "") + event.arguments
            if event.index not in complete and event.index not in broken:
                broken.add(event.index)
                found.append({"broken": event.name})
        elif isinstance(event, qask.ToolCall):
            assert deltas[event.index] == event.json
            found.append({"call": event.name, "arguments": event.arguments})
    assert isinstance(events[-1], qask.Done)
    assert events[-1].finish_reason == ("tool_calls" if complete else "stop")
    return found


@pytest.mark.hooks
@pytest.mark.parametrize("file", ["tools.json", "reasoning.json"])
def test_recorded_outputs(model: qask.Model, file: str) -> None:
    import hooks

    tools = read("tools.json")["tools"]
    cases = read(file)["cases"]
    assert len(cases) > 10
    wrong = []
    for case in cases:
        data = json.dumps({**case, "tools": tools}).encode()
        out = hooks.ffi.new("qask_stream **")
        hooks.call("qask_test_replay", hooks.there(model.default_engine()._handle), data, len(data), out)
        with qask.Stream(hooks.back(out[0], "qask_stream *")) as stream:
            got = shape(stream)
        if got != case["events"]:
            wrong.append((case["name"], case["events"], got))
    assert not wrong


@pytest.mark.hooks
def test_templates_are_recognised() -> None:
    import hooks

    folder = models_cache() / "chat-templates-0.3.36"
    if not folder.is_dir():
        pytest.skip(f"NOT CHECKED: chat templates are not in {folder}: tools/vectors.py")
    want = read("templates.json")
    assert len(want) >= 60
    for name, expected in want.items():
        data = (folder / f"{name}.jinja").read_bytes()
        out = hooks.ffi.new("qask_string **")
        hooks.call("qask_test_detect", data, len(data), out)
        string = hooks.back(out[0], "qask_string *")
        assert json.loads(raw.read(raw.lib.qask_string_data, string) or "") == expected, name
        raw.lib.qask_string_free(string)


def models_cache() -> Any:
    import sys

    sys.path.insert(0, str(REPOSITORY / "tools"))
    import models  # type: ignore[import-not-found]

    return models.cache()
