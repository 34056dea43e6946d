"""``unrolled predict`` for the task ``caption``: captions of pictures, and the attention of each word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...data.pictures import SUFFIXES
from ...errors import ArgumentError
from ...results import Input, Prediction
from ..common.file_inputs import FileInputs
from ..common.picture_inputs import picture_input
from ..common.prediction import readable
from ..common.search_options import SearchOptions
from ..common.sentences import as_cells, as_value
from .captions import Caption

if TYPE_CHECKING:
    from .trained import TrainedCaptioner


@dataclass(frozen=True, kw_only=True)
class Predict(SearchOptions, FileInputs):
    """The pictures to describe, the options of the search, and the output."""

    input_name: ClassVar[str] = "image"
    endings: ClassVar[tuple[str, ...]] = SUFFIXES
    n_best: int | None = None
    """captions per picture, best first, with their scores"""
    scores: bool = False
    """show the score of each caption, as --n-best does"""
    explain: bool = False
    """also draw the picture once per word, with its attention"""

    def check(self, model: Any) -> None:
        super().check(model)
        if self.explain and model.attention is None:
            raise ArgumentError("explain", "omitted for a captioner without attention", True)


def predictions(model: TrainedCaptioner, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a picture; the predictions before it have been yielded.
    """
    options.check(model.model)
    for chunk in inputs:
        good, error = readable(chunk, lambda given: (picture := picture_input(given), model.reader.read(picture)))
        if good:
            arrays = model.reader.encode(np.stack([pixels for _, pixels in good]))
            for (picture, _), captions in zip(good, model.described(arrays, **options.given()), strict=True):
                yield _prediction(model, picture, captions, options)
        if error is not None:
            raise error


def _prediction(model: TrainedCaptioner, picture: Input, captions: list[Caption], options: Predict) -> Prediction:
    scored = options.scores or options.n_best is not None
    best = captions[0]
    parts = (model.explained(picture, picture.title, best),) if options.explain else ()
    lines = tuple(f"{caption.score:z8.3f}\t{caption.text}" for caption in captions) if scored else None
    more = {"captions": [as_value(caption) for caption in captions]}
    return Prediction(
        picture.title, best.text, parts=parts, lines=lines, more=more, cells=as_cells("caption", captions)
    )
