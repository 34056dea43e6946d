"""Sampling of the next token: temperature, top-k, top-p, greedy.

    p_v = softmax(logits / temperature)_v, limited to the top k, then to the smallest set with probability top_p
    choose the first v, in the vocabulary's order, with  p_0 + … + p_v > u · Σp,   u ∈ [0, 1)

All in float64, with u from a counter-based generator keyed by (seed, stream, position): the same seed gives the same
text with every backend and any number of parallel streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

import numpy as np
import numpy.typing as npt

from ..checks import checked
from ..data.counter import uniform
from ..errors import ArgumentError, DivergedError

# B streams, V tokens in the vocabulary


@checked
@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Options for sampling tokens.

    Raises:
        ArgumentError: a number is out of range.
    """

    temperature: Annotated[float, "a number of at least 0"] = 1.0
    """softmax temperature: below 1 less random, above 1 more; 0: greedy"""
    top_k: Annotated[int, "an integer of at least 0"] = 0
    """sample among the k most likely tokens only; 0: among all"""
    top_p: Annotated[float, "a probability above 0 and at most 1"] = 1.0
    """nucleus sampling: the smallest set of tokens with this total probability"""
    greedy: bool = False
    """greedy decoding: always take the most likely token (same as --temperature 0)"""
    seed: int = 0
    """random seed; the same seed generates the same text"""

    def __post_init__(self) -> None:
        if not (0 <= self.temperature < float("inf")):
            raise ArgumentError("temperature", "a number of at least 0", self.temperature)
        if self.top_k < 0:
            raise ArgumentError("top_k", "an integer of at least 0", self.top_k)
        if not 0 < self.top_p <= 1:
            raise ArgumentError("top_p", "a probability above 0 and at most 1", self.top_p)

    def choose(
        self, logits: npt.NDArray[np.floating], position: int, streams: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Sample one token for each stream: ``logits (B, V)`` → ids ``(B,)``; ``streams (B,)`` are the stream numbers.

        Raises:
            DivergedError: the largest logit of a stream is infinite or NaN.
        """
        if not np.isfinite(logits.max(axis=1)).all():
            raise DivergedError(
                "the model's outputs are not finite numbers; its weights have diverged or were altered: open another "
                "checkpoint or run"
            )
        if self.greedy or self.temperature == 0:
            return logits.argmax(axis=1)
        p = self.probabilities(logits)  # (B, V)
        cumulative = p.cumsum(axis=1)
        total = cumulative[:, -1]
        u = np.minimum(uniform(self.seed, streams, position) * total, np.nextafter(total, 0))
        ids = (cumulative > u[:, None]).argmax(axis=1)
        return ids.astype(np.int64)

    def probabilities(self, logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the sampling probabilities ``(B, V)``, zero where top-k or top-p exclude a token, not renormalised."""
        logits = logits.astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)  # before the division, which may overflow
        with np.errstate(over="ignore"):
            p = np.exp(shifted / self.temperature)
        p /= p.sum(axis=1, keepdims=True)
        V = p.shape[1]
        if 0 < self.top_k < V or self.top_p < 1:
            order = np.argsort(-p, axis=1, kind="stable")  # most likely first; ties in the vocabulary's order
            ranked = np.take_along_axis(p, order, axis=1)
            keep = np.ones_like(ranked, dtype=bool)
            if 0 < self.top_k < V:
                keep[:, self.top_k :] = False
                ranked = ranked * keep
            if self.top_p < 1:
                before = ranked.cumsum(axis=1) - ranked  # mass of the more likely tokens
                keep &= before < self.top_p * ranked.sum(axis=1, keepdims=True)
            mask = np.zeros_like(keep)
            np.put_along_axis(mask, order, keep, axis=1)
            p = p * mask
        return p


class SamplingOptions(TypedDict, total=False):
    """The fields of `Sampling` as keywords of the functions that generate."""

    temperature: Annotated[float, "a number of at least 0"]
    top_k: Annotated[int, "an integer of at least 0"]
    top_p: Annotated[float, "a probability above 0 and at most 1"]
    greedy: bool
    seed: int
