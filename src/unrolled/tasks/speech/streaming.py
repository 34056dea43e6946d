"""Speech that is recognised while it arrives: samples in any amounts in, the text so far out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...data.log_mel import BANDS, STEP, Frames, LogMel
from ...data.resampling import Resampler
from ...data.riff import Samples
from ...decoding import CTCDecoder
from ...decoding.transcript import Transcript
from ..common.unaligned.decoding import Reading
from ..common.unaligned.examples import BLANK
from .model import SpeechReader

if TYPE_CHECKING:
    from .trained import TrainedSpeech


class SpeechStream:
    """Recognises one stream of sound.

    Args:
        model: a recogniser in one direction.
        rate: samples per second of the stream.
        reading: how texts are found (default: greedily).
    """

    def __init__(self, model: TrainedSpeech, rate: int, reading: Reading | None = None) -> None:
        encoder = model.model.encoder
        assert isinstance(encoder, SpeechReader)
        self.model, self.encoder = model, encoder
        self.resampler, self.bands = Resampler(rate, model.rate), LogMel(model.rate)
        self.state = encoder.before()
        self.rest: Frames = np.zeros((0, BANDS), np.float32)  # frames that do not yet fill a stack
        decoder = reading.decoder if reading is not None else None
        self.decoder = (decoder or CTCDecoder(model.alphabet.symbols, blank=BLANK)).stream()
        self.transcript, self.ended = Transcript([], 0.0, 0.0), False

    def push(self, samples: Samples) -> Transcript:
        """Return the text so far, after these samples ``(N,)`` in [-1, 1]."""
        return self._read(self.bands.push(self.resampler.push(samples)))

    def end(self) -> Transcript:
        """Return the text of the whole stream, to which nothing can be added then."""
        if self.ended:
            return self.transcript
        self.ended = True
        last = [self.bands.push(self.resampler.end()), self.bands.end()]
        stacked = self.encoder.stacked
        missing = -sum(map(len, (self.rest, *last))) % stacked
        self._read(np.concatenate(last), missing)
        self.transcript = self.decoder.finish()[0]
        return self.transcript

    @property
    def seconds(self) -> float:
        """Seconds of sound that have been read."""
        return self.decoder.frames * self.encoder.stacked * STEP

    @torch.no_grad()
    def _read(self, frames: Frames, missing: int = 0) -> Transcript:
        stacked = self.encoder.stacked
        frames = np.concatenate([self.rest, frames])
        whole = len(frames) if missing else len(frames) // stacked * stacked
        self.rest = frames[whole:]
        if whole:
            y = torch.from_numpy(frames[:whole])[None].to(self.model.device)
            h, self.state = self.encoder.step(y, self.state)
            self.transcript = self.decoder.feed(self.model.model.head(h)[:, 0].float().cpu())
        return self.transcript
