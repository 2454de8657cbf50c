"""How likely texts are: continuations of a prompt, perplexities."""

from __future__ import annotations

import math
from typing import Iterator

import numpy as np
import pytest

import qask


@pytest.fixture(scope="module")
def scorer(model: qask.Model) -> Iterator[qask.Scorer]:
    with model.scorer() as scorer:
        yield scorer


def test_continuations(model: qask.Model, scorer: qask.Scorer) -> None:
    texts = [" Berlin", " Paris", " a large cheese"]
    scores = scorer.score("The capital of France is", texts)
    assert len(scores) == 3 and scores.likeliest() == scores.likeliest("bytes") == 1
    for text, score in zip(texts, scores):
        assert score.tokens == model.tokenize(text)
        assert score.log_probabilities.dtype == np.float32 and len(score.log_probabilities) == len(score.tokens)
        total = float(score.log_probabilities.sum())
        assert math.isclose(score.log_probability(), total, abs_tol=1e-4) and total < 0
        assert math.isclose(score.log_probability("bytes"), total / len(text.encode()), abs_tol=1e-4)
        assert math.isclose(score.log_probability("tokens"), total / len(score.tokens), abs_tol=1e-4)
    assert scores[-1] is scores[2] and scores[:2] == [scores[0], scores[1]] and "-" in repr(scores)
    empty = scorer.score("x", [])
    assert len(empty) == 0 and empty.likeliest() is None


def test_normalization_decides(scorer: qask.Scorer) -> None:
    # Of a sum the short one is the likeliest, of a mean the long one that goes on as it began.
    scores = scorer.score("1, 2, 3, 4, 5,", [" cheese", " 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16"])
    sums = [s.log_probability() for s in scores]
    means = [s.log_probability("tokens") for s in scores]
    assert scores.likeliest() == int(np.argmax(sums)) and scores.likeliest("tokens") == int(np.argmax(means)) == 1
    with pytest.raises(ValueError, match="normalization must be one of none, tokens, bytes"):
        scores.likeliest("mean")
    with pytest.raises(ValueError, match="it is 'mean'"):
        scores[0].log_probability("mean")


def test_perplexity(scorer: qask.Scorer) -> None:
    plain = scorer.perplexity("The cat sat on the mat and looked at the bird in the tree. " * 4)
    noise = scorer.perplexity("mat Tree, the? on sat bird looked cat. at and The in the zq " * 4, window=32)
    assert 1 < plain.perplexity < noise.perplexity and plain.standard_error > 0 and plain.tokens > 40
    count = "one two three four five six seven eight nine ten " * 20
    assert scorer.perplexity(count, window=64, stride=64, context=33, windows=2).tokens == 62


async def test_for_event_loops(scorer: qask.Scorer) -> None:
    scores = await scorer.score_async("The capital of France is", [" Berlin", " Paris"])
    assert scores.likeliest() == 1
    assert (await scorer.perplexity_async("The cat sat on the mat.")).perplexity > 1


def test_limits(model: qask.Model, minilm: qask.Model, scorer: qask.Scorer) -> None:
    with model.scorer(max_tokens=64, batch_tokens=32, max_sequences=2, special_tokens=True, threads=1) as small:
        assert small.max_tokens == 64 and "64" in repr(small)
        with pytest.raises(qask.ContextFull, match="max_tokens is 64"):
            small.score("word " * 100, ["a"])
        small.close(timeout=10)
        with pytest.raises(qask.Closed):
            small.score("a", ["b"])
    with pytest.raises(qask.RangeError, match="a list of texts"):
        scorer.score("x", "y")
    with pytest.raises(qask.Unsupported):
        minilm.scorer()
    flag = qask.Cancel()
    flag.cancel()
    with pytest.raises(qask.Cancelled):
        scorer.score("x", ["y"], cancel=flag)
    with pytest.raises(qask.DeadlinePassed):
        scorer.perplexity("word " * 20000, deadline=0.05)
    with pytest.raises(qask.RangeError, match="deadline"):
        scorer.score("x", ["y"], deadline=0)


def test_nothing_is_left(model: qask.Model, no_leak: None) -> None:
    with model.scorer() as scorer:
        kept = scorer.score("The capital of France is", [" Paris"])
    assert kept[0].log_probabilities.shape == (1,)
