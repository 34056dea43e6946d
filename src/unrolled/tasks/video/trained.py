"""A trained video classifier: the class of clips or the labels of their frames, at once or frame by frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...checks import UNCHECKED, checked_methods
from ...data.batches import in_order
from ...data.labelled_clips import Clips
from ...errors import RunError
from ...layers.frames import padded
from ...results import Input, Prediction, Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.class_measures import Matrix
from ..common.classes import class_row, stored_classes
from ..common.clip_options import FASTEST
from ..common.own_data import TrainedOnSets
from ..common.prediction import Part
from ..common.recurrent import restored
from ..common.trained import Modules
from .evaluation import Evaluate, evaluation
from .measures import measure
from .model import VideoClassifier, VideoState
from .prediction import Predict, predicted, predictions
from .reading import CHUNK, Clip, encoded, of_array, read
from .segments import Labels
from .streaming import SteppedVideo, modules, why_whole

# N clips, T frames of a clip, K classes

AT_ONCE, NUMBERS = 4096, 1 << 24  # frames of a batch of clips, and numbers in them


class Answered(NamedTuple):
    """The answers for a clip.

    probabilities   ``(K,)``, or of each frame ``(T, K)``
    single          the class of the single frame that is most certain, or of each frame by itself; `None`: omitted,
                    or without that baseline
    """

    probabilities: Matrix
    single: Labels | None


@checked_methods
class TrainedVideo(TrainedOnSets[Clips]):
    """A trained video classifier, as returned by `unrolled.load` for a run of the task ``video``.

    Args:
        model: ``frames (N, …), lengths (B,)`` → logits.
        classes: the names of the K classes.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
        rate: frames per second of the training clips, and of others when they are read; 0: unknown, all are read.
    """

    task: ClassVar[str] = "video"
    noun = "clips"
    model: VideoClassifier

    def __init__(
        self,
        model: VideoClassifier,
        classes: list[str],
        config: Any,
        fingerprint: str | None = None,
        rate: float = 0.0,
    ) -> None:
        super().__init__(model, config, fingerprint)
        self.classes, self.rate = classes, rate

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedVideo:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file does not list the classes or the shape of frames, or the weights do not fit.
        """
        classes, shape = stored_classes(file), file.assets.get("shape")
        if (
            not isinstance(shape, list)
            or len(shape) != 3
            or not all(isinstance(side, int) and 1 <= side <= 1 << 16 for side in shape)
        ):
            raise RunError("the model file does not give the shape of its frames; restore it or train anew")
        model = restored(file, config.model, lambda: VideoClassifier(tuple(shape), len(classes), config))
        rate = file.assets.get("rate")
        rate = float(rate) if isinstance(rate, int | float) and 0 < rate <= FASTEST else 0.0
        return cls(model, classes, config, file.assets.get("data"), rate)

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        return [*super().about(), class_row(self.classes)]

    @property
    def by_frame(self) -> bool:
        """Whether each frame has a label, not only the clip."""
        return self.model.pooling is None

    def answers(
        self, clips: Clips, *, single: bool = False, done: Callable[[int], None] | None = None
    ) -> list[Answered]:
        """Return the answers for clips, in their order.

        Args:
            clips: the clips; labels are not used.
            single: also answer from single frames.
            done: called with the number of clips answered so far.
        """
        found: dict[int, Answered] = {}
        most = max(1, min(AT_ONCE, NUMBERS // math.prod(self.model.shape)))
        for chosen in in_order(clips.lengths.tolist(), 64, most) if len(clips) else ():
            for number, answered in zip(chosen.tolist(), self._batch(clips, chosen.tolist(), single), strict=True):
                found[number] = answered
            if done is not None:
                done(len(found))
        return [found[number] for number in range(len(clips))]

    @torch.no_grad()
    def _batch(self, clips: Clips, chosen: list[int], single: bool) -> Iterator[Answered]:
        lengths = torch.from_numpy(clips.lengths[chosen]).to(self.device)
        if len(chosen) == 1:  # it may be long
            vectors, alone = encoded(self, _chunks(clips[chosen[0]]), single)
        else:
            frames = torch.from_numpy(np.concatenate([clips[number] for number in chosen])).to(self.device)
            vectors = self.model.frames.encode(frames, lengths)
            alone = self.model.single(frames) if single and self.model.single is not None else None
        logits = self.model.answer(padded(vectors, lengths), lengths)
        parts = [None] * len(chosen) if alone is None else alone.split(lengths.tolist())
        for lane, (length, part) in enumerate(zip(lengths.tolist(), parts, strict=True)):
            own = logits[:length, lane] if self.by_frame else logits[lane]
            yield Answered(own.double().softmax(-1).cpu().numpy(), self._single(part))

    def _single(self, alone: Tensor | None) -> Labels | None:
        if alone is None:
            return None
        shares = alone.double().softmax(1).cpu().numpy()
        if self.by_frame:
            return np.asarray(shares.argmax(1), np.int64)
        return np.asarray(shares[shares.max(1).argmax()].argmax(), np.int64)

    def read(self, clip: Annotated[Any, UNCHECKED], name: str = "") -> Clip:
        """Return a clip as the model reads it; see `predict`.

        Raises:
            DataError: the clip cannot be read.
        """
        return read(self, Path(clip).expanduser() if isinstance(clip, str) else clip, name)

    def predicted(self, clip: Clip) -> Prediction:
        """Return the prediction for a clip that `read` has returned."""
        return predicted(self, clip)

    def read_other(self, data: str) -> tuple[Clips, list[str]]:
        """See `TrainedOnSets.read_other`."""
        found: tuple[Clips, list[str]] = self.config.data.read_test(data)
        return found

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Return `Results` under ``measures`` on the clips that `find` returns, the clips and notes.

        Raises:
            DataError: there are no clips, or a label is not one of the classes of the model.
            RunError: the run's own clips cannot be read, or have changed.
        """
        clips, notes = self.find(data, split)
        return {"measures": measure(self, clips), "examples": clips, "notes": notes}

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predict(self, clips: Annotated[Sequence[Any], UNCHECKED]) -> list[Prediction]:
        """Predict the class of each clip with probabilities, or the labels of its frames, with a drawing over time.

        Args:
            clips: files, folders of frames (paths), or arrays ``(T, h, w)`` or ``(T, h, w, C)`` of bytes.

        Raises:
            DataError: a clip cannot be read.
        """
        named = [(str(c) if isinstance(c, str | Path) else f"clip {n}", c) for n, c in enumerate(clips, 1)]
        return [self.predicted(self.read(given, name)) for name, given in named]

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def step(
        self, frame: Annotated[Any, UNCHECKED], state: VideoState | None = None
    ) -> tuple[dict[str, float], VideoState]:
        """Return the probabilities after the next frame of a stream, and the new state.

            state = None
            for frame in frames:
                probabilities, state = model.step(frame, state)

        They are those of the clip up to this frame, as `predict` gives for that part of it; or, with labels of frames,
        those of this frame.

        Args:
            frame: ``(h, w)`` or ``(h, w, C)`` of bytes.
            state: the state after the frame before; `None` for the first.

        Raises:
            DataError: the frame has another shape or other values.
            RunError: the model needs the whole clip, see `streaming`.
        """
        stream = self.streaming()
        x = torch.from_numpy(np.array(of_array(self, frame, "the frame"))[None]).to(self.device)
        shares, state = stream.step(x, stream.initial_state() if state is None else state)
        return dict(zip(self.classes, shares[0].tolist(), strict=True)), state

    def streaming(self, lanes: int = 1) -> SteppedVideo:
        """See `Trained.streaming`; a step maps frames ``(B, H, W, C)`` of the model's size to probabilities ``(B, K)``.

        Raises:
            RunError: the model reads clips in both directions, or pools all frames.
        """
        if reason := why_whole(self.model):
            raise self.unable(f"answer step by step: {reason}")
        return SteppedVideo(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the shape of a frame and the classes."""
        return modules(self.model, self.classes)


def _chunks(frames: Any) -> Iterator[Any]:
    """Yield the frames of a clip in chunks, so that only one of them is in memory."""
    return (frames[begin : begin + CHUNK] for begin in range(0, len(frames), CHUNK))
