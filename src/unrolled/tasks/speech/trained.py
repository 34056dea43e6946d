"""A trained speech recogniser: read recordings and streams of sound, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ... import results
from ...checks import UNCHECKED, Size, checked_methods
from ...data.audio import Audio, read_audio
from ...data.log_mel import BANDS, STEP, Frames
from ...data.utterance_store import frames_of
from ...data.utterances import Utterances
from ...results import Input, Picture, Prediction, Progress, Report, silent
from ..common.trained import Modules
from ..common.unaligned.decoding import Reading
from ..common.unaligned.drawing import characters_under
from ..common.unaligned.model import Encoder
from ..common.unaligned.trained import TrainedReader
from .evaluation import Evaluate, evaluation
from .model import SpeechReader
from .prediction import Predict, predictions
from .streaming import SpeechStream


@checked_methods
class TrainedSpeech(TrainedReader[Utterances]):
    """A trained speech recogniser, as returned by `unrolled.load` for a run of the task ``speech``.

    handle = unrolled.load("runs/speech-recordings-1")
    handle.predict(["new.wav"])[0].answer
    """

    task: ClassVar[str] = "speech"
    encoder: ClassVar[Callable[[Any], Encoder]] = SpeechReader
    noun = "recordings"

    @property
    def rate(self) -> int:
        """Samples per second that recordings are converted to."""
        return int(self.config.data.sample_rate)

    @property
    def why_whole(self) -> str:
        """Why the model needs whole recordings; empty if it does not."""
        return "" if self.config.sound.streaming else "it reads in both directions; train one with --streaming"

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        ways = "in one direction, for streams" if self.config.sound.streaming else "in both directions"
        return [
            *super().about(),
            ("sound", f"{self.rate:,} Hz, an input for each {1000 * self.frame_size:g} ms, {ways}"),
            ("symbols", f"{len(self.alphabet) - 1:,}: {''.join(self.alphabet.names[:60])}"),
        ]

    @staticmethod
    def collate(recordings: Annotated[Sequence[npt.NDArray[Any]], UNCHECKED]) -> tuple[Tensor, Tensor]:
        """Return recordings ``(T_n, 40)`` as frames ``(B, T, 40)``, padded with 0, and their lengths ``(B,)``."""
        lengths = [len(frames) for frames in recordings]
        padded = np.zeros((len(recordings), max(lengths), BANDS), np.float32)
        for row, frames in zip(padded, recordings, strict=True):
            row[: len(frames)] = frames
        return torch.from_numpy(padded), torch.tensor(lengths, dtype=torch.int64)

    def width(self, array: Annotated[npt.NDArray[Any], UNCHECKED]) -> int:
        """See `TrainedReader.width`."""
        return len(array)

    @property
    def frame_size(self) -> float:
        """See `TrainedReader.frame_size`: seconds."""
        return float(STEP * self.config.sound.stacked)

    def explained(self, name: str, array: Annotated[Any, UNCHECKED], found: Annotated[Any, UNCHECKED]) -> Picture:
        """See `TrainedReader.explained`: the energies of the bands, low ones at the bottom."""
        unit = float(self.config.sound.stacked)
        return Picture(
            "characters", lambda: characters_under(_drawn(array), found.pieces, unit), f"{name}: the characters"
        )

    def predict(self, recordings: Annotated[Sequence[Any], UNCHECKED], *, explain: bool = False) -> list[Prediction]:
        """Return the text of each recording.

        Args:
            recordings: files (paths), bytes of files, or pairs of samples ``(N,)`` in [-1, 1] and their rate.
            explain: add a drawing of when the characters are spoken.

        Raises:
            DataError: a recording cannot be read.
        """
        options = Predict(explain=explain)
        chunk: Any = [_input(recording, number) for number, recording in enumerate(recordings, 1)]
        return [found for found in predictions(self, [chunk], options) if isinstance(found, Prediction)]

    def read(self, recording: Annotated[Any, UNCHECKED], name: str = "") -> Frames:
        """Return the frames ``(T, 40)`` of a recording: a file, its bytes, or samples and rate."""
        if isinstance(recording, tuple):
            samples, rate = recording
            return self.frames(Audio(np.asarray(samples, np.float32), int(rate)))
        return self.frames(read_audio(Path(recording) if isinstance(recording, str) else recording, name))

    def frames(self, audio: Annotated[Audio, UNCHECKED]) -> Frames:
        """Return the frames ``(T, 40)`` of a recording as the network reads them."""
        return frames_of(audio, self.rate)

    def stream(self, rate: Size, reading: Annotated[Reading | None, UNCHECKED] = None) -> SpeechStream:
        """Begin to recognise sound that arrives in parts.

            stream = handle.stream(16_000)
            stream.push(samples).text             # the text so far
            stream.end().text

        Args:
            rate: samples per second of the sound.
            reading: how texts are found (default: beam search without a language model).

        Raises:
            RunError: the model reads in both directions.
        """
        if self.why_whole:
            raise self.unable(f"answer while sound arrives: {self.why_whole}")
        return SpeechStream(self, rate, reading)

    def streaming(self, lanes: Size = 1) -> NoReturn:
        """Raise `RunError`: sound comes in samples, not in steps; see `stream`, and `Trained.streaming`."""
        raise self.unable(f"answer step by step: {self.why_whole or 'give sound to the stream of stream(rate)'}")

    def modules(self) -> Modules:
        """See `Trained.modules`: log-mel frames ``(B, T, 40)`` and lengths ``(B,)`` → logits ``(K, B, C)``."""
        around = {"symbols": self.alphabet.symbols, "rate": self.rate, "stacked": self.config.sound.stacked}
        return Modules(self.model, None, (), (("frames", "lengths"), ("logits",)), around)

    def read_other(self, data: str) -> tuple[Utterances, list[str]]:
        """See `TrainedOnSets.read_other`."""
        found: tuple[Utterances, list[str]] = self.config.data.read_test(data, self.rate)
        return found

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | results.Part]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)


def _drawn(frames: Frames) -> Image.Image:
    """Return energies ``(T, 40)`` as a picture, dark where it is loud."""
    low, high = np.quantile(frames, [0.05, 0.995])
    share = np.clip((frames.T[::-1] - low) / max(high - low, 1e-6), 0, 1)
    return Image.fromarray((255 * (1 - share)).astype(np.uint8)).convert("RGB")


def _input(recording: Any, number: int) -> Input:
    if isinstance(recording, str | Path):
        return Input(Path(recording).expanduser())
    return Input(recording, f"recording {number}")
