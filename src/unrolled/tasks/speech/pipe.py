"""``unrolled predict RUN -``: the text of raw sound that arrives in a pipe, while it arrives if the model can do so."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...data.audio import LIMITS, Audio, read_audio
from ...data.riff import Samples, is_wav
from ...errors import DataError
from ...results import Prediction
from ..common.unaligned.decoding import Reading
from ..common.unaligned.prediction import PredictedReading, predicted

if TYPE_CHECKING:
    from .trained import TrainedSpeech

PIPE = "-"
NAME = "standard input"
SAMPLE = 2  # bytes


class PipeOptions(Protocol):
    """The form of the sound: see `Predict`."""

    @property
    def input_rate(self) -> int | None: ...
    @property
    def chunk(self) -> float: ...


def piped(model: TrainedSpeech, options: Any, reading: Reading) -> Iterator[Prediction]:
    """Yield a prediction whenever the text changes, and one at the end of the pipe.

    A model in both directions, or sound that begins as a WAV file, is answered at the end.

    Raises:
        DataError: the pipe is empty, or has more sound than is read at once.
    """
    stream: Any = getattr(sys.stdin, "buffer", sys.stdin)
    rate = options.input_rate or model.rate
    size = max(1, round(rate * options.chunk)) * SAMPLE
    first = _read(stream, size)
    if not first:
        raise DataError("standard input is empty; give raw sound, 16-bit mono, such as from arecord -f S16_LE")
    if is_wav(first) or model.why_whole:
        data = first + stream.read(LIMITS.bytes + 1)
        audio = read_audio(data, NAME) if is_wav(first) else Audio(_samples(data), rate)
        yield from predicted(model, [(NAME, model.frames(audio))], reading, options)
        return
    yield from _streamed(model, first, stream, size, rate, reading, options)


def _streamed(
    model: TrainedSpeech, first: bytes, stream: Any, size: int, rate: int, reading: Reading, options: PredictedReading
) -> Iterator[Prediction]:
    opened, shown, given = model.stream(rate, reading), "", 0
    block = first
    while block:
        begin = time.perf_counter()
        given += len(block) // SAMPLE
        text = model.text(opened.push(_samples(block)))
        if text != shown:
            shown = text
            yield _prediction(text, given / rate, time.perf_counter() - begin, last=False)
        block = _read(stream, size)
    begin = time.perf_counter()
    text = model.text(opened.end())
    yield _prediction(text, given / rate, time.perf_counter() - begin, last=True)


def _prediction(text: str, seconds: float, took: float, last: bool) -> Prediction:
    line = f"{seconds:8.2f} s  {text}{'  (end)' if last else ''}"
    return Prediction(NAME, text, lines=(line,), more={"seconds": seconds, "computed": took, "last": last})


def _read(stream: Any, size: int) -> bytes:
    """Return the next ``size`` bytes, fewer at the end of the pipe."""
    try:
        found: bytes = stream.read(size)
    except OSError as error:
        raise DataError(f"cannot read standard input: {error.strerror or error}") from error
    return found


def _samples(data: bytes) -> Samples:
    return np.frombuffer(data[: len(data) // SAMPLE * SAMPLE], "<i2").astype(np.float32) / np.float32(2**15)
