"""``unrolled predict`` of models that read texts: text, confidence, and the place of each symbol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....cells import check_size
from ....decoding.transcript import Transcript
from ....results import Prediction
from .decoding import DecodingOptions, Reading
from .evaluation import confidence
from .trained import TrainedReader


@dataclass(frozen=True, kw_only=True)
class PredictedReading(DecodingOptions):
    """How the text is found and shown."""

    n_best: int | None = None
    """texts of each input, best first, with their scores"""
    explain: bool = False
    """also draw where the characters were read"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_best is not None:
            check_size("n_best", self.n_best)

    def reading(self, model: TrainedReader[Any]) -> Reading:
        """Return how texts are found; see `Reading`."""
        return Reading(model.alphabet, self, self.n_best or 1)


def predicted(
    model: TrainedReader[Any],
    inputs: Sequence[tuple[str, npt.NDArray[Any]]],
    reading: Reading,
    options: PredictedReading,
) -> Iterator[Prediction]:
    """Yield a prediction for each of these named arrays."""
    arrays = [array for _, array in inputs]
    widths = np.array([model.width(array) for array in arrays], np.int64)
    for (name, array), found in zip(inputs, model.transcripts(arrays, widths, reading), strict=True):
        texts = [model.text(transcript) for transcript in found]
        more = {
            "confidence": confidence(found[0]),
            "characters": characters(model, found[0]),
            "texts": [
                {"text": text, "score": transcript.score, "log_probability": transcript.log_probability}
                for text, transcript in zip(texts, found, strict=True)
            ],
        }
        lines = None
        if options.n_best is not None:
            lines = tuple(f"{t.score:z8.3f}\t{text}\t{name}" for text, t in zip(texts, found, strict=True))
        drawn = (model.explained(name, array, found[0]),) if options.explain else ()
        cells = {"read": texts[0], "confidence": round(confidence(found[0]), 4)}
        yield Prediction(name, texts[0], parts=drawn, lines=lines, more=more, cells=cells)


def characters(model: TrainedReader[Any], transcript: Transcript) -> list[dict[str, Any]]:
    """Return the symbols of a transcript with their places, in the order of the frames."""
    unit = model.frame_size
    return [
        {"text": p.symbol, "begin": p.start * unit, "end": p.end * unit, "confidence": p.confidence}
        for p in transcript.pieces
    ]
