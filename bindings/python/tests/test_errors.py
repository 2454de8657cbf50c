"""Errors: each has a class, a code and words; every code can be reached."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

import qask
from qask import errors


def test_what_is_wrong_is_said(smol: str, tmp_path: Path) -> None:
    with pytest.raises(qask.ModelNotFound, match="no-such-file.gguf") as caught:
        qask.Model("no-such-file.gguf")
    assert caught.value.code == 200 and caught.value.name == "NOT_FOUND"
    assert isinstance(caught.value, FileNotFoundError)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\xff" * 100)
    with pytest.raises(qask.InvalidModel, match="broken.gguf"):
        qask.Model(broken)
    with pytest.raises(qask.InvalidModel):
        qask.inspect(broken)
    with pytest.raises(qask.RangeError, match="NUL"):
        qask.Model("a\0b")
    with pytest.raises(qask.ModelNotFound):
        qask.Model(["no-such-1.gguf", "no-such-2.gguf"])


def test_options_are_checked(model: qask.Model) -> None:
    with pytest.raises(TypeError, match="temprature; did you mean temperature"):
        qask.Request("x", temprature=1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="max_tokens: "):
        qask.Request("x", max_tokens="many")  # type: ignore[arg-type]
    with pytest.raises(OverflowError, match="max_tokens: "):
        qask.Request("x", max_tokens=-1)
    with pytest.raises(qask.RangeError, match="temperature"):
        qask.Request("x", temperature=101.0)
    with pytest.raises(ValueError, match="context_policy must be one of error, shift, drop_oldest"):
        qask.Request("x", context_policy="x")
    with pytest.raises(qask.RangeError, match="n_ctx"):
        model.engine(n_ctx=1)
    with pytest.raises(TypeError, match="text must be str"):
        model.tokenize(b"x")  # type: ignore[arg-type]
    with pytest.raises(qask.Utf8Error, match="surrogates"):
        model.tokenize("\ud800")
    with pytest.raises(qask.JsonError, match="nonsense"):
        qask.Request.from_json({"messages": [], "nonsense": 1})


def test_a_failed_generation_raises_and_the_chat_goes_on(model: qask.Model) -> None:
    with model.engine(n_ctx=64) as engine, engine.chat(max_tokens=4) as chat:
        with pytest.raises(qask.ContextFull):
            chat.send("word " * 200)
        assert len(chat) == 0
        with pytest.raises(qask.ContextFull):
            for _ in chat.stream("word " * 200):
                pass
        last = list(chat.stream("word " * 200).events())[-1]
        assert isinstance(last, qask.Done) and isinstance(last.error, qask.ContextFull)
        with pytest.raises(qask.GrammarError):
            chat.send("x", regex="(")
        assert chat.send("Hello").text


def test_closed_objects_say_so(model: qask.Model, smol: str) -> None:
    chat = model.chat(max_tokens=2)
    chat.close()
    chat.close()
    with pytest.raises(qask.Closed, match="this Chat is closed"):
        chat.send("x")
    assert chat.closed and "closed" in repr(chat)
    own = qask.Model(smol)
    stream = own.default_engine().stream("Count to a thousand.", ignore_eos=True, max_tokens=1000)
    next(iter(stream))
    own.default_engine().close(timeout=10)
    with pytest.raises(qask.Closed):
        for _ in stream:
            pass
    own.close()
    with pytest.raises(qask.Closed):
        own.tokenize("x")


def test_busy(model: qask.Model) -> None:
    chat = model.chat(max_tokens=300, ignore_eos=True)
    stream = chat.stream("Count.")
    with pytest.raises(qask.Busy):
        chat.send("x")
    assert chat.busy
    stream.cancel()
    assert chat.wait(10)


def test_exceptions_travel_between_processes() -> None:
    for code in errors.CODES:
        error = errors.make(code, "words")
        twin = pickle.loads(pickle.dumps(error))
        assert type(twin) is type(error) and (twin.code, twin.message) == (code, "words")
    assert qask.Busy("x").code == 104


@pytest.mark.hooks
def test_every_code_can_be_reached(model: qask.Model) -> None:
    import hooks

    listed = re.findall(r"^#define QASK_ERR_(\w+) (\d+)$", (REPOSITORY / "include/qask.h").read_text(), re.M)
    assert {int(code): name for name, code in listed} == errors.CODES and len(listed) >= 29
    for code, name in errors.CODES.items():
        with pytest.raises(errors.CLASSES[name], match="on purpose") as caught:
            hooks.call("qask_test_fail", code)
        assert (type(caught.value), caught.value.code) == (errors.CLASSES[name], code)
    with pytest.raises(qask.Panic):
        hooks.call("qask_test_panic")


@pytest.mark.hooks
def test_a_fault_of_the_engine_ends_its_streams_only(model: qask.Model) -> None:
    import hooks

    broken, fine = model.engine(), model.engine()
    victim = broken.stream("Count.", max_tokens=1000, ignore_eos=True)
    next(iter(victim))
    hooks.call("qask_test_provoke_fault", hooks.there(broken._handle))
    with pytest.raises(qask.EngineFault):
        victim.reply()
    with pytest.raises(qask.EngineFault):
        broken.stream("x")
    assert fine.generate("Hello", max_tokens=3).done
