"""How likely a model finds texts: continuations of a prompt, and the perplexity of a text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Sequence, overload

from ._owned import Owned
from ._wait import Cancel, wait, wait_async
from .engine import wait_for
from .errors import RangeError
from .facts import pointers
from .options import NORMALIZATIONS, ScorerOptions, apply, number
from .raw import call, encode, ffi, lib, make

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from ._library import CData
    from .model import Model


@dataclass(frozen=True, eq=False)
class Score:
    """How likely one continuation is. Logarithms are natural ones."""

    tokens: list[int]
    #: Of each token, given all before it: float32.
    log_probabilities: NDArray[np.float32]
    _normalized: dict[str, float]

    def log_probability(self, normalization: str = "none") -> float:
        """Of the continuation: the sum over its tokens ("none"); their mean, without those that all continuations begin
        with ("tokens"); or the sum divided by its bytes ("bytes")."""
        number(NORMALIZATIONS, "normalization", normalization)
        return self._normalized[normalization]


class Scores(Sequence[Score]):
    """The scores of a prompt's continuations, in their order."""

    def __init__(self, pointer: CData) -> None:
        scores = ffi.gc(pointer, lib.qask_scores_free)
        count = lib.qask_scores_count(scores)
        self._scores = [_score(scores, i) for i in range(count)]
        self._likeliest = {
            name: lib.qask_scores_likeliest(scores, n) if count else None for name, n in NORMALIZATIONS.items()
        }

    def likeliest(self, normalization: str = "none") -> int | None:
        """The place of the likeliest continuation, the first of equals; None of none. See `Score.log_probability`."""
        number(NORMALIZATIONS, "normalization", normalization)
        return self._likeliest[normalization]

    @overload
    def __getitem__(self, index: int) -> Score: ...

    @overload
    def __getitem__(self, index: slice) -> list[Score]: ...

    def __getitem__(self, index: int | slice) -> Score | list[Score]:
        return self._scores[index]

    def __len__(self) -> int:
        return len(self._scores)

    def __repr__(self) -> str:
        return f"<Scores: {', '.join(f'{s.log_probability():.3f}' for s in self)}>"


def _score(scores: CData, index: int) -> Score:
    import numpy as np

    count = ffi.new("size_t *")
    tokens = lib.qask_scores_tokens(scores, index, count)
    found = ffi.unpack(tokens, count[0])
    logs = lib.qask_scores_log_probabilities(scores, index, count)
    array = np.frombuffer(ffi.buffer(logs, 4 * count[0]), dtype=np.float32).copy()
    normalized = {name: lib.qask_scores_log_probability(scores, index, n) for name, n in NORMALIZATIONS.items()}
    return Score(found, array, normalized)


@dataclass(frozen=True)
class Perplexity:
    """The perplexity of a text."""

    perplexity: float
    standard_error: float
    #: How many tokens were scored.
    tokens: int


class Scorer(Owned):
    """Scores texts by a model. Any thread; a call waits for its result.

        scorer = m.scorer()
        scorer.score("The capital of France is", [" Paris", " Berlin"]).likeliest()
        scorer.perplexity(text).perplexity
    """

    def __init__(self, model: Model, **options: Unpack[ScorerOptions]) -> None:
        pointer = make("scorer_options", lib.qask_scorer_options_new)
        try:
            apply("scorer_options", pointer, ScorerOptions, options)
            scorer = make("scorer", lib.qask_scorer_new, model._handle, pointer)
        finally:
            lib.qask_scorer_options_free(pointer)
        super().__init__(scorer, lib.qask_scorer_free)

    def score(
        self,
        prompt: str,
        continuations: Sequence[str],
        *,
        deadline: float | None = None,
        cancel: Cancel | None = None,
    ) -> Scores:
        """Scores continuations of a prompt, which is computed once. `DeadlinePassed` after `deadline` seconds."""
        return Scores(wait(self._score(prompt, continuations, deadline), cancel))

    async def score_async(
        self,
        prompt: str,
        continuations: Sequence[str],
        *,
        deadline: float | None = None,
        cancel: Cancel | None = None,
    ) -> Scores:
        """As `score`, for event loops."""
        return Scores(await wait_async(self._score(prompt, continuations, deadline), cancel))

    def _score(self, prompt: str, continuations: Sequence[str], deadline: float | None) -> Callable[[CData], CData]:
        if isinstance(continuations, str):
            raise RangeError("continuations must be a list of texts, not one text")
        asked, data = encode(prompt, "prompt"), [encode(c, "continuation") for c in continuations]
        array, lengths, kept = pointers(data)
        handle, limit = self._handle, _milliseconds(deadline)

        def work(flag: CData) -> CData:
            # `kept` is what the array points to.
            texts = (array, lengths, len(kept))
            return make("scores", lib.qask_scorer_score, handle, asked, len(asked), *texts, flag, limit)

        return work

    def perplexity(
        self,
        text: str,
        *,
        window: int = 0,
        stride: int = 0,
        context: int = 0,
        windows: int = 0,
        deadline: float | None = None,
        cancel: Cancel | None = None,
    ) -> Perplexity:
        """`exp` of the mean of the tokens' negative log-probabilities, in windows of `window` tokens (0: `max_tokens`),
        each beginning `stride` tokens (0: half a window) behind the one before. The first `context` tokens of a window
        are read and not scored (0: those that the window before has scored). `windows` limits how many there are; 0:
        all."""
        return wait(self._perplexity(text, (window, stride, context, windows), deadline), cancel)

    async def perplexity_async(
        self,
        text: str,
        *,
        window: int = 0,
        stride: int = 0,
        context: int = 0,
        windows: int = 0,
        deadline: float | None = None,
        cancel: Cancel | None = None,
    ) -> Perplexity:
        """As `perplexity`, for event loops."""
        return await wait_async(self._perplexity(text, (window, stride, context, windows), deadline), cancel)

    def _perplexity(
        self, text: str, cut: tuple[int, int, int, int], deadline: float | None
    ) -> Callable[[CData], Perplexity]:
        data, limit, handle = encode(text), _milliseconds(deadline), self._handle
        found, error, tokens = ffi.new("double *"), ffi.new("double *"), ffi.new("uint64_t *")

        def work(flag: CData) -> Perplexity:
            call(lib.qask_scorer_perplexity, handle, data, len(data), *cut, flag, limit, found, error, tokens)
            return Perplexity(float(found[0]), float(error[0]), int(tokens[0]))

        return work

    @property
    def max_tokens(self) -> int:
        """Tokens that a prompt and a continuation may have together."""
        return lib.qask_scorer_max_tokens(self._handle)

    def close(self, timeout: float | None = 0) -> None:
        """Ends calls that wait with `Closed`, and frees it. Waits until the memory is free, at most `timeout` seconds
        (None: for ever), and raises TimeoutError when it is not by then."""
        if self._pointer is None:
            return
        free = wait_for(lib.qask_scorer_close, self._pointer, timeout)
        super().close()
        if not free and timeout:
            raise TimeoutError(f"the scorer's memory was not free after {timeout} s; it will be soon")

    def __repr__(self) -> str:
        return "<Scorer, closed>" if self._pointer is None else f"<Scorer: {self.max_tokens} tokens>"


def _milliseconds(deadline: float | None) -> int:
    return -1 if deadline is None else math.ceil(deadline * 1000)
