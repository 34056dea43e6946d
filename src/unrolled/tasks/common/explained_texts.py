"""``unrolled predict`` for tasks whose predictions can be attributed to words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...results import Input, Prediction
from .prediction import Predictor, readable
from .text_inputs import TextInputs


@dataclass(frozen=True, kw_only=True)
class ExplainedTexts(TextInputs):
    """Texts to predict."""

    explain: bool = False
    """show unknown words, and each word's contribution in nats of log-odds"""


def predictions(model: Predictor, inputs: Iterable[Sequence[Input]], options: ExplainedTexts) -> Iterator[Prediction]:
    """See `Trained.predictions`."""
    for chunk in inputs:
        texts, error = readable(chunk, Input.text)
        yield from model.predict(texts, explain=options.explain)
        if error is not None:
            raise error
