"""``unrolled predict`` for the task ``lm``: the most probable words for the gap of a text.

    score(word) = log p(word | text before) + log p(text after | text before, word)
    p(word) = softmax over the candidates

So the text after the gap counts as much as the text before it. See gap_words.py and gap_scores.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cells import check_size
from ...data import WordVocabulary
from ...errors import ArgumentError
from ...results import Input, Piece, Prediction, Table, Text, is_blank
from ...results.prediction import ranked_cells
from ..common.prediction import readable
from ..common.text_inputs import TextInputs
from .gap import Gap
from .gap_scores import gap_scores
from .gap_words import Proposal, propose

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel

CANDIDATES, OF_A_VOCABULARY = 500, 10_000
SHOWN, IN_A_ROW = 10, 2  # words; words in a row of a table


@dataclass(frozen=True, kw_only=True)
class Predict(TextInputs):
    """The texts with a gap, and the words for it."""

    gap: str = "___"
    """the marker of the gap in a text"""
    top_k: int | None = None
    """number of words to show, most probable first (default: 10)"""
    candidates: int | None = None
    """words to consider (default: 500; of a word vocabulary up to 10,000)"""
    words: tuple[str, ...] = ()
    """candidate word, instead of those that the model proposes; repeatable"""

    def __post_init__(self) -> None:
        if self.top_k is not None:
            check_size("top_k", self.top_k)
        if not self.gap.strip():
            raise ArgumentError("gap", "a marker of at least one visible character", self.gap)
        if self.candidates is not None:
            check_size("candidates", self.candidates)
            if self.words:
                raise ArgumentError("candidates", "omitted with --words", self.candidates)


def predictions(
    model: TrainedLanguageModel, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction]:
    """See `Trained.predictions`; the prediction for a blank line is empty."""
    for chunk in inputs:
        texts, error = readable(chunk, Input.text)
        for text in texts:
            yield Prediction("") if is_blank(text) else fill(model, text, options)
        if error is not None:
            raise error


@torch.no_grad()
def fill(model: TrainedLanguageModel, text: str, options: Predict) -> Prediction:
    """Return the most probable words for the gap of a text.

    Raises:
        ArgumentError: the text does not have one gap and text around it, or it cannot be encoded.
    """
    network: Any = model.model
    vocabulary, opening, device = model.vocabulary, model.opening(), model.device
    text = text if model.config is None else model.config.data.normal(text)
    gap = Gap.of(text, options.gap, vocabulary)

    def read(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = network(ids.to(device), state)
        return F.log_softmax(logits.double(), dim=-1).cpu(), state

    begin = network.initial_state(1)
    if options.words:
        proposal = Proposal(gap.check_words(options.words, vocabulary), None)
    else:
        default = OF_A_VOCABULARY if isinstance(vocabulary, WordVocabulary) else CANDIDATES
        proposal = propose(vocabulary, gap, read, begin, opening, options.candidates or default)
    if not proposal.words:
        raise ArgumentError("text", "a gap that a word of the vocabulary fits", text, "name candidates with --words")
    left, right = gap_scores(vocabulary, gap, proposal.words, read, begin, opening)
    return _prediction(text, gap, proposal, left, right, options.top_k)


def _prediction(text: str, gap: Gap, proposal: Proposal, left: Tensor, right: Tensor, most: int | None) -> Prediction:
    probability = (left + right).softmax(0)
    ranked = (-probability).argsort(stable=True)[: most or SHOWN].tolist()
    words: list[dict[str, Any]] = [
        {
            "word": proposal.words[at],
            "probability": float(probability[at]),
            "left": float(left[at]),
            "right": float(right[at]),
        }
        for at in ranked
    ]
    best = proposal.words[ranked[0]]
    marker = Piece(gap.marker, label=best, probability=float(probability[ranked[0]]))
    rest = text[len(gap.left) + len(gap.marker) :]
    shares = {proposal.words[at]: float(probability[at]) for at in ranked}
    rows = [(row["word"], f"{row['probability']:.1%}", f"{row['left']:z.2f}", f"{row['right']:z.2f}") for row in words]
    header = ("word", "probability", "left (nats)", "right (nats)")
    note = f"among {len(proposal.words):,} candidate word{'s' * (len(proposal.words) != 1)}"
    if proposal.covered is not None:
        note += f", which have {proposal.covered:.1%} of the probability from the left"
    return Prediction(
        text,
        best,
        shares,
        tuple(piece for piece in (Piece(gap.left), marker, Piece(rest)) if piece.text),
        lines=(f"{gap.left}[{best}]{rest}",),
        parts=(Table("words", header, rows, right=header[1:]), Text(note)),
        more={"words": words, "candidates": len(proposal.words), "covered": proposal.covered},
        cells={"word": best, "left": round(words[0]["left"], 4), "right": round(words[0]["right"], 4)}
        | _ranked(list(shares.items())[: most or IN_A_ROW]),
    )


def _ranked(shares: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Return cells for the most probable words: ``probability``, ``word_2``, ``probability_2``, …"""
    return {name.replace("label", "word"): cell for name, cell in ranked_cells(shares).items()}
