"""WAV files: PCM of 8 to 32 bits, floating point, A-law and µ-law, in RIFF and RF64 containers.

    "RIFF" size "WAVE", then chunks: name (4 bytes), size (4 bytes), content, padded to an even size
    "fmt "    format, channels, rate, bytes per second, bytes per frame, bits; extensible: the format is in a GUID
    "data"    the samples; a program that writes to a pipe leaves its size 0 or 0xFFFFFFFF: up to the end

A-law and µ-law are decoded by the equations of ITU-T G.711.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError

PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
OPEN_ENDED = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36)  # sizes of a file that was still growing
MOST_CHUNKS, MOST_CHANNELS = 1000, 64

Samples = npt.NDArray[np.float32]


class Format(NamedTuple):
    """The chunk ``fmt`` of a WAV file."""

    code: int
    channels: int
    rate: int
    bits: int


def is_wav(data: bytes) -> bool:
    """Return whether bytes begin as a WAV file."""
    return data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE"


def read_wav(data: bytes, name: str) -> tuple[Samples, int] | None:
    """Return the samples ``(N, channels)`` in [-1, 1] and their rate; `None` if the encoding is another one.

    Args:
        data: the file.
        name: its name in errors.

    Raises:
        DataError: it is damaged or truncated.
    """
    form, at, count = None, 12, 0
    while at + 8 <= len(data) and count < MOST_CHUNKS:
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at, count = at + 8, count + 1
        if kind == b"fmt ":
            form = _format(data[at : at + size], name)
        elif kind == b"data":
            if form is None:
                raise DataError(f"{name} has no chunk 'fmt ' before its samples: it is damaged; export it again")
            found = _kind(form)
            if found is None:
                return None
            if size in OPEN_ENDED or data[:4] == b"RF64":
                size = len(data) - at
            frame = form.channels * form.bits // 8
            if at + size > len(data):
                there, stated = ((n // frame) / form.rate for n in (len(data) - at, size))
                raise DataError(f"{name} ends at {there:.2f} s of {stated:.2f} s: it is truncated; copy it again")
            samples = _decoded(data[at : at + size - size % frame], found, form.bits)
            return samples.reshape(-1, form.channels), form.rate
        at += size + size % 2
    raise DataError(f"{name} has no samples (no chunk 'data'): it is truncated or damaged; copy it again")


def _format(chunk: bytes, name: str) -> Format:
    if len(chunk) < 16:
        raise DataError(f"{name} has a damaged chunk 'fmt '; export it again")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from("<H", chunk, 24)[0]
    if not (0 < channels <= MOST_CHANNELS and rate > 0 and bits > 0):
        raise DataError(f"{name} states {channels} channels, {rate} Hz and {bits} bits: it is damaged; export it again")
    return Format(code, channels, rate, bits)


def _kind(form: Format) -> str | None:
    """Return how samples are decoded; `None`: not here."""
    kinds = {PCM: ("pcm", (8, 16, 24, 32)), FLOAT: ("float", (32, 64)), ALAW: ("alaw", (8,)), MULAW: ("mulaw", (8,))}
    kind, bits = kinds.get(form.code, ("", ()))
    return kind if form.bits in bits else None


def _decoded(data: bytes, kind: str, bits: int) -> Samples:
    if kind in ("alaw", "mulaw"):
        return (_ALAW if kind == "alaw" else _MULAW)[np.frombuffer(data, np.uint8)]
    if kind == "float":
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    whole: npt.NDArray[np.generic]
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        whole, bits = wide.view("<i4")[:, 0], 32
    else:
        whole = np.frombuffer(data, {8: "u1", 16: "<i2", 32: "<i4"}[bits])
    samples: Samples = whole.astype(np.float32)
    samples -= np.float32(128 if bits == 8 else 0)
    samples /= np.float32(2 ** (bits - 1))
    return samples


def _alaw_table() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(exponent > 0, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1)
    return (np.where(code & 0x80, size, -size) / 2**12).astype(np.float32)


def _mulaw_table() -> Samples:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = ((2 * mantissa + 33) << exponent) - 33
    return (np.where(code & 0x80, -size, size) / 2**13).astype(np.float32)


_ALAW, _MULAW = _alaw_table(), _mulaw_table()
