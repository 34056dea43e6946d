"""Sounds, and WAV files of every encoding, for tests."""

import struct

import numpy as np

CODES = {"pcm": 1, "float": 3, "alaw": 6, "mulaw": 7}


def tone(hertz=440.0, seconds=0.3, rate=8000, loudness=0.5):
    """A sine."""
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(data, rate=8000, channels=1, kind="pcm", bits=16, stated=None, before=b""):
    """A WAV file with these bytes of samples; ``before``: chunks before the samples."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", CODES[kind], channels, rate, rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    chunks += b"data" + struct.pack("<I", len(data) if stated is None else stated) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm(samples, rate=8000, channels=1):
    """A WAV file of 16 bits."""
    return wav((np.asarray(samples) * 32767).astype("<i2").tobytes(), rate, channels)
