"""``unrolled predict`` for the task ``speech``: the text of each recording, and when its characters are spoken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ...data.audio import RATES, SUFFIXES
from ...errors import ArgumentError, DataError, abridged
from ...results import Input, Part, Prediction, Text
from ..common.file_inputs import FileInputs
from ..common.picture_inputs import picture_input
from ..common.prediction import readable
from ..common.unaligned.prediction import PredictedReading, predicted
from .pipe import PIPE, piped

if TYPE_CHECKING:
    from .trained import TrainedSpeech


@dataclass(frozen=True, kw_only=True)
class Predict(PredictedReading, FileInputs):
    """The recordings, and how their texts are found."""

    input_name: ClassVar[str] = "recording"
    endings: ClassVar[tuple[str, ...]] = SUFFIXES
    damaged: Literal["error", "skip"] = "error"
    """recordings that cannot be read: error or skip"""
    input_rate: int | None = None
    """-: samples per second of raw sound, 16-bit mono (default: those of the training data)"""
    chunk: float = 0.1
    """-: seconds of sound after which the text is brought up to date"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_rate is not None and not RATES[0] <= self.input_rate <= RATES[1]:
            raise ArgumentError("input_rate", f"{RATES[0]:,} to {RATES[1]:,} samples per second", self.input_rate)
        if not 0.01 <= self.chunk <= 10:
            raise ArgumentError("chunk", "0.01 to 10 seconds", self.chunk)

    def _inputs(self, words: Sequence[str]) -> Iterator[Input]:
        for word in words:
            if word == PIPE:
                yield Input(PIPE, "standard input")  # read while it arrives in `predictions`
            else:
                yield from super()._inputs([word])


def predictions(
    model: TrainedSpeech, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a recording; the predictions before it have been yielded.
    """
    reading = options.reading(model)
    omitted: list[Input] | None = [] if options.damaged == "skip" else None
    for chunk in inputs:
        if any(given.content == PIPE for given in chunk):
            yield from piped(model, options, reading)
            continue
        read = lambda given: (given.title, model.read(picture_input(given, "recording").content, given.title))  # noqa: E731
        good, error = readable(chunk, read, omitted)
        if good:
            yield from predicted(model, good, reading, options)
        if error is not None:
            raise DataError(f"{error}; --damaged skip omits it" if len(chunk) > 1 else str(error)) from error
    if omitted:
        what = f"{len(omitted):,} recording{'s' * (len(omitted) > 1)}"
        yield Text(f"{what} skipped, not readable: {abridged([source.title for source in omitted])}", aside=True)
