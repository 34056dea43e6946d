"""Greedy CTC decoding: the best class of every frame, without repetitions and blanks: the best alignment."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import Count, checked
from .ctc_inputs import check_logits, not_finite, symbol_ids
from .transcript import Piece, Transcript

# T frames, B examples, C classes


@checked
@torch.no_grad()
def ctc_greedy(
    logits: Tensor, symbols: Sequence[str], lengths: Tensor | Sequence[int] | None = None, *, blank: Count = 0
) -> list[Transcript]:
    """Return the best alignment of each example as a transcript.

    Args:
        logits: ``(T, B, C)``.
        symbols: the names of the C classes, any name for the blank.
        lengths: ``(B,)``, frames of each example; `None`: all T.
        blank: the class of the blank.

    Raises:
        ArgumentError: the logits have another number of classes or are not finite, or lengths are out of range.
    """
    symbol_ids(symbols, blank)
    logits, frames = check_logits(logits, lengths, len(symbols))
    best, classes = logits.log_softmax(2).max(2)  # (T, B)
    found = []
    for b, T in enumerate(frames):
        ids, scores = classes[:T, b].tolist(), best[:T, b].double()
        if not scores.isfinite().all():
            raise not_finite(f"logits[:, {b}]", int((~scores.isfinite()).nonzero()[0]))
        probabilities, pieces, start = scores.exp().tolist(), [], 0
        for t in range(1, T + 1):
            if t == T or ids[t] != ids[start]:
                if ids[start] != blank:
                    mean = sum(probabilities[start:t]) / (t - start)
                    pieces.append(Piece(symbols[ids[start]], start, t, mean))
                start = t
        total = float(scores.sum())
        found.append(Transcript(pieces, total, total))
    return found
