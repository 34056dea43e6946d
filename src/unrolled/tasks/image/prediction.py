"""``unrolled predict`` for the task ``image``: the class of each picture, with probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...results import Input, Part, Prediction, Text
from ..common.picture_inputs import PictureInputs, picture_input
from ..common.ranked import Ranked, answered

if TYPE_CHECKING:
    from .trained import TrainedImages


@dataclass(frozen=True, kw_only=True)
class Predict(PictureInputs, Ranked):
    """The pictures to classify, and the answers."""

    explain: bool = False
    """also draw which places the answer depends on: occlusion, gradient × input"""


def predictions(
    model: TrainedImages, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a picture; the predictions before it have been yielded.
    """
    options.check(model.classes)
    for read in options.read_each(inputs, lambda given: (given.title, model.read(picture_input(given)))):
        if isinstance(read, Text):
            yield read
        else:
            yield from (answered(found, options) for found in model.classified(read, explain=options.explain))
