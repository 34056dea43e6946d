"""Recordings of every encoding are read, and what is damaged, empty or too long is refused with the reason."""

import numpy as np
import pytest
from sound_making import pcm, tone, wav

from unrolled.data import audio
from unrolled.data.audio import AudioLimits, read_audio
from unrolled.errors import DataError, RunError

X = np.array([0, 0.5, -0.5, 1 - 2**-7, -1])


@pytest.mark.parametrize(
    ("data", "kind", "bits"),
    [
        ((X * 128 + 128).astype(np.uint8).tobytes(), "pcm", 8),
        ((X * 2**15).astype("<i2").tobytes(), "pcm", 16),
        (b"".join(int(x * 2**23).to_bytes(3, "little", signed=True) for x in X), "pcm", 24),
        ((X * 2**31).astype("<i4").tobytes(), "pcm", 32),
        (X.astype("<f4").tobytes(), "float", 32),
        (X.astype("<f8").tobytes(), "float", 64),
    ],
)
def test_encodings(data, kind, bits):
    np.testing.assert_array_equal(read_audio(wav(data, kind=kind, bits=bits)).samples, X.astype(np.float32))


def test_companded_samples_are_those_of_g711():
    """Codes and their values in ITU-T G.711, of 13 and 14 bits: least, greatest, and some between."""
    found = read_audio(wav(bytes([0xFF, 0x80, 0x00, 0xF0, 0xE0]), kind="mulaw", bits=8)).samples
    np.testing.assert_array_equal(found * 2**13, [0, 8031, -8031, 30, 93])
    found = read_audio(wav(bytes([0xD5, 0x55, 0xAA, 0x2A]), kind="alaw", bits=8)).samples
    np.testing.assert_array_equal(found * 2**12, [1, -1, 4032, -4032])


def test_another_implementation_reads_the_same():
    soundfile = pytest.importorskip("soundfile")
    from io import BytesIO

    x = np.stack([tone(), tone(700)], 1)
    for subtype in ("PCM_24", "FLOAT", "ULAW", "ALAW"):
        soundfile.write(out := BytesIO(), x, 8000, format="WAV", subtype=subtype)
        expected, rate = soundfile.read(BytesIO(out.getvalue()), dtype="float32")
        found = read_audio(out.getvalue())
        assert (found.rate, found.channels) == (rate, 2)
        np.testing.assert_allclose(found.samples, expected.mean(1), atol=1e-7)
    soundfile.write(out := BytesIO(), x, 8000, format="FLAC")
    np.testing.assert_allclose(read_audio(out.getvalue()).samples, x.mean(1), atol=1e-4)


def test_chunks_before_the_samples_and_a_size_that_was_never_written():
    data = (X * 2**15).astype("<i2").tobytes()
    for file in (wav(data, before=b"LIST\x03\x00\x00\x00abc\x00"), wav(data, stated=0xFFFFFFFF)):
        assert len(read_audio(file).samples) == 5


def test_silence_and_clipping_are_seen():
    assert read_audio(pcm(np.zeros(100))).silent
    found = read_audio(pcm(np.clip(3 * tone(), -1, 1)))
    assert not found.silent
    assert 0.3 < found.clipped < 0.5
    assert read_audio(pcm(tone(loudness=0.99))).clipped == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (pcm(tone())[:1000], "ends at 0.06 s of 0.30 s: it is truncated"),
        (pcm(tone())[:30], "damaged chunk 'fmt '"),
        (pcm(tone())[:40], "no chunk 'data'"),
        (pcm([]), "no samples"),
        (wav(np.array([np.nan], "<f4").tobytes(), kind="float", bits=32), "infinite or NaN"),
        (pcm(tone(), rate=10), "10 samples per second, not 1,000 to 400,000"),
        (pcm(tone(seconds=2)), "takes 2 s, more than the limit of 1 s"),
        (wav(b"abc", channels=0), "states 0 channels"),
    ],
)
def test_what_is_refused(data, message):
    with pytest.raises(DataError, match=f"x.wav.*{message}"):
        read_audio(data, "x.wav", AudioLimits(seconds=1))


def test_other_formats_need_a_package(monkeypatch):
    if audio.installed():
        with pytest.raises(DataError, match=r"x.flac cannot be read as a recording .*; convert it"):
            read_audio(b"fLaC" + bytes(100), "x.flac")
    monkeypatch.setattr(audio, "installed", lambda: False)
    with pytest.raises(RunError, match=r"pip install 'unrolled\[speech\]', or convert the file to WAV"):
        read_audio(b"fLaC" + bytes(100), "x.flac")
    assert len(read_audio(pcm(tone())).samples) == 2400
