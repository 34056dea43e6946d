"""Frames from a pipe: Y4M of all samplings against PyAV's own reader, raw frames, and what is no stream."""

import io
from fractions import Fraction

import numpy as np
import pytest
from clip_making import numbered, numbers

from unrolled.data.clip_codecs import installed
from unrolled.data.clip_frames import ClipLimits, arranged
from unrolled.data.clips import read_clip
from unrolled.data.frame_stream import Y4M, Raw, open_stream
from unrolled.errors import ArgumentError, DataError


def read(data, form=Y4M, rate=None, **limits):
    clip = open_stream(io.BytesIO(data), form, limits=ClipLimits(**limits))
    return np.stack(list(arranged(clip, None, rate, 3, "crop")))


def y4m(frames, sampling="420jpeg", *words):
    """Return grey or coloured frames as Y4M; the planes are given."""
    height, width = frames[0][0].shape
    head = f"YUV4MPEG2 W{width} H{height} F10:1 {' '.join(words)} C{sampling}\n".encode()
    return head + b"".join(b"FRAME\n" + b"".join(np.ascontiguousarray(p).tobytes() for p in f) for f in frames)


def test_grey():
    planes = [[np.full((4, 6), value, np.uint8)] for value in (16, 126, 235)]
    assert read(y4m(planes, "mono"))[:, 0, 0, 0].tolist() == [0, 128, 255]
    assert read(y4m(planes, "mono", "XCOLORRANGE=FULL"))[:, 0, 0, 0].tolist() == [16, 126, 235]
    assert len(read(y4m(planes, "mono"), rate=Fraction(20))) == 6


@pytest.mark.parametrize(("sampling", "across", "down"), [("420jpeg", 2, 2), ("422", 2, 1), ("444", 1, 1)])
def test_colours(sampling, across, down):
    shape = (-(-5 // down), -(-7 // across))
    red = [np.full((5, 7), 81, np.uint8), np.full(shape, 90, np.uint8), np.full(shape, 240, np.uint8)]
    frames = read(y4m([red], sampling))
    assert frames.shape == (1, 5, 7, 3)
    assert np.abs(frames[0, 0, 0].astype(int) - (255, 0, 0)).max() < 4


def test_the_same_as_a_file(tmp_path):
    if not installed():
        pytest.skip("the extra video is not installed")
    import av

    path = tmp_path / "a.y4m"
    with av.open(str(path), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("wrapped_avframe", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for pixels in numbered(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        expected = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    got = np.stack(list(read_clip(path)))
    assert numbers(got) == [0, 1, 2, 3]
    assert np.abs(got.astype(int) - expected).max() < 8


def test_raw():
    frames = numbered(3, (4, 6))
    assert (read(frames.tobytes(), Raw(4, 6)) == frames).all()
    grey = read(frames[..., 0].tobytes(), Raw(4, 6, 1, Fraction(10)), rate=Fraction(5))
    assert (grey[..., 0] == frames[[0, 2], :, :, 0]).all()
    with pytest.raises(DataError, match="ends within frame 3, after 71 of its 72 bytes"):
        read(frames.tobytes()[:-1], Raw(4, 6))
    with pytest.raises(DataError, match="has no frames"):
        read(b"", Raw(4, 6))
    with pytest.raises(ArgumentError, match="size of raw frames"):
        read(b"", Raw(4, 1))


def test_frames_are_read_when_they_arrive():
    class Pipe(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 5))

    frames = numbered(3, (4, 6))
    pipe = Pipe(frames.tobytes())
    clip = arranged(open_stream(pipe, Raw(4, 6)), None, None, 3, "crop")
    assert (next(clip) == frames[0]).all()
    assert pipe.tell() == 72
    assert (np.stack(list(clip)) == frames[1:]).all()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"hello\n", "is not a stream of frames; send Y4M"),
        (b"YUV4MPEG2 " + b"x" * 2000, "a header of more than 1,024 bytes"),
        (b"YUV4MPEG2 W4\n", "without valid width, height and rate"),
        (b"YUV4MPEG2 W4 Hx\n", "without valid width, height and rate"),
        (b"YUV4MPEG2 W-4 H4\n", "frames of -4 × 4 pixels"),
        (b"YUV4MPEG2 W4 H4 F1:0\n", "without valid width, height and rate"),
        (b"YUV4MPEG2 W4 H4 C420p10\n", "sampling C420p10, not one of 420"),
        (b"YUV4MPEG2 W100000 H100000\n", "more than the limit"),
        (b"YUV4MPEG2 W4 H4\n", "has no frames"),
        (b"YUV4MPEG2 W4 H4 Cmono\nFRAME\n" + bytes(16) + b"FRAM", "damaged after frame 1"),
        (b"YUV4MPEG2 W4 H4 Cmono\nFRAME\n" + bytes(9), "ends within frame 1, after 9 of its 16"),
        (b"YUV4MPEG2 W4 H4 Cmono\nFRAME\n", "ends within frame 1, after 0 of its 16"),
    ],
)
def test_no_stream(data, match):
    with pytest.raises(DataError, match=match):
        read(data)
