"""tests/conformance/*.json: the same inputs, events and errors as in Rust."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
import pytest
from conftest import REPOSITORY, path_of

import qask
from qask import raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = REPOSITORY / "tests/conformance"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


#: Files that are not run here, each with the reason.
NOT_RUN: dict[str, str] = {}


def test_every_file_is_run() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    run = set(re.findall(r'read\("([\w.]+)"\)', source))
    for names in re.findall(r'^@pytest.mark.parametrize\("file", (\[.*\])\)\n', source, re.M):
        run |= set(json.loads(names))
    files = {path.name for path in FOLDER.glob("*.json")}
    assert len(files) >= 8
    assert files == run | set(NOT_RUN) and not run & set(NOT_RUN) and all(NOT_RUN.values())


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


def test_sessions(model: qask.Model, tmp_path: Path) -> None:
    chat = model.chat("Here.")
    before, path = chat.export_json(), tmp_path / "s"
    cases = read("sessions.json")["cases"]
    assert len(cases) > 10
    for case in cases:
        path.write_bytes(bytes.fromhex(case["file"]))
        with pytest.raises(qask.QaskError) as caught:
            chat.restore(path)
        assert caught.value.name == case["code"], case["name"]
        assert chat.export_json() == before, case["name"]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else str(value["repeat"]) * int(value["times"])


def result_of(case: dict[str, Any], run: Callable[[], Any]) -> Any:
    """What a case gives; None where it is the error that it should be."""
    if "code" not in case:
        return run()
    with pytest.raises(qask.QaskError) as caught:
        run()
    assert caught.value.name == case["code"], case["name"]
    assert case["message"] in caught.value.message, case["name"]
    return None


def test_scores() -> None:
    file = read("scores.json")
    per_token = file["per_token"]
    assert len(file["cases"]) > 10
    with qask.Model(path_of(file["model"])) as model:
        for case in file["cases"]:
            name = case["name"]
            found = result_of(case, lambda case=case: scored(model, case))  # type: ignore[misc]
            if isinstance(found, qask.Perplexity):
                assert found.tokens == case["scored"], name
                if "perplexity" in case:
                    assert abs(math.log(found.perplexity / case["perplexity"])) <= per_token, name
            elif found is not None:
                counts = [len(s.tokens) for s in found]
                assert counts == case.get("tokens", counts), name
                for score, expected in zip(found, case.get("sums", [])):
                    assert abs(score.log_probability() - expected) <= per_token * len(score.tokens), name
                assert [found.likeliest(n) for n in ("none", "tokens", "bytes")] == case["likeliest"], name


def scored(model: qask.Model, case: dict[str, Any]) -> qask.Scores | qask.Perplexity:
    with model.scorer(**case.get("options", {})) as scorer:
        if "choices" in case:
            return scorer.score(text_of(case["prompt"]), [text_of(c) for c in case["choices"]])
        cut = {key: case[key] for key in ("window", "stride", "context", "windows") if key in case}
        return scorer.perplexity(text_of(case["text"]), **cut)


def test_embeddings() -> None:
    file = read("embeddings.json")
    tolerance = file["tolerance"]
    assert len(file["cases"]) > 20
    # One model at a time is in memory.
    for name in dict.fromkeys(case["model"] for case in file["cases"]):
        with qask.Model(path_of(name)) as model:
            for case in file["cases"]:
                if case["model"] == name:
                    found = result_of(case, lambda case=case: embedded(model, case))  # type: ignore[misc]
                    if found is not None:
                        compare(case, found, tolerance)


def embedded(model: qask.Model, case: dict[str, Any]) -> NDArray[np.float32]:
    with model.embedder(**case.get("options", {})) as embedder:
        if "query" in case:
            return embedder.rerank(text_of(case["query"]), [text_of(d) for d in case["documents"]])
        return embedder.embed([text_of(t) for t in case["texts"]], case.get("purpose", "plain"))


def compare(case: dict[str, Any], found: NDArray[np.float32], tolerance: float) -> None:
    name, same = case["name"], case.get("same", [])
    pairs = list(zip(same[::2], same[1::2]))
    if "query" in case:
        assert found.shape == (len(case["documents"]),), name
        for a, b in pairs:
            assert abs(found[a] - found[b]) <= tolerance, name
        if "scores" in case:
            assert np.abs(found - case["scores"]).max() <= tolerance, name
        return
    assert found.shape == (len(case["texts"]), case.get("dimensions", found.shape[1])), name
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    for a, b in pairs:
        assert unit[a] @ unit[b] >= 0.9999, name
    if "nearer" in case:
        a, b, c, d = case["nearer"]
        assert unit[a] @ unit[b] > unit[c] @ unit[d], name
    begins = case.get("begins", [])
    assert np.allclose(found.ravel()[: len(begins)], begins, rtol=0, atol=tolerance), name


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
@pytest.mark.parametrize("file", ["tools.json", "reasoning.json"])
def test_a_replys_message_is_the_librarys(model: qask.Model, file: str) -> None:
    import hooks

    tools = read("tools.json")["tools"]
    keys: set[str] = set()
    for case in read(file)["cases"]:
        data = json.dumps({**case, "tools": tools}).encode()
        found = []
        for read_it in (
            lambda stream: stream.reply().message(),
            lambda stream: json.loads(
                raw.take_string(lambda *a: raw.lib.qask_stream_collect_message(a[0], a[1], raw.NULL, a[2]), stream._handle)
            ),
        ):
            out = hooks.ffi.new("qask_stream **")
            hooks.call("qask_test_replay", hooks.there(model.default_engine()._handle), data, len(data), out)
            with qask.Stream(hooks.back(out[0], "qask_stream *")) as stream:
                found.append(read_it(stream))
        for message in found:
            # Each generation makes ids of its own.
            for one in message.get("tool_calls", []):
                assert one.pop("id"), case["name"]
            # OpenAI has null beside calls alone.
            message["content"] = message["content"] or ""
        assert found[0] == found[1], case["name"]
        keys |= set(found[0])
    assert keys >= {"role", "content", "tool_calls" if file == "tools.json" else "reasoning_content"}


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
