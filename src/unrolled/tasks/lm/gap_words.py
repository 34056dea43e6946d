"""Candidate words for a gap: the most probable ones after the text before it.

A word is a run of letters, digits and underscores, with apostrophes and hyphens inside. The candidates of a word
vocabulary are its words. Models of characters, bytes and byte pairs write them: a beam search from the text before the
gap, in which the end token is the probability that no letter follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...data import Vocabulary, WordVocabulary
from ...decoding import Search, beam_search
from .gap import Gap

# N hypotheses, V vocabulary size

LONGEST = 32  # tokens of a word
NARROWEST, WIDEST = 256, 1000  # hypotheses of the search
JOINERS = "'’-"
_WORD = re.compile(rf"\w+(?:[{JOINERS}]\w+)*")

Read = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""``ids (T, N), state -> (log_probs (T, N, V), state)``, in float64"""


class Spelling:
    """What each token of a vocabulary of characters, bytes or byte pairs may be in a word; masks ``(V,)``.

    Attributes:
        inside: it consists of letters (or parts of letters) and joiners.
        begins: as ``inside``, and it begins with a letter.
        spaced: as ``begins`` after a space, or a space.
        closes: a word may end with it.
        ends: it shows that the word before it has ended.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        texts = [vocabulary.spell(id).decode("utf-8", "surrogateescape") for id in range(len(vocabulary))]
        if vocabulary.unknown is not None:
            texts[vocabulary.unknown] = ""
        part = rf"[\w{JOINERS}\udc80-\udcff]"

        def mask(pattern: str) -> Tensor:
            return torch.tensor([re.fullmatch(pattern, text, re.DOTALL) is not None for text in texts])

        self.inside = mask(f"{part}+")
        self.begins = mask(rf"(?![{JOINERS}]){part}+")
        self.spaced = mask(rf" ((?![{JOINERS}]){part}+)?")
        self.closes = mask(r".*[\w\udc80-\udcff]")
        self.ends = mask(rf"(?!{part}).+")


class Proposal(NamedTuple):
    """Candidate words, and the share of the probability after the text before the gap that they have together; `None`
    if the text after the gap continues the word."""

    words: list[str]
    covered: float | None


def propose(vocabulary: Vocabulary, gap: Gap, read: Read, state: Any, opening: str, most: int) -> Proposal:
    """Return the most probable words after the text before the gap.

    Args:
        vocabulary: the model's vocabulary.
        gap: the gap.
        read: the model.
        state: the model's state before the first token, of one lane.
        opening: the text to start from if there is none before the gap.
        most: maximum number of words.
    """
    head, tail = gap.before
    spaced = gap.spaced and vocabulary.kind in ("word", "bpe")
    context = np.concatenate([vocabulary.encode(head), vocabulary.encode(tail[:-1] if spaced else tail)])
    context = context if len(context) else vocabulary.encode(opening)
    log_probs, state = read(torch.from_numpy(context.astype(np.int64))[:, None], state)
    first = log_probs[-1]  # (1, V)
    if isinstance(vocabulary, WordVocabulary):
        pattern = re.compile(r" \w+" if spaced else r"\w+")
        ids = [id for id, word in enumerate(vocabulary.words) if id and pattern.fullmatch(word)]
        values, best = first[0, ids].sort(descending=True, stable=True)
        words = [vocabulary.words[ids[at]].removeprefix(" ") for at in best[:most].tolist()]
        return Proposal(words, float(values[:most].exp().sum()))
    return _written(vocabulary, Spelling(vocabulary), first, state, read, spaced, gap.continues, most)


def _written(
    vocabulary: Vocabulary,
    spelling: Spelling,
    first: Tensor,
    state: Any,
    read: Read,
    spaced: bool,
    continues: bool,
    most: int,
) -> Proposal:
    end = len(vocabulary)

    def step(ids: Tensor, state: Any) -> tuple[Tensor, None, Any]:
        if ids[0] == end:  # the beginning of the search
            allowed = spelling.spaced if spaced else spelling.begins
            return _with_end(first.masked_fill(~allowed, -torch.inf), first.new_full((1,), -torch.inf)), None, state
        log_probs, state = read(ids[None], state)
        ended = log_probs.new_zeros(len(ids)) if continues else log_probs[0][:, spelling.ends].logsumexp(1)
        ended = ended.masked_fill(~spelling.closes[ids], -torch.inf)
        return _with_end(log_probs[0].masked_fill(~spelling.inside, -torch.inf), ended), None, state

    width = min(WIDEST, max(NARROWEST, most))
    search = Search(beam=width, n_best=min(most, width), length_penalty=0.0)
    [found] = beam_search(step, state, 1, search, begin=end, end=end, max_lengths=[LONGEST])
    shares: dict[str, float] = {}
    for hypothesis in found:
        word = _spelled(vocabulary, hypothesis.ids)
        if hypothesis.log_probability > -np.inf and _WORD.fullmatch(word):
            shares[word] = shares.get(word, 0.0) + float(np.exp(hypothesis.log_probability))
    return Proposal(list(shares), None if continues else sum(shares.values()))


def _with_end(log_probs: Tensor, ended: Tensor) -> Tensor:
    return torch.cat([log_probs, ended[:, None]], dim=1)


def _spelled(vocabulary: Vocabulary, ids: Sequence[int]) -> str:
    """Return the text of ``ids`` without a space before it; an empty text if a character is incomplete."""
    try:
        return b"".join(map(vocabulary.spell, ids)).decode().removeprefix(" ")
    except UnicodeDecodeError:
        return ""
