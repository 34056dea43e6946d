"""Generated speech: strings of 3 to 7 digits of synthesised sounds, with the frequencies of English vowels.

A digit is two or three segments of 50 to 120 ms, each with a pair of formants (a voiced sound: the pulses of a pitch
through two resonances) or a band of noise (a fricative). Speakers differ in pitch, in the length of the vocal tract,
which scales all formants, and in speed; the background is noise. Recording n is a pure function of the seed and n.
"""

from __future__ import annotations

import hashlib
import math
import wave
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .audio import Audio
from .counter import hash64, uniform
from .utterance_sources import ListedUtterance, ListedUtterances

TITLE = "strings of 3 to 7 digits: synthesised sounds (generated)"
RATE = 8_000
USUAL = 2_000  # recordings of the training set; validation and test set have a tenth and a fifth of them
SHARES = {"train": 1.0, "valid": 0.1, "test": 0.2}
SPEAKERS = 20
VERSION = 1

# formants of each segment in hertz, from one pair to the next; a single number: noise of that centre
SEGMENTS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((2800,), (400, 1900), (500, 900)),  # zero
    ((350, 700), (650, 1200), (280, 1500)),  # one
    ((3300,), (320, 900)),  # two
    ((1800,), (400, 1300), (280, 2300)),  # three
    ((1500,), (550, 850), (480, 1350)),  # four
    ((1400,), (750, 1200), (350, 2100)),  # five
    ((3500,), (400, 2000), (3000,)),  # six
    ((3400,), (580, 1800), (500, 1400)),  # seven
    ((500, 1900), (300, 2300), (3200,)),  # eight
    ((300, 1300), (750, 1300), (300, 1700)),  # nine
)

Wave = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GeneratedSound:
    """Recording ``number`` of a seed."""

    seed: int
    number: int

    def digits(self) -> list[int]:
        """Return the digits that are spoken."""
        draws = uniform(self.seed, self.number, 0, np.arange(8))
        return [int(10 * draw) for draw in draws[1 : 4 + int(5 * draws[0])]]

    @property
    def speaker(self) -> int:
        """The number of the speaker."""
        return int(SPEAKERS * uniform(self.seed, self.number, 1))

    def digest(self) -> str:
        return hashlib.blake2b(f"{VERSION} {self.seed} {self.number}".encode(), digest_size=16).hexdigest()

    def audio(self) -> Audio:
        own = uniform(self.seed, self.number, 2, np.arange(6))
        wave = (0.1 + 0.3 * own[2]) * np.concatenate(self._pieces(own))
        wave += 10 ** (-4 + 1.5 * own[1]) * _noise(self.seed, self.number, 3, len(wave))
        return Audio(np.clip(wave, -1, 1).astype(np.float32), RATE)

    def ends(self) -> list[float]:
        """Return when each digit ends, in seconds."""
        lengths = [len(piece) for piece in self._pieces(uniform(self.seed, self.number, 2, np.arange(6)))]
        return [sum(lengths[: n + 1]) / RATE for n in range(1, len(lengths), 2)]

    def _pieces(self, own: Wave) -> list[Wave]:
        """Return a pause, and each digit with the pause after it."""
        voice = uniform(0x50EA, self.speaker, np.arange(3))
        pitch, tract, speed = 90 + 130 * voice[0], 0.88 + 0.26 * voice[1], 0.8 + 0.5 * own[0]
        pieces = [np.zeros(int(RATE * (0.05 + 0.15 * own[3])))]
        for place, digit in enumerate(self.digits()):
            draws = uniform(self.seed, self.number, 10 + place, np.arange(8))
            pieces.append(_digit(SEGMENTS[digit], draws, pitch * (0.9 + 0.2 * draws[6]), tract, speed, self, place))
            pieces.append(np.zeros(int(RATE * (0.02 + 0.18 * draws[7] ** 2))))
        return pieces


def _digit(
    segments: tuple[tuple[int, ...], ...],
    draws: Wave,
    pitch: float,
    tract: float,
    speed: float,
    sound: GeneratedSound,
    place: int,
) -> Wave:
    """Return the wave of a digit, about 1 at most."""
    pieces = []
    for at, formants in enumerate(segments):
        count = int(RATE * (0.05 + 0.07 * draws[at]) / speed)
        t = np.arange(count) / RATE
        edge = np.minimum(1, np.minimum(t, t[::-1]) / 0.012)
        if len(formants) == 1:
            noise = _noise(sound.seed, sound.number, 100 + 10 * place + at, count)
            pieces.append(edge * 0.25 * _band(noise, formants[0] * (0.95 + 0.1 * draws[3])))
            continue
        own = np.array(formants) * tract * (0.96 + 0.08 * draws[3:5])
        cycles = np.floor(pitch * np.cumsum(1 - 0.1 * t / max(t[-1], 1e-3)) / RATE)
        pulses = np.diff(cycles, prepend=0.0)
        f = np.fft.rfftfreq(count, 1 / RATE)
        gains = sum(weight / (1 + ((f - peak) / 90) ** 2) for weight, peak in zip((1, 0.6), own, strict=True))
        pieces.append(edge * 3 * np.fft.irfft(np.fft.rfft(pulses) * gains, count))
    return np.concatenate(pieces)


def _band(noise: Wave, centre: float) -> Wave:
    """Return noise with a peak at a frequency."""
    spectrum = np.fft.rfft(noise)
    f = np.fft.rfftfreq(len(noise), 1 / RATE)
    return np.asarray(np.fft.irfft(spectrum / (1 + ((f - centre) / 500) ** 2), len(noise)))


def _noise(seed: int, number: int, stream: int, count: int) -> Wave:
    """Return normally distributed numbers."""
    first, second = uniform(seed, number, stream, np.arange(2 * -(-count // 2))).reshape(2, -1)
    radius, angle = np.sqrt(-2 * np.log1p(-first)), 2 * math.pi * second
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def generated_sounds(seed: int, count: int = USUAL) -> ListedUtterances:
    """Return the recordings of the three parts; ``count`` is that of the training set."""
    listed = ListedUtterances(Path("generated"), how=TITLE)
    for stream, (part, share) in enumerate(SHARES.items()):
        own = int(hash64(seed, 0x5EEC, stream)) >> 1
        for number in range(max(1, round(share * count))):
            sound = GeneratedSound(own, number)
            text = "".join(map(str, sound.digits()))
            group = f"speaker {sound.speaker + 1}"
            listed.rows.append(ListedUtterance(f"{part} {number + 1}", text, sound, part, group))
    return listed


def example_wav(number: int = 0) -> bytes:
    """Return a generated recording as a WAV file."""
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((GeneratedSound(1, number).audio().samples * (2**15 - 1)).astype("<i2").tobytes())
    return out.getvalue()
