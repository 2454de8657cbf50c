"""Vectors and scores as NumPy arrays."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import path_of

import qask


def test_vectors(minilm: qask.Model) -> None:
    texts = ["A cat sits on the mat.", "There is a cat on a mat.", "The bank raised its rates."]
    vectors = minilm.embed(texts)
    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    same, other = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert same > 0.6 > 0.3 > other
    single = minilm.embed(texts[0])
    assert single.shape == (384,) and np.allclose(single, vectors[0], atol=1e-3)
    assert minilm.embed([]).shape == (0, 384) and minilm.embed([""]).shape == (1, 384)


def test_options(minilm: qask.Model) -> None:
    with minilm.embedder(pooling="none", normalize=False) as embedder:
        vectors = embedder.embed_tokens("Hello world")
        assert vectors.shape == (embedder.count_tokens("Hello world"), 384) and embedder.pooling == "none"
    with minilm.embedder(dimensions=64, truncation="end", max_tokens=16, query_prefix="query: ") as embedder:
        assert (embedder.dimensions, embedder.max_tokens, embedder.pooling) == (64, 16, "mean")
        assert embedder.embed("word " * 100, purpose="query").shape == (64,)
        assert embedder.count_tokens("a", "query") > embedder.count_tokens("a")
        embedder.close(timeout=10)
        with pytest.raises(qask.Closed):
            embedder.embed("x")
    with minilm.embedder(max_tokens=16) as embedder, pytest.raises(qask.TooLong):
        embedder.embed(["short", "word " * 100])
    with pytest.raises(ValueError, match="purpose must be one of plain, query, document"):
        minilm.embed("x", purpose="x")
    with pytest.raises(qask.Unsupported):
        minilm.rerank("x", ["y"])


def test_scores() -> None:
    with qask.Model(path_of("minilm-rerank")) as model:
        scores = model.rerank("What is a cat?", ["A cat is an animal.", "Rates went up.", ""])
        assert scores.shape == (3,) and np.isfinite(scores).all() and model.rerank("x", []).shape == (0,)
        with pytest.raises(qask.RangeError, match="a list of texts"):
            model.rerank("x", "y")


def test_a_raised_flag_ends_it(minilm: qask.Model) -> None:
    flag = qask.Cancel()
    flag.cancel()
    with pytest.raises(qask.Cancelled):
        minilm.embed(["word " * 200] * 50, cancel=flag)
