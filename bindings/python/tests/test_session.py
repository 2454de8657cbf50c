"""Chats and prefixes on disk: what comes back is what was saved, and need not be computed again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import qask

SYSTEM = "You keep a lighthouse on a small island, and you answer briefly. " * 12


def say(chat: qask.Chat, text: str) -> tuple[str, int]:
    reply = chat.send(text)
    assert reply.usage
    return reply.text, reply.usage.cached_tokens


def keeper(engine: qask.Engine, system: str | None = None) -> qask.Chat:
    return engine.chat(system, temperature=0.0, max_tokens=12, ignore_eos=True)


@pytest.mark.parametrize("compress", [False, True])
def test_a_chat_goes_on_in_another_engine(model: qask.Model, tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "chat.session"
    with model.engine() as engine:
        chat = keeper(engine, "You keep a lighthouse.")
        say(chat, "What is the sea?")
        saved = chat.save(path, compress=compress)
        assert saved.tokens > 20 and saved.bytes == path.stat().st_size
        expected = say(chat, "And you?")
    with model.engine() as engine:
        chat = keeper(engine)
        assert chat.restore(str(path)) == saved.tokens
        assert chat.system == "You keep a lighthouse." and len(chat) == 3
        assert say(chat, "And you?") == expected and expected[1] >= saved.tokens


def test_compressed_is_smaller(model: qask.Model, tmp_path: Path) -> None:
    chat = keeper(model.default_engine())
    say(chat, "What is the sea?")
    plain, packed = (chat.save(tmp_path / str(c), compress=c) for c in (False, True))
    assert packed.tokens == plain.tokens and packed.bytes < plain.bytes


def test_a_cancelled_answer_is_saved(model: qask.Model, tmp_path: Path) -> None:
    chat = model.chat(max_tokens=400, ignore_eos=True)
    for _ in chat.stream("Count."):
        break
    # The library refuses while the answer ends; that is waited for.
    chat.save(tmp_path / "s")
    twin = model.chat()
    twin.restore(tmp_path / "s")
    assert twin.messages == chat.messages and len(twin) == 2


async def test_for_event_loops(model: qask.Model, tmp_path: Path) -> None:
    chat = keeper(model.default_engine())
    async for _ in chat.stream("What is the sea?", max_tokens=400):
        break
    saved = await chat.save_async(tmp_path / "s")
    with model.engine() as engine:
        other = keeper(engine)
        assert await other.restore_async(tmp_path / "s") == saved.tokens > 0
        assert other.messages == chat.messages
        prefix = await engine.save_prefix_async(tmp_path / "p", [{"role": "system", "content": SYSTEM}])
    with model.engine() as engine:
        assert await engine.restore_prefix_async(tmp_path / "p") == prefix.tokens > 100


def test_a_prefix_is_found_by_requests_that_begin_with_it(model: qask.Model, tmp_path: Path) -> None:
    path = tmp_path / "prefix"
    system = {"role": "system", "content": SYSTEM}
    ask: list[dict[str, Any]] = [system, {"role": "user", "content": "Who are you?"}]

    def cached(engine: qask.Engine, **options: Any) -> int:
        usage = engine.generate(ask, max_tokens=1, **options).usage
        assert usage
        return usage.cached_tokens

    with model.engine() as engine:
        saved = engine.save_prefix(path, [system])
        assert saved.tokens > 100 and saved.bytes == path.stat().st_size
        assert engine.save_prefix(path, qask.Request([system]), compress=True).bytes < saved.bytes
    with model.engine() as engine:
        assert cached(engine) == 0
    with model.engine() as engine:
        assert engine.restore_prefix(path) == saved.tokens
        assert cached(engine) == saved.tokens
    with model.engine() as engine:
        # It belongs to the cache key it was restored under.
        assert engine.restore_prefix(path, cache_key="mine") == saved.tokens
        assert cached(engine) == 0 and cached(engine, cache_key="mine") >= saved.tokens


def test_what_does_not_fit_is_refused_and_changes_nothing(model: qask.Model, coder: qask.Model, tmp_path: Path) -> None:
    path = tmp_path / "s"
    chat = keeper(model.default_engine(), "Here.")
    say(chat, "What is the sea?")
    chat.save(path)
    before, good = chat.export_json(), path.read_bytes()
    other = coder.chat("Here.")
    with pytest.raises(qask.StateMismatch):
        other.restore(path)
    assert len(other) == 1
    for data, error in [
        (good[:-1], qask.StateInvalid),
        (good[:-1] + bytes([good[-1] ^ 1]), qask.ChecksumError),
    ]:
        path.write_bytes(data)
        with pytest.raises(error):
            chat.restore(path)
    with pytest.raises(qask.ModelNotFound):
        chat.restore(tmp_path / "none")
    with pytest.raises(qask.RangeError, match="NUL"):
        chat.restore("a\0b")
    with model.engine(prefix_cache=False) as engine, pytest.raises(qask.Unsupported):
        engine.save_prefix(path, "x")
    assert chat.export_json() == before


def test_a_raised_flag_ends_it(model: qask.Model, tmp_path: Path) -> None:
    path = tmp_path / "s"
    chat = keeper(model.default_engine())
    say(chat, "What is the sea?")
    flag = qask.Cancel()
    flag.cancel()
    with pytest.raises(qask.Cancelled):
        chat.save(path, cancel=flag)
    assert not path.exists()
    chat.save(path)
    with pytest.raises(qask.Cancelled):
        chat.restore(path, cancel=flag)


def test_a_folder_keeps_prefixes_for_later_engines(model: qask.Model, tmp_path: Path) -> None:
    place = tmp_path / "prefixes"

    def ask(engine: qask.Engine, question: str) -> str:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
        return engine.generate(messages, max_tokens=8, temperature=0.0).text

    with model.engine() as engine:
        expected = ask(engine, "Why?")
    with model.engine(prefix_cache_dir=(place, 1 << 30)) as engine:
        # The second prompt that begins so is worth a file.
        ask(engine, "What?")
        ask(engine, "Who?")
        assert engine.stats().disk_tokens == 0
        until = time.monotonic() + 20
        while not any(p.is_file() and p.stat().st_size > 100_000 for p in place.rglob("*")) and time.monotonic() < until:
            time.sleep(0.05)
    with model.engine(prefix_cache_dir=(str(place), 1 << 30)) as engine:
        assert ask(engine, "Why?") == expected
        assert engine.stats().disk_tokens > 100
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(qask.FileError, match="prefix_cache_dir"):
        model.engine(prefix_cache_dir=(file / "x", 1 << 20))
    with pytest.raises(TypeError, match="prefix_cache_dir is a pair"):
        model.engine(prefix_cache_dir="x")  # type: ignore[typeddict-item]
