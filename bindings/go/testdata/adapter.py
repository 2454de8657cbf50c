"""Writes two LoRAs for SmolLM2-135M: zero.gguf, which changes nothing, and noise.gguf, which does: adapter.py FOLDER"""
import array
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
from gguf_writer import F32, STR, TENSOR_F32, Writer  # noqa: E402

WIDTH, RANK = 576, 4
random.seed(5)


def numbers(n, size):
    return array.array("f", (random.uniform(-size, size) for _ in range(n))).tobytes()


for name, size in (("zero", 0), ("noise", 0.5)):
    lora = Writer("llama")
    lora.key("general.type", STR, "adapter")
    lora.key("adapter.type", STR, "lora")
    lora.key("adapter.lora.alpha", F32, 8.0)
    for layer in range(4):
        lora.tensor(f"blk.{layer}.attn_q.weight.lora_a", (RANK, WIDTH), TENSOR_F32, numbers(RANK * WIDTH, 0.5))
        lora.tensor(f"blk.{layer}.attn_q.weight.lora_b", (WIDTH, RANK), TENSOR_F32, numbers(WIDTH * RANK, size))
    lora.write(f"{sys.argv[1]}/{name}.gguf")
