"""Log-mel filters: the energy of a sound in bands as wide as the ear resolves them, every 10 ms.

    m(f) = 2595 · log₁₀(1 + f / 700)                                       the mel scale of HTK
    E_k = Σ_f max(0, min(1 + m(f)·s - k, 1 - m(f)·s + k)) · |X(f)|²         k = 1 … 40 triangles, equally spaced in mel
    y_k = log(max(E_k, 10⁻⁶))                                              natural logarithm

from 20 Hz to half the rate. X is the Fourier transform of 25 ms of sound, weighted with a Hann window and padded with
zeros to a power of two. Frame t is centred at (t + 1/2) · 10 ms. Triangles have equal heights
(Slaney's have equal areas).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .riff import Samples

BANDS = 40
STEP, WINDOW = 0.01, 0.025  # seconds
LOWEST, FLOOR = 20.0, 1e-6  # hertz; least energy
BLOCK = 4096  # frames that are computed at once

Frames = npt.NDArray[np.float32]


class LogMel:
    """Converts a stream of samples to frames.

    Args:
        rate: samples per second.
    """

    def __init__(self, rate: int) -> None:
        self.hop, window = round(STEP * rate), round(WINDOW * rate)
        self.size = 1 << (window - 1).bit_length()  # of the Fourier transform
        self.window = torch.hann_window(window)
        self.matrix = _triangles(rate, self.size)
        self.before = np.zeros((self.size - self.hop) // 2, np.float32)
        self.given = self.made = 0

    def push(self, samples: Samples) -> Frames:
        """Return the next frames ``(T, 40)``, as far as the samples determine them."""
        self.given += len(samples)
        self.before = np.concatenate([self.before, samples.astype(np.float32, copy=False)])
        count = (len(self.before) - self.size) // self.hop + 1
        if count <= 0:
            return np.zeros((0, BANDS), np.float32)
        frames = self._frames(torch.from_numpy(self.before[: (count - 1) * self.hop + self.size]))
        self.before = self.before[count * self.hop :]
        self.made += count
        return frames

    def end(self) -> Frames:
        """Return the last frames: a frame for each 10 ms that have begun."""
        rest = -(-self.given // self.hop) - self.made
        return self.push(np.zeros(self.size + self.hop, np.float32))[: max(0, rest)]

    def _frames(self, x: Tensor) -> Frames:
        spectrum = torch.stft(x, self.size, self.hop, len(self.window), self.window, center=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # (size / 2 + 1, T)
        return (self.matrix @ power).clamp_min(FLOOR).log().t().contiguous().numpy()


def log_mel(samples: Samples, rate: int) -> Frames:
    """Return the frames ``(⌈N / (rate / 100)⌉, 40)`` of samples ``(N,)``."""
    stream = LogMel(rate)
    block = BLOCK * stream.hop
    frames = [stream.push(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*frames, stream.end()])


@lru_cache(16)
def _triangles(rate: int, size: int) -> Tensor:
    """Return the matrix ``(40, size / 2 + 1)`` from powers to bands."""
    mels = 2595 * np.log10(1 + np.arange(size // 2 + 1) * rate / size / 700)
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOWEST, rate / 2))
    place = (mels - low) / (high - low) * (BANDS + 1)  # the k-th triangle has its tip at k
    k = np.arange(1, BANDS + 1)[:, None]
    return torch.from_numpy(np.maximum(0, 1 - np.abs(place - k)).astype(np.float32))
