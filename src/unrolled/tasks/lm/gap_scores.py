"""Scores of words in a gap: log p(word | text before) and log p(text after | text before, word), in nats.

The model reads the tokens that all filled texts begin with once, then continues with a lane for each word. Words are
scored in the tokens of the filled text, which the vocabulary determines. If there is no text after the gap, models of
characters, bytes and byte pairs score the end of the word instead: the probability that no letter follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...cells.state import select
from ...data import Vocabulary, WordVocabulary
from ...data.vocabulary import Ids
from .gap import Gap
from .gap_words import Read, Spelling

# N words, L tokens, V vocabulary size

LOGITS = 1 << 22  # log-probabilities computed at once


class Filled(NamedTuple):
    """The tokens of filled texts.

    Attributes:
        context: the tokens that all begin with, at least one.
        ids: the other tokens, ``(N, L)`` int64, padded with 0.
        words: ``(N,)``, the number of tokens up to the end of the word.
        lengths: ``(N,)``, the number of tokens.
    """

    context: Ids
    ids: Tensor
    words: Tensor
    lengths: Tensor


def filled(vocabulary: Vocabulary, gap: Gap, words: Sequence[str], opening: str) -> Filled:
    """Encode the text with each word in its gap; without text before the gap, ``opening`` is the context."""
    (head, tail), (near, far) = gap.before, gap.after
    before, rest = vocabulary.encode(tail), vocabulary.encode(far)
    middles = [vocabulary.encode(tail + word + near) for word in words]
    shared = min(_common(before, middle[:-1]) for middle in middles)
    context = np.concatenate([vocabulary.encode(head), before[:shared]])
    ends = [len(vocabulary.encode(tail + word)) if near else len(ids) for word, ids in zip(words, middles, strict=True)]
    ends = [max(1, min(end, len(ids)) - shared) for end, ids in zip(ends, middles, strict=True)]
    sequences = [np.concatenate([ids[shared:], rest]) for ids in middles]
    lengths = torch.tensor([len(ids) for ids in sequences])
    padded = torch.zeros(len(words), int(lengths.max()), dtype=torch.int64)
    for row, ids in enumerate(sequences):
        padded[row, : len(ids)] = torch.from_numpy(ids.astype(np.int64))
    return Filled(context if len(context) else vocabulary.encode(opening), padded, torch.tensor(ends), lengths)


def _common(first: Ids, second: Ids) -> int:
    """Return the length of the longest common beginning."""
    length = min(len(first), len(second))
    different = np.flatnonzero(first[:length] != second[:length])
    return int(different[0]) if len(different) else length


def gap_scores(
    vocabulary: Vocabulary, gap: Gap, words: Sequence[str], read: Read, state: Any, opening: str
) -> tuple[Tensor, Tensor]:
    """Return the scores from the left and from the right, each ``(N,)`` float64.

    Args:
        vocabulary: the model's vocabulary.
        gap: the text around the gap.
        words: N candidates.
        read: the model.
        state: the model's state before the first token, of one lane.
        opening: the text to start from if there is none before the gap.
    """
    text = filled(vocabulary, gap, words, opening)
    context = torch.from_numpy(text.context.astype(np.int64))[:, None]
    first, state = read(context, state)
    N, L = text.ids.shape
    ended = not gap.right and not isinstance(vocabulary, WordVocabulary)
    scores = torch.zeros(N, L + 1, dtype=torch.float64)  # the last column: the end of the word
    scores[:, 0] = first[-1, 0, text.ids[:, 0]]
    ends = Spelling(vocabulary).ends if ended else None
    lanes = max(1, LOGITS // len(vocabulary))
    for at in range(0, N, lanes):
        rows = slice(at, at + lanes)
        ids, lengths = text.ids[rows], text.lengths[rows]
        begin = select(state, torch.zeros(len(ids), dtype=torch.int64))
        _continue(read, begin, ids[:, : int(lengths.max())], lengths, scores[rows], ends)
    position = torch.arange(L + 1)
    left = position < text.words[:, None]
    right = ((position >= text.words[:, None]) & (position < text.lengths[:, None])) | (position == L)
    return (scores * left).sum(1), (scores * right).sum(1)


def _continue(read: Read, state: Any, ids: Tensor, lengths: Tensor, scores: Tensor, ends: Tensor | None) -> None:
    """Score the tokens of ``ids (N, L)`` after the first, and with ``ends``, a mask ``(V,)``, the end of the words."""
    N, L = ids.shape
    steps = L - (ends is None)
    begin, at_once = 0, 1
    while begin < steps:
        end = min(begin + at_once, steps)
        log_probs, state = read(ids[:, begin:end].t(), state)  # (T, N, V)
        targets = ids[:, begin + 1 : end + 1].t()
        found = log_probs[: len(targets)].gather(2, targets[..., None])[..., 0].t()
        scores[:, begin + 1 : begin + 1 + len(targets)] = found
        if ends is not None:
            last = ((lengths > begin) & (lengths <= end)).nonzero()[:, 0]
            scores[last, -1] = log_probs[lengths[last] - 1 - begin, last][:, ends].logsumexp(1)
        begin, at_once = end, max(1, LOGITS // (N * log_probs.shape[2]))
