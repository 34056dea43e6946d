"""A trained predictor of frames: predict the frames after a clip, evaluate."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks import UNCHECKED, Size, checked_methods
from ...data.clips import read_clip
from ...data.frame_sets import FrameSets, sized
from ...data.frame_windows import Windows
from ...data.pictures import Pixels, fitted, from_array
from ...errors import DataError, RunError
from ...results import Input, Prediction, Progress, Report, silent
from ...training import modelfile
from ...training.modelfile import ModelFile
from ..common.own_data import own_data
from ..common.trained import Modules, Streaming, Trained
from .evaluation import Evaluate, evaluation
from .measures import Sums
from .model import FramePredictor, frame_loss
from .prediction import Predict, Window, predictions

# B clips, T given frames, N predicted frames, H × W pixels, C channels

AT_ONCE = 1 << 21  # pixels of the clips that are predicted together
LARGEST = 1 << 24  # pixels of a frame that a model file may claim


@checked_methods
class TrainedFrames(Trained):
    """A trained predictor of frames, as returned by `unrolled.load` for a run of the task ``frames``.

        handle = unrolled.load("runs/frames-moving-digits-1")
        handle.predict([clip])[0]                      # (N, H, W, C), uint8

    Args:
        model: ``frames (B, T, H, W, C)`` → logits of the next ones.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "frames"
    model: FramePredictor

    def __init__(self, model: FramePredictor, config: Any, fingerprint: str | None = None) -> None:
        super().__init__(model, config, fingerprint)

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedFrames:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file does not give the size of the frames, or the weights do not fit.
        """
        shape = file.assets.get("shape")
        if (
            not isinstance(shape, list)
            or [type(side) for side in shape] != [int] * 3
            or not (min(shape) >= 1 and shape[0] * shape[1] * shape[2] <= LARGEST)
        ):
            raise RunError("the model file does not give the size of its frames; restore it or train anew")
        height, width, channels = shape
        with torch.device("meta"):
            modelfile.check_fit(FramePredictor(channels, config.model, (height, width)), file.tensors, "the model file")
        model = FramePredictor(channels, config.model, (height, width))
        modelfile.restore(model, file.tensors, "the model file")
        return cls(model, config, file.assets.get("data"))

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W and C of a frame."""
        height, width, channels = self.model.mean_frame.shape
        return height, width, channels

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        data, network = self.config.data, self.config.model
        cells = f"{network.cell}, {', '.join(map(str, network.maps))} feature maps, patches of {network.patch} pixels"
        return [
            *super().about(),
            ("frames", f"{data.context} given, {data.horizon} predicted; {sized(self.shape)}"),
            ("network", cells),
        ]

    def predict(self, clips: Annotated[Sequence[Any], UNCHECKED], horizon: Size | None = None) -> list[Pixels]:
        """Return the frames that follow each clip, ``(N, H, W, C)`` uint8.

        Args:
            clips: arrays ``(T, H, W)`` or ``(T, H, W, C)`` of integers in 0..255 or floats in 0..1, or files; the last
                frames of each are read, as many as in training.
            horizon: N (default: as in training).

        Raises:
            DataError: a clip cannot be read, or has too few frames.
        """
        found, steps = [], horizon or self.config.data.horizon
        for number, clip in enumerate(clips, 1):
            request = self.window(clip, str(clip) if isinstance(clip, str | Path) else f"clip {number}")
            found.append(self.predicted(request.given[None], steps)[0])
        return found

    def window(
        self, clip: Annotated[Any, UNCHECKED], name: str = "the clip", at: int | None = None, steps: int = 0
    ) -> Window:
        """Return the frames of a clip to read; no others are kept, so that a film of hours takes little memory.

        Args:
            clip: see `predict`.
            name: its name in messages.
            at: the last frame to read, counted from 1, at least as many as the model reads (default: that of the clip).
            steps: with ``at``, the number of true frames after it.

        Raises:
            DataError: the clip cannot be read, or has too few frames.
        """
        context, count = self.config.data.context, 0
        most = None if at is None else at + steps
        kept: deque[Pixels] = deque(maxlen=context + (0 if at is None else steps))
        for frame in itertools.islice(self.frames(clip, name), most):
            kept.append(frame)
            count += 1
        if count < context:
            raise DataError(f"{name} has {count} frames, and the model reads {context}; give a longer clip")
        if at is not None and count < at:
            raise DataError(f"{name} has {count} frames, and frame {at} is to be the last one read; give a lower --at")
        end = count if at is None else at
        frames = list(kept)[len(kept) - (count - end) - context :]
        true = np.stack(frames[context:]) if steps and len(frames) == context + steps else None
        return Window(np.stack(frames[:context]), true, end)

    def frames(self, clip: Annotated[Any, UNCHECKED], name: str = "the clip") -> Iterator[Pixels]:
        """Yield the frames ``(H, W, C)`` of a clip as the model reads them; see `predict`.

        Raises:
            DataError: the clip cannot be read.
        """
        height, width, channels = self.shape
        data = self.config.data
        if isinstance(clip, str):
            clip = Path(clip).expanduser()
        if isinstance(clip, Path | bytes | Input):
            yield from read_clip(clip, (height, width), data.rate, channels, fit=data.fit, name=name)
            return
        if not hasattr(clip, "__len__") or not len(clip):
            raise DataError(f"{name} is not a clip; give a path, bytes, or an array (T, H, W) or (T, H, W, C)")
        for frame in clip:
            yield fitted(from_array(frame, name), (height, width), channels, fit=data.fit)

    def predicted(self, given: Pixels, steps: int) -> Pixels:
        """Return the next frames ``(B, N, H, W, C)`` of given frames ``(B, T, H, W, C)``, uint8."""
        found = [torch.sigmoid(z) for _, z in self._logits(given, steps)]
        return np.asarray((255 * torch.cat(found)).round().to(torch.uint8))

    @torch.no_grad()
    def _logits(self, given: Pixels, steps: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield clips that are predicted together: which ones, and their logits ``(B, N, H, W, C)``."""
        size = int(np.prod(given.shape[2:])) * (given.shape[1] + steps)
        at_once, device = max(1, AT_ONCE // size), self.model.mean_frame.device
        for begin in range(0, len(given), at_once):
            part = slice(begin, begin + at_once)
            frames = torch.from_numpy(np.ascontiguousarray(given[part])).to(device).float() / 255
            yield part, self.model(frames, steps).float().cpu()

    def measure(
        self, windows: Windows, progress: Callable[[int], None] | None = None, most: int | None = None
    ) -> tuple[Sums, float]:
        """Return the sums of the measures over windows, and the mean loss.

        Args:
            windows: the windows, of at least as many frames as the model reads and predicts.
            progress: called with the number of windows so far.
            most: the number of windows (default: all).
        """
        data, objective = self.config.data, self.config.answer.objective
        sums, total, count = Sums(data.horizon), 0.0, min(len(windows), most or len(windows))
        for numbers in chunks(count):
            clips = windows.pick(numbers)
            true = torch.from_numpy(clips[:, data.context :]).float() / 255
            for part, z in self._logits(clips[:, : data.context], data.horizon):
                total += float(frame_loss(z, true[part], objective)) * len(z)
                sums.add(true[part], torch.sigmoid(z))
            if progress is not None:
                progress(int(numbers[-1]) + 1)
        return sums, total / count

    def own_sets(self) -> FrameSets:
        """Read the run's own windows.

        Raises:
            RunError: they cannot be read, or have changed.
        """
        data, seed = self.config.data, self.config.training.seed
        return own_data(lambda: data.read(seed), lambda sets: sets.digest, self.fingerprint, what=data.data)

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: int = 1) -> Streaming:
        """See `Trained.streaming`.

        Raises:
            RunError: always.
        """
        raise self.unable("answer step by step: it reads all given frames first")

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the size of the frames and how many are given and predicted."""
        data = self.config.data
        around = {"shape": list(self.shape), "context": data.context, "horizon": data.horizon}
        return Modules(Predicting(self.model, data.horizon), None, (), (("frames",), ("logits",)), around)


class Predicting(torch.nn.Module):
    """The model with a fixed number of predicted frames: frames ``(B, T, H, W, C)`` → logits ``(B, N, H, W, C)``."""

    def __init__(self, model: FramePredictor, steps: int) -> None:
        super().__init__()
        self.model, self.steps = model, steps

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.model(frames, self.steps)
        return logits


def chunks(count: int, size: int = 32) -> Iterator[Any]:
    """Yield the numbers from 0 to ``count`` in arrays of ``size``."""
    for begin in range(0, count, size):
        yield np.arange(begin, min(begin + size, count))
