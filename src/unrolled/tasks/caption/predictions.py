"""``unrolled predict`` for the task ``caption``: captions of pictures or clips, and the attention of each word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError
from ...results import Input, Part, Prediction, Text
from ..common.picture_inputs import PictureInputs, picture_input
from ..common.search_options import SearchOptions
from ..common.sentences import as_cells, as_value
from .captions import Caption

if TYPE_CHECKING:
    from .trained import TrainedCaptioner


@dataclass(frozen=True, kw_only=True)
class Predict(SearchOptions, PictureInputs):
    """The pictures or clips to describe, the options of the search, and the output."""

    n_best: int | None = None
    """captions of each, best first, with their scores"""
    scores: bool = False
    """show the score of each caption, as --n-best does"""
    explain: bool = False
    """also draw the attention of each word"""

    def check(self, model: Any) -> None:
        super().check(model)
        if self.explain and model.attention is None:
            raise ArgumentError("explain", "omitted for a captioner without attention", True)


def predictions(
    model: TrainedCaptioner, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a picture; the predictions before it have been yielded.
    """
    options.check(model.model)
    for good in options.read_each(
        inputs, lambda given: (picture := picture_input(given, model.what), model.reader.read(picture))
    ):
        if isinstance(good, Text):
            yield good
            continue
        arrays = model.reader.together([pixels for _, pixels in good])
        for (picture, _), captions in zip(good, model.described(arrays, **options.given()), strict=True):
            yield _prediction(model, picture, captions, options)


def _prediction(model: TrainedCaptioner, picture: Input, captions: list[Caption], options: Predict) -> Prediction:
    scored = options.scores or options.n_best is not None
    best = captions[0]
    parts = (model.explained(picture, picture.title, best),) if options.explain else ()
    lines = tuple(f"{caption.score:z8.3f}\t{caption.text}\t{picture.title}" for caption in captions) if scored else None
    more = {"captions": [as_value(caption) for caption in captions]}
    return Prediction(
        picture.title, best.text, parts=parts, lines=lines, more=more, cells=as_cells("caption", captions)
    )
