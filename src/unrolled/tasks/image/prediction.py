"""``unrolled predict`` for the task ``image``: the class of each picture, with probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...data.pictures import SUFFIXES
from ...results import Input, Prediction
from ..common.file_inputs import FileInputs
from ..common.picture_inputs import picture_input
from ..common.prediction import readable
from ..common.ranked import Ranked, answered

if TYPE_CHECKING:
    from .trained import TrainedImages


@dataclass(frozen=True, kw_only=True)
class Predict(FileInputs, Ranked):
    """The pictures to classify, and the answers."""

    input_name: ClassVar[str] = "image"
    endings: ClassVar[tuple[str, ...]] = SUFFIXES
    explain: bool = False
    """also draw which places the answer depends on: occlusion, gradient × input"""


def predictions(model: TrainedImages, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a picture; the predictions before it have been yielded.
    """
    options.check(model.classes)
    for chunk in inputs:
        good, error = readable(chunk, lambda given: (given.title, model.read(picture_input(given))))
        for prediction in model.classified(good, explain=options.explain):
            yield answered(prediction, options)
        if error is not None:
            raise error
