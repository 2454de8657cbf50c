"""Chats, streams, engines: from threads."""

from __future__ import annotations

import gc
import random
import threading
import time
from typing import Any, Literal

import pytest

import qask

QUESTION = "Complete the sentence: the capital of France is"


def test_send_and_stream(model: qask.Model) -> None:
    chat = model.chat("You are brief.", max_tokens=30, temperature=0.0)
    pieces = list(chat.stream(QUESTION))
    assert "Paris" in "".join(pieces) and len(pieces) > 1
    reply = chat.send("Say it again.")
    assert str(reply) == reply.text != "" and reply.finish_reason in ("stop", "length")
    assert reply.usage is not None and reply.usage.cached_tokens > 0 and reply.usage.tokens_per_second > 0
    assert [m["role"] for m in chat] == ["system", "user", "assistant", "user", "assistant"]
    assert chat[2]["content"] == "".join(pieces) and chat[-1]["content"] == reply.text
    assert chat.system == "You are brief." and len(chat[1:3]) == 2


def test_options_of_one_call_are_for_that_call(model: qask.Model) -> None:
    chat = model.chat(max_tokens=8, temperature=0.0, ignore_eos=True)
    assert chat.send("a", max_tokens=2).usage.output_tokens == 2  # type: ignore[union-attr]
    assert chat.send("b").usage.output_tokens == 8  # type: ignore[union-attr]
    chat.set(max_tokens=3)
    assert chat.send("c").usage.output_tokens == 3  # type: ignore[union-attr]


def test_history_is_edited_forked_and_saved(model: qask.Model) -> None:
    chat = model.chat(max_tokens=4)
    chat.add({"role": "user", "content": "one"})
    chat.add({"role": "assistant", "content": "eins"})
    chat[1] = {"role": "assistant", "content": "uno"}
    twin = chat.fork()
    twin.send("two")
    assert len(chat) == 2 and len(twin) == 4
    chat.import_json(twin.export_json())
    assert chat.messages == twin.messages
    chat.drop_turn(-1)
    assert [m["content"] for m in chat] == ["one", "uno"]
    assert chat.regenerate().reply().text != "" and len(chat) == 2
    with pytest.raises(IndexError):
        chat[2]
    chat.clear()
    assert len(chat) == 0 and chat and chat.dropped_messages == 0


def test_a_cancelled_answer_is_kept_and_the_chat_goes_on(model: qask.Model) -> None:
    chat = model.chat(max_tokens=400, ignore_eos=True)
    said = ""
    for piece in chat.stream("Count."):
        said += piece
        if len(said) > 10:
            break
    assert chat.send("Go on.", max_tokens=2).done
    assert chat[1]["content"].startswith(said) and chat.cut_short(1) == "cancelled" and chat.cut_short(0) is None
    stream = chat.stream("More.")
    next(stream)
    threading.Timer(0.05, stream.cancel).start()
    assert stream.reply().finish_reason == "cancelled"
    flag = qask.Cancel()
    stream = chat.stream("More.", cancel=flag)
    flag.cancel()
    assert stream.reply().finish_reason == "cancelled"
    assert chat.send("x", deadline=0.2).finish_reason == "deadline"


def test_events_carry_what_was_asked_for(model: qask.Model) -> None:
    engine = model.default_engine()
    stream = engine.stream("Hello", max_tokens=5, top_logprobs=2, return_tokens=True, temperature=0.0, seed=3)
    events = list(stream.events())
    reply = stream.reply()
    assert isinstance(events[-1], qask.Done) and events[-1].seed == 3
    assert model.detokenize(reply.tokens) == reply.text and len(reply.logprobs) == len(reply.tokens)
    first = reply.logprobs[0]
    assert first.token == reply.tokens[0] and first.logprob <= 0 and len(first.top) == 2 and first.top[0][0] == first.token
    replies = engine.stream("Hello", n=3, max_tokens=4).replies()
    assert len(replies) == 3 and all(r.done for r in replies)


def test_requests_of_every_kind(model: qask.Model, coder: qask.Model) -> None:
    engine = model.default_engine()
    raw = engine.generate(qask.Request(prompt="The capital of France is", max_tokens=6, temperature=0.0))
    assert "Paris" in raw.text
    tokens = engine.generate(qask.Request(prompt=model.tokenize("The capital of France is"), max_tokens=6, temperature=0.0))
    assert tokens.text == raw.text
    messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": QUESTION}]
    assert engine.generate(messages, max_tokens=20, temperature=0.0).text
    assert engine.generate("x", choice=["yes", "no"]).text in ("yes", "no")
    assert engine.generate("x", regex="[0-9]{3}").text.isdigit()
    assert engine.generate("x", stop=["a", "e"], logit_bias={5: -100.0}, max_tokens=50).done
    assert coder.supports_infill
    filled = coder.default_engine().generate(
        qask.Request(infill=("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"), max_tokens=10, temperature=0.0)
    )
    assert "a + b" in filled.text
    with pytest.raises(TypeError, match="has its options"):
        engine.stream(qask.Request("x"), max_tokens=1)


def test_tokenizer_and_facts(model: qask.Model, smol: str) -> None:
    text = "Grüße, 世界! 🎉"
    tokens = model.tokenize(text)
    assert model.detokenize(tokens) == text and model.count_tokens(text) == len(tokens) and model.tokenize("") == []
    assert model.eos is not None and model.is_eog(model.eos) and not model.is_eog(tokens[0]) and model.eot is not None and model.bos is not None
    assert model.render("Hi").count("Hi") == 1 and "assistant" in model.render("Hi")
    with qask.inspect(smol) as found:
        for name in ("architecture", "name", "quantization", "parameters", "context_length", "vocabulary_size", "file_size"):
            assert getattr(found, name) == getattr(model, name) and getattr(found, name), name
        assert found.metadata["general.architecture"] == "llama" == model.metadata["general.architecture"]
        assert len(list(found.metadata)) == len(found.metadata) and "no such key" not in found.metadata
        assert found.chat_template == model.chat_template
    assert sum(model.devices.values()) > 50e6 and model.gpu_layers == 0


def test_loading(smol: str) -> None:
    shares: list[float] = []
    with qask.Model(smol, progress=shares.append, mmap=False) as model:
        assert shares[-1] == 1.0 and shares == sorted(shares)
    flag = qask.Cancel()
    flag.cancel()
    with pytest.raises(qask.Cancelled):
        qask.Model(smol, cancel=flag)
    with open(smol, "rb") as file, qask.Model((file, 0, 0)) as model:
        assert model.architecture == "llama"


def test_engine(model: qask.Model) -> None:
    with model.engine(n_ctx=512, kv_tokens=1024, max_sequences=4, cache_type_k="f16", threads=2, adapt_threads=False) as engine:
        assert (engine.n_ctx, engine.kv_tokens) == (512, 1024)
        text = "You are a helpful assistant who answers in one short sentence and who never lies about anything at all."
        engine.prewarm([{"role": "system", "content": text}], pin=True)
        reply = engine.generate([{"role": "system", "content": text}, {"role": "user", "content": "Hi"}], max_tokens=2)
        assert reply.usage is not None and reply.usage.cached_tokens > 10
        engine.unpin()
        engine.set_threads(1)
        engine.generate("Hi", max_tokens=2)
        stats = engine.stats()
        assert stats.threads_used == 1 and stats.threads_batch_used == 1
        assert stats.finished >= 1 and stats.threads == 1 and stats.output_tokens >= 2
        engine.close(timeout=10)
        assert engine.closed and "closed" in repr(engine)


def test_an_engine_rests_and_lets_go_of_memory(model: qask.Model) -> None:
    with model.engine(threads=1) as engine:
        question = qask.Request(QUESTION, max_tokens=8, temperature=0.0)
        expected = engine.generate(question).text
        stream = engine.stream(question)
        engine.pause()
        steps = engine.stats().steps
        time.sleep(0.1)
        assert engine.stats().steps == steps
        engine.trim("context")
        assert engine.stats().kv_tokens_used == 0
        engine.resume()
        assert "".join(stream) == expected
        levels: tuple[Literal["cache", "context", "weights"], ...] = ("cache", "context", "weights")
        for level in levels:
            engine.trim(level)
            assert engine.generate(question).text == expected
        with pytest.raises(ValueError, match="level"):
            engine.trim("everything")  # type: ignore[arg-type]


def test_many_threads_share_an_engine(model: qask.Model) -> None:
    engine = model.engine(max_sequences=8)
    found: dict[int, Any] = {}

    def ask(i: int) -> None:
        found[i] = engine.generate(f"What is {i}?", max_tokens=8)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8 and all(r.done for r in found.values())


def test_the_gil_is_free_while_a_stream_is_awaited(model: qask.Model) -> None:
    # A long prompt keeps the stream silent; another thread must be able to count meanwhile.
    engine = model.engine(n_ctx=4096, prefix_cache=False)
    stop, gaps = threading.Event(), [0.0]

    def tick() -> None:
        last = time.monotonic()
        while not stop.is_set():
            time.sleep(0.001)
            now = time.monotonic()
            gaps[0] = max(gaps[0], now - last)
            last = now

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    engine.generate("word " * 1500, max_tokens=1)
    took = time.monotonic() - began
    stop.set()
    thread.join()
    assert gaps[0] < took / 2


def test_collected_in_any_order(smol: str, no_leak: None) -> None:
    for seed in range(6):
        model = qask.Model(smol)
        engine = model.engine(n_ctx=256)
        chat = engine.chat(max_tokens=50)
        things = {"model": model, "engine": engine, "chat": chat, "stream": chat.stream("Hi"), "request": qask.Request("x")}
        del model, engine, chat
        names = list(things)
        random.Random(seed).shuffle(names)
        for name in names:
            del things[name]
            gc.collect()


def test_no_copies(model: qask.Model) -> None:
    import copy
    import pickle

    for copier in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copier(model)


def test_a_hundred_cycles_leave_nothing(model: qask.Model, no_leak: None) -> None:
    engine = model.engine(n_ctx=256)
    for _ in range(100):
        stream = engine.stream("Hi", max_tokens=50)
        next(stream)
        stream.cancel()
        stream.close()
    engine.close(timeout=10)


def test_notebook(model: qask.Model) -> None:
    assert "SmolLM2" in model._repr_html_() or "llama" in model._repr_html_()
    chat = model.chat(max_tokens=3)
    reply = chat.send("<b>&")
    assert "&lt;b&gt;&amp;" in chat._repr_html_() and reply._repr_markdown_() == reply.text


def test_log_goes_to_python(smol: str, caplog: pytest.LogCaptureFixture) -> None:
    import logging

    with pytest.raises(ValueError, match="level must be"):
        qask.log_to_python("loud")
    with caplog.at_level(logging.DEBUG, "qask"):
        qask.log_to_python("debug")
        qask.Model(smol).engine(n_ctx=64).close(timeout=10)
        until = time.monotonic() + 10
        while len({r.name for r in caplog.records}) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        qask.log_to_python(None)
    assert {r.name for r in caplog.records} == {"qask", "qask.engine"}
