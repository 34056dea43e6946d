"""Resampling: band-limited interpolation with a polyphase filter, for whole recordings and for streams.

    y[n] = Σ_k x[k] h(n·M/L - k)      h(t) = c·sinc(c·t) · w(t / W),   c = 0.95 · min(1, L/M)
                                      w(u) = I_0(β·√(1 - u²)) / I_0(β), |u| < 1     (Kaiser)

for the ratio L/M of the new to the old rate. Output n uses one of L filters (n·M mod L), so a block of L outputs is one
convolution with stride M. A ratio of large numbers is replaced by the nearest one with a numerator and a denominator of
at most 1,000: an error of the pitch below 10⁻⁶.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from .riff import Samples

ZEROS, ROLLOFF, BETA = 24, 0.95, 9.0  # zero crossings of the filter on each side; passed part of the band; window
LARGEST = 1000  # numerator and denominator of a ratio
BLOCK = 1 << 20  # samples that are converted at once


class Resampler:
    """Converts a stream of samples to another rate.

    Args:
        rate: samples per second of the input.
        to: of the output.
    """

    def __init__(self, rate: float, to: float) -> None:
        ratio = Fraction(to / rate).limit_denominator(LARGEST)
        if ratio.numerator > LARGEST:
            ratio = 1 / Fraction(rate / to).limit_denominator(LARGEST)
        self.up, self.down = ratio.numerator, ratio.denominator
        self.filters, self.width = _filters(self.up, self.down)
        self.before = np.zeros(self.width, np.float32)  # the last samples, of which outputs are still to be made
        self.given = self.made = 0  # samples of input and output

    def push(self, samples: Samples) -> Samples:
        """Return the next outputs, as far as the input determines them."""
        if self.up == self.down:
            return samples
        self.given += len(samples)
        self.before = np.concatenate([self.before, samples.astype(np.float32, copy=False)])
        blocks = max(0, (len(self.before) - 2 * self.width) // self.down)
        if not blocks:
            return np.zeros(0, np.float32)
        x = torch.from_numpy(self.before[: blocks * self.down + 2 * self.width])
        y = torch.nn.functional.conv1d(x[None, None], self.filters, stride=self.down)[0, :, :blocks]  # (L, blocks)
        self.before = self.before[blocks * self.down :]
        self.made += blocks * self.up
        return np.ascontiguousarray(y.t().reshape(-1).numpy())

    def end(self) -> Samples:
        """Return the last outputs, up to the length of the input."""
        if self.up == self.down:
            return np.zeros(0, np.float32)
        given, made = self.given, self.made
        rest = math.ceil(given * self.up / self.down) - made
        return self.push(np.zeros(2 * self.width + 2 * self.down, np.float32))[: max(0, rest)]


def resampled(samples: Samples, rate: float, to: float) -> Samples:
    """Return samples ``(N,)`` at another rate, ``(⌈N · to / rate⌉,)``."""
    resampler = Resampler(rate, to)
    blocks = [resampler.push(samples[at : at + BLOCK]) for at in range(0, len(samples), BLOCK)]
    return np.concatenate([*blocks, resampler.end()])


@lru_cache(16)
def _filters(up: int, down: int) -> tuple[Tensor, int]:
    """Return the filters ``(L, 1, 2 W + M)`` and the number W of samples that they reach to each side."""
    pass_band = ROLLOFF * min(1.0, up / down)
    width = math.ceil(ZEROS / pass_band)
    k = np.arange(-width, down + width)
    t = np.arange(up)[:, None] * down / up - k
    window = np.i0(BETA * np.sqrt(np.maximum(0, 1 - (t / width) ** 2))) / np.i0(BETA) * (np.abs(t) < width)
    return torch.from_numpy((pass_band * np.sinc(pass_band * t) * window).astype(np.float32))[:, None], width
