"""``unrolled predict`` for the task ``ocr``: the text of each line, and where its characters stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...results import Input, Part, Prediction, Text
from ..common.picture_inputs import PictureInputs, picture_input
from ..common.unaligned.prediction import PredictedReading, predicted

if TYPE_CHECKING:
    from .trained import TrainedOcr


@dataclass(frozen=True, kw_only=True)
class Predict(PredictedReading, PictureInputs):
    """The pictures of lines, and how their texts are found."""


def predictions(model: TrainedOcr, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a picture; the predictions before it have been yielded.
    """
    reading = options.reading(model)
    for read in options.read_each(inputs, lambda given: (given.title, model.read(picture_input(given)))):
        if isinstance(read, Text):
            yield read
        else:
            yield from predicted(model, read, reading, options)
