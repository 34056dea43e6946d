"""``unrolled predict RUN -``: answers for frames that arrive in a pipe, while they arrive if the model can do so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from ...data.frame_stream import Y4M, Raw, open_stream
from ...results import Prediction
from .reading import frames_of, of_stream
from .streaming import why_whole

if TYPE_CHECKING:
    from .trained import TrainedVideo

PIPE = "-"


class PipeOptions(Protocol):
    """The form of the frames: see `Predict`."""

    @property
    def raw(self) -> tuple[int, ...] | None: ...
    @property
    def raw_rate(self) -> float | None: ...


def piped(model: TrainedVideo, options: PipeOptions) -> Iterator[Prediction]:
    """Yield a prediction whenever the answer changes, and one at the end of the pipe.

    A model that needs the whole clip answers at the end.

    Raises:
        DataError: the pipe has no frames of the form that the options say.
    """
    stream: Any = getattr(sys.stdin, "buffer", sys.stdin)
    form = Y4M
    if options.raw is not None:
        rate = options.raw_rate or model.rate
        exact = Fraction(rate).limit_denominator(1001) if rate else None
        height, width, channels = (*options.raw, model.config.data.channels)[:3]
        form = Raw(height, width, channels, exact)
    opened = open_stream(stream, form, "standard input")
    if why_whole(model.model):
        yield model.predicted(of_stream(model, opened, "standard input"))
        return
    frames, rate = frames_of(model, opened)
    stepped = model.streaming()
    state, answer, number, shares = stepped.initial_state(), None, 0, np.zeros(0)
    for number, pixels in enumerate(frames, 1):
        x = torch.from_numpy(np.array(pixels)[None]).to(model.device)
        found, state = stepped.step(x, state)
        shares = found[0].cpu().numpy()
        if answer != (answer := model.classes[int(shares.argmax())]):
            yield _prediction(model, answer, shares, number, rate, last=False)
    if not model.by_frame and answer is not None:
        yield _prediction(model, answer, shares, number, rate, last=True)


def _prediction(model: TrainedVideo, answer: str, shares: Any, number: int, rate: float, last: bool) -> Prediction:
    when = f"{number / rate:8.2f} s" if rate else f"frame {number:,}"
    line = f"{when}  {answer} {shares.max():.0%}{'  (end)' if last else ''}"
    found = dict(zip(model.classes, shares.tolist(), strict=True))
    more = {"frame": number, "rate": rate, "last": last}
    return Prediction("standard input", answer, found, lines=(line,), more=more)
