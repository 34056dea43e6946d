"""``unrolled predict`` for tasks whose answers can say which words moved them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...results import Input, Prediction
from .prediction import Predictor
from .text_inputs import TextInputs, readable


@dataclass(frozen=True, kw_only=True)
class ExplainedTexts(TextInputs):
    """The texts, and how they are answered."""

    explain: bool = False
    """show which words moved the decision"""


def predictions(model: Predictor, inputs: Iterable[Sequence[Input]], options: ExplainedTexts) -> Iterator[Prediction]:
    """See `Trained.predictions`."""
    for some in inputs:
        texts, failed = readable(some)
        yield from model.predict(texts, explain=options.explain)
        if failed is not None:
            raise failed
