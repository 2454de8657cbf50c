#!/usr/bin/env python3
"""Writes a first corpus and a dictionary for each fuzz target, out of the tests and the sources: seeds.py"""
import itertools
import json
import re
import struct
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent

# Whose string literals a target's dictionary holds.
SOURCES = {
    "gguf": ["gguf/hparams.rs", "gguf/vocab.rs", "gguf/divisors.rs", "gguf/split.rs", "gguf.rs"],
    "adapter": ["gguf/adapter.rs", "gguf.rs"],
    "session": ["session/envelope.rs"],
    "request": ["openai.rs", "message.rs"],
    "chat": ["chat/envelope.rs", "message.rs"],
    "message": ["message.rs"],
    "template": ["template/filters.rs", "template/functions.rs", "template/methods.rs", "template/checks.rs"],
    "schema": ["constraint/schema.rs"],
    "gbnf": ["constraint/gbnf.rs"],
}


def conformance(name):
    return json.loads((root / f"tests/conformance/{name}.json").read_text())


def literals(path):
    """The string literals of a Rust file."""
    found = re.findall(r'"((?:[^"\\\n]|\\.)*)"', path.read_text())
    for text in found:
        try:
            yield json.loads(f'"{text}"')
        except ValueError:
            pass


def corpus(target, seeds):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (folder / f"seed-{i}").write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def dictionary(target, paths):
    words = {w for p in paths for w in literals(root / "src" / p)
             if 2 <= len(w) <= 32 and w.isascii() and w.isprintable() and " " not in w}
    folder = here / "dictionaries"
    folder.mkdir(exist_ok=True)
    quoted = (w.replace("\\", "\\\\").replace('"', '\\"') for w in sorted(words))
    (folder / f"{target}.dict").write_text("".join(f'"{w}"\n' for w in quoted))


# ---- answers and constraints ----
def output():
    source = (root / "src/output/formats/mod.rs").read_text()
    count = len(re.findall(r"^    [a-z0-9]+::[A-Z0-9_]+,$", source, re.M))
    n = itertools.count()
    for name in "tools", "reasoning":
        for case in conformance(name)["cases"]:
            # Every output once in each format: which one it is for the fuzzer sees by what it covers.
            for i in range(count + 1):
                thinking = 1 if case.get("thinking") else 0
                yield bytes([i, 14 if case.get("tags") else 13, thinking, next(n) % 256]) + case["output"].encode()


# In the order of the target.
KINDS = "json_schema", "regex", "lark", "gbnf", "choice"


def constraints():
    """Kind, source and the answers of each case."""
    for case in conformance("constraints"):
        for kind in (k for k in KINDS if k in case):
            source = case[kind] if isinstance(case[kind], str) else \
                "\n".join(case[kind]) if kind == "choice" else json.dumps(case[kind])
            yield kind, source, [*case.get("accepts", []), *case.get("rejects", []), ""]


def constraint():
    for kind, source, answers in constraints():
        for answer in answers:
            rest = (answer + source).encode()
            length = len(answer.encode())
            # The target takes the length's remainder; what does not fit into a byte is left out.
            if length < min(256, len(rest) + 1):
                yield bytes([KINDS.index(kind), length]) + rest


# ---- files ----
def gguf(keys, tensors=()):
    """A GGUF of version 3; values by their Python type, tensors of F32 as (name, dimensions)."""
    text = lambda s: struct.pack("<Q", len(s.encode())) + s.encode()

    def value(v):
        if isinstance(v, bool):
            return struct.pack("<I?", 7, v)
        if isinstance(v, int):
            return struct.pack("<II", 4, v)
        if isinstance(v, float):
            return struct.pack("<If", 6, v)
        if isinstance(v, str):
            return struct.pack("<I", 8) + text(v)
        kind, one = (8, text) if isinstance(v[0], str) else \
            (6, lambda x: struct.pack("<f", x)) if isinstance(v[0], float) else (5, lambda x: struct.pack("<i", x))
        return struct.pack("<IIQ", 9, kind, len(v)) + b"".join(map(one, v))

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    out += b"".join(text(k) + value(v) for k, v in keys.items())
    offset, data = 0, b""
    for name, dims in tensors:
        out += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, offset)
        size = 4
        for d in dims:
            size *= d
        data += bytes(size) + bytes(-size % 32)
        offset = len(data)
    return out + bytes(-len(out) % 32) + data


VOCABULARY = {
    "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": ["a", "b", "<s>"],
    "tokenizer.ggml.token_type": [1, 1, 3], "tokenizer.ggml.scores": [0.0, 0.0, 0.0],
    "tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.bos_token_id": 2, "tokenizer.chat_template": "{{ x }}",
}
LLAMA = {
    "general.architecture": "llama", "general.name": "tiny", "llama.block_count": 1, "llama.context_length": 8,
    "llama.embedding_length": 4, "llama.feed_forward_length": 8, "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1, "llama.rope.dimension_count": 2, "llama.rope.freq_base": 10000.0,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
}


def models():
    yield gguf(LLAMA | VOCABULARY)
    yield gguf(LLAMA | VOCABULARY, [("token_embd.weight", (4, 3)), ("output_norm.weight", (4,))])
    yield gguf(LLAMA | VOCABULARY | {"tokenizer.ggml.model": "llama", "tokenizer.ggml.add_bos_token": False})
    yield gguf(LLAMA | VOCABULARY | {"llama.expert_count": 4, "llama.expert_used_count": 2})
    yield gguf(LLAMA | VOCABULARY | {"split.count": 2, "split.no": 0, "split.tensors.count": 1})
    yield gguf({"general.architecture": "clip"})
    yield from (b"<!DOCTYPE html>", b"PK\x03\x04", b"GGUF", b"version https://git-lfs.github.com/spec/v1\n")


def adapters():
    lora = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora",
            "adapter.lora.alpha": 8.0}
    pair = [("blk.0.attn_q.weight.lora_a", (32, 4)), ("blk.0.attn_q.weight.lora_b", (4, 32))]
    yield gguf(lora, pair)
    yield gguf(lora | {"adapter.alora.invocation_tokens": [1, 2]}, pair)
    yield gguf({"general.architecture": "controlvector"}, [("direction.1", (32,))])


def sessions():
    record = {"library": "0", "model": "m", "engine": "e", "adapters": "", "tokens": [1, 2], "order": [[0, 1], []],
              "chat": {"template": "t", "history": "{}", "transcript": {
                  "text": "ab", "protected": [[0, 1]], "tokens": [1], "generated": [2]}}}
    for chat in record["chat"], None:
        for cells in 0, 8:
            yield bytes([1, cells]) + bytes(64) + json.dumps(record | {"chat": chat}).encode() + bytes(cells)
    for case in conformance("sessions")["cases"]:
        yield b"\0\0" + bytes.fromhex(case["file"])


def layouts():
    number = lambda *n: struct.pack(f"<{len(n)}I", *n)
    rows = lambda: b"".join(number(1, 8, 0) + bytes(8) for _ in range(4))
    cache = lambda streams: number(streams, *[0] * (streams - 1), 1, 0, 1, 0, 0, 2, 0, 0) + rows()
    state = number(1, 0, 0, 0, 2) + rows()
    for body in cache(1), cache(3), cache(1) + cache(1), state, cache(1) + state:
        yield bytes([3, 2, 0, 1]) + number(7, 0) + body


# ---- JSON and templates ----
def requests():
    message = {"role": "user", "content": "hi"}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    for more in (
        {}, {"temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7, "max_tokens": 5, "stop": ["x"]},
        {"tools": [tool], "tool_choice": "required", "parallel_tool_calls": False},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": [tool]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
        {"logprobs": True, "top_logprobs": 3, "n": 2, "logit_bias": {"5": -1.5}},
        {"context_policy": "shift", "shift_keep": 4, "deadline_ms": 10, "priority": -3, "cache_key": "k"},
    ):
        yield json.dumps({"messages": [message], **more})
    yield json.dumps({"prompt": "text", "suffix": "end"})
    yield json.dumps({"prompt": [1, 2, 3], "grammar": 'root ::= "a"'})


def messages():
    yield json.dumps({"role": "user", "content": [{"type": "text", "text": "x"}]})
    yield json.dumps({"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function"}]})


def templates():
    """The templates of the tests, each over some content."""
    for path in "src/template/tests.rs", "tests/hostile_templates.rs":
        for i, text in enumerate(literals(root / path)):
            if "{{" in text or "{%" in text:
                content = "a<|im_end|>b</s>"
                yield bytes([i % 16, len(content)]) + (content + text).encode()


def transcripts():
    yield b"<user>hi<end>\0abc\0<user>hi<end>abc<end><user>"
    yield b"<user>|hi|<end>\0a\xc3\xa9\0" + "<user>|hi|<end>aé<end>|<end>|".encode()


def main():
    corpus("output", output())
    corpus("constraint", constraint())
    corpus("gguf", models())
    corpus("adapter", adapters())
    corpus("session", sessions())
    corpus("layout", layouts())
    corpus("request", requests())
    corpus("chat", (case["chat"] for case in conformance("chats")["cases"] if isinstance(case.get("chat"), str)))
    corpus("message", messages())
    corpus("template", templates())
    corpus("transcript", transcripts())
    corpus("gbnf", (source for kind, source, _ in constraints() if kind == "gbnf"))
    corpus("schema", (b"\0" + source.encode() for kind, source, _ in constraints() if kind == "json_schema"))
    for target, paths in SOURCES.items():
        dictionary(target, paths)


main()
