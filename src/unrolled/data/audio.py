"""Recordings: WAV files by riff.py, other formats by the package soundfile, which the extra ``speech`` installs.

Several channels are mixed to one, the mean. soundfile is BSD-3-Clause; its wheels bundle libsndfile (LGPL-2.1).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError, RunError
from .riff import Samples, is_wav, read_wav

MODULE, EXTRA = "soundfile", "speech"
SHORTEST = 12  # bytes: the beginning of RIFF, AIFF and Ogg files
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".snd", ".sph", ".nist",
            ".caf", ".w64", ".rf64")  # fmt: skip
"""the endings of their files"""
RATES = (1_000, 400_000)  # samples per second, least and most
CLIPPED = 0.999  # of full scale, from which on a sample may be clipped
SILENT = 1e-3  # largest amplitude of a recording without sound, -60 dB


@dataclass(frozen=True)
class AudioLimits:
    """The largest recordings that are read."""

    bytes: int = 1 << 30
    seconds: float = 3600.0


LIMITS = AudioLimits()


@dataclass(frozen=True)
class Audio:
    """A recording.

    Attributes:
        samples: ``(N,)`` float32 in [-1, 1], mixed to one channel.
        rate: samples per second.
        channels: the number of channels of the file.
    """

    samples: Samples
    rate: int
    channels: int = 1

    @property
    def seconds(self) -> float:
        """The length."""
        return len(self.samples) / self.rate

    @property
    def silent(self) -> bool:
        """Whether nothing can be heard."""
        return not len(self.samples) or float(np.abs(self.samples).max()) < SILENT

    @property
    def clipped(self) -> float:
        """The fraction of samples in runs of at least two at the loudest value, if that is full scale."""
        if not len(self.samples):
            return 0.0
        full: npt.NDArray[np.bool_] = np.abs(self.samples) >= CLIPPED
        return float((full[1:] & full[:-1]).mean()) if len(full) > 1 else 0.0


def is_audio(path: Path) -> bool:
    """Return whether a file is a recording by its name."""
    return path.suffix.lower() in SUFFIXES


def read_audio(source: Path | bytes, name: str = "", limits: AudioLimits = LIMITS) -> Audio:
    """Return a recording.

    Args:
        source: the file, or its bytes.
        name: its name in errors (default: the path).
        limits: what is refused.

    Raises:
        DataError: it cannot be read, is truncated, empty or too long, or is no recording.
        RunError: it is not a WAV file, and soundfile is not installed.
    """
    name = name or str(source if isinstance(source, Path) else "the recording")
    data = _bytes(source, name, limits) if isinstance(source, Path) else source
    if len(data) > limits.bytes:
        raise DataError(f"{name} has more than the limit of {limits.bytes:,} bytes; cut it into parts")
    if not data:
        raise DataError(f"{name} is empty; remove it, or copy it again")
    found = read_wav(data, name) if is_wav(data) else None
    samples, rate = _other(data, name, limits) if found is None else found
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(f"{name} has {rate:,} samples per second, not {RATES[0]:,} to {RATES[1]:,}; export it again")
    if not len(samples):
        raise DataError(f"{name} has no samples; remove it, or export it again")
    if len(samples) > limits.seconds * rate:
        raise DataError(
            f"{name} takes {len(samples) / rate:,.0f} s, more than the limit of {limits.seconds:,.0f} s; cut it into "
            "sentences"
        )
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise DataError(f"{name} has samples that are infinite or NaN; export it again")
    return Audio(np.ascontiguousarray(mono), rate, samples.shape[1])


def _bytes(path: Path, name: str, limits: AudioLimits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a character 0 in the path
        raise DataError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}; check the path") from error


def installed() -> bool:
    """Return whether soundfile is installed."""
    return importlib.util.find_spec(MODULE) is not None


def _other(data: bytes, name: str, limits: AudioLimits) -> tuple[Samples, int]:
    """Return the samples ``(N, channels)`` and the rate of a format that soundfile reads."""
    if len(data) < SHORTEST:
        raise DataError(f"{name} is not a recording, it has {len(data)} bytes; remove it, or copy it again")
    if not installed():
        raise RunError(
            f"{name} is not a WAV file that is read without the package soundfile; install it with: pip install "
            f"'unrolled[{EXTRA}]', or convert the file to WAV"
        )
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate, stated = int(file.samplerate), int(file.frames)
            most = int(limits.seconds * rate) + 1
            if file.channels * min(stated, most) > limits.bytes:
                raise DataError(f"{name} has {file.channels} channels and {stated:,} samples, too many; convert it")
            samples = file.read(most, dtype="float32", always_2d=True)
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise DataError(f"{name} cannot be read as a recording ({reason}); convert it to WAV or FLAC") from error
    if len(samples) < min(stated, most):
        raise DataError(
            f"{name} ends at {len(samples) / rate:.2f} s of {stated / rate:.2f} s: it is truncated; copy it again"
        )
    return samples, rate
