"""Clips of all kinds: their frames, rates, sizes and directions; what cannot be read is named."""

import numpy as np
import pytest
from clip_making import numbered, numbers, save_folder, save_gif, save_sound, save_video
from PIL import Image

from unrolled.data import clip_codecs
from unrolled.data.clip_frames import ClipLimits
from unrolled.data.clips import is_clip, read_clip, shape_of
from unrolled.errors import ArgumentError, DataError, RunError

videos = pytest.mark.skipif(not clip_codecs.installed(), reason="the extra video is not installed")


def read(path, **options):
    return np.stack(list(read_clip(path, **options)))


def fails(path, match, **options):
    with pytest.raises(DataError, match=match):
        read(path, **options)


@videos
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.webm", "libvpx")])
def test_videos(tmp_path, name, codec):
    path = save_video(tmp_path / name, numbered(12), codec=codec)
    frames = read(path)
    assert frames.shape == (12, 32, 48, 3)
    assert numbers(frames) == list(range(12))
    assert frames[5, 2, 2, 0] > 200
    assert frames[5, 2, 2, 1] < 60
    assert (read(path, rate=10) == frames).all()
    assert numbers(read(path, rate=5)) == [0, 2, 4, 6, 8, 10]
    assert numbers(read(path, rate=20)) == [n // 2 for n in range(24)]
    small = read(path, size=(8, 8), channels=1)
    assert small.shape == (12, 8, 8, 1)
    assert numbers(small[:, -2:, -2:]) == list(range(12))
    assert numbers(read_clip(path.read_bytes())) == list(range(12))
    shape = shape_of(path)
    assert (shape.height, shape.width, shape.colour, shape.rate) == (32, 48, True, 10)


@videos
def test_variable_rate(tmp_path):
    path = save_video(tmp_path / "a.mkv", numbered(5), times=[0, 1, 2, 6, 7])
    assert numbers(read(path)) == [0, 1, 2, 3, 4]
    assert numbers(read(path, rate=10)) == [0, 1, 2, 2, 2, 2, 3, 4]
    assert numbers(read(path, rate=5)) == [0, 2, 2, 3]


@videos
def test_one_frame(tmp_path):
    path = save_video(tmp_path / "a.mp4", numbered(1))
    assert len(read(path)) == len(read(path, rate=1)) == 1


@videos
@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_upright(tmp_path, degrees, turns):
    straight = read(save_video(tmp_path / "a.mp4", numbered(2)))
    turned = read(save_video(tmp_path / "b.mp4", numbered(2), turned=degrees))
    assert (turned == np.rot90(straight, turns, (1, 2))).all()
    assert shape_of(tmp_path / "b.mp4").height == (48 if turns % 2 else 32)


def test_display_matrices():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    cases = {(-1, 0, 0, 1): pixels[:, ::-1], (1, 0, 0, -1): pixels[::-1], (0, 1, 1, 0): pixels.transpose(1, 0, 2)}
    for matrix, expected in cases.items():
        assert (clip_codecs._upright(pixels, matrix) == expected).all()


@videos
def test_damaged_half_way(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 32, 48, 3), dtype=np.uint8)
    whole = save_video(tmp_path / "a.mp4", noise, codec="libx264", muxer={"movflags": "faststart"}).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    fails(tmp_path / "cut.mp4", r"cut\.mp4 is truncated or damaged after frame \d+ \(")
    content = bytearray(whole)
    content[len(whole) // 2 : len(whole) * 3 // 4] = bytes(len(whole) * 3 // 4 - len(whole) // 2)
    (tmp_path / "bad.mp4").write_bytes(content)
    fails(tmp_path / "bad.mp4", r"bad\.mp4 is truncated or damaged after frame \d+ \(")
    whole = save_video(tmp_path / "b.mkv", noise).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    fails(tmp_path / "cut.mkv", r"after frame \d+ \(it ends at \d\.\d\d s of 2\.00 s\)")


@videos
def test_large_frames(tmp_path):
    path = save_video(tmp_path / "a.mp4", numbered(2), codec="libx264")
    fails(path, "48 × 32 pixels, more than the limit of 1,000", limits=ClipLimits(pixels=1000))


@videos
def test_no_video(tmp_path):
    fails(save_sound(tmp_path / "a.wav"), r"has no video stream, only audio \(pcm_s16le\)")
    (tmp_path / "a.mp4").write_text("a text\n" * 100)
    fails(tmp_path / "a.mp4", "is not a video but a text file")
    (tmp_path / "b.mp4").write_text("<html><body>404</body></html>")
    fails(tmp_path / "b.mp4", "is not a video but a web page")
    (tmp_path / "c.mp4").write_bytes(b"")
    fails(tmp_path / "c.mp4", "is empty")
    (tmp_path / "d.mp4").write_bytes(bytes(range(256)) * 20)
    fails(tmp_path / "d.mp4", r"d\.mp4 is truncated or damaged before its first frame")
    fails(tmp_path / "e.mp4", "cannot read .*No such file")


@videos
def test_an_unknown_codec_is_named(tmp_path):
    path = save_video(tmp_path / "a.avi", numbered(3))
    content = path.read_bytes()
    assert content.count(b"FMP4") == 2
    path.write_bytes(content.replace(b"FMP4", b"QQ7Z"))
    fails(path, "a.avi uses the codec QQ7Z, which FFmpeg cannot decode here; convert it to H.264")


@videos
def test_playlists_are_not_opened(tmp_path):
    text = "ffconcat version 1.0\nfile a.ts\n"
    (tmp_path / "a.mp4").write_text(text)
    fails(tmp_path / "a.mp4", "is not a video but a text file")
    (tmp_path / "b.mp4").write_bytes(text.encode() + "# café, a comment\n".encode("latin-1"))
    fails(tmp_path / "b.mp4", "is in a container that is not read")


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_codecs, "installed", lambda: False)
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(range(256)))
    with pytest.raises(RunError, match=r"needs the package av; install with: pip install 'unrolled\[video\]'"):
        read(tmp_path / "a.mp4")


def test_animations(tmp_path):
    path = save_gif(tmp_path / "a.gif", numbered(6), 200)
    assert numbers(read(path)) == [0, 1, 2, 3, 4, 5]
    assert shape_of(path).rate == 5
    assert numbers(read(path, rate=10)) == [n // 2 for n in range(12)]
    still = tmp_path / "still.gif"
    Image.new("RGB", (8, 6), "red").save(still)
    assert read(still, rate=25).shape == (1, 6, 8, 3)
    (tmp_path / "cut.gif").write_bytes(path.read_bytes()[:-200])
    fails(tmp_path / "cut.gif", r"cut\.gif is truncated or damaged after frame \d")


def test_folders_of_frames(tmp_path):
    frames = numbered(12)
    path = save_folder(tmp_path / "a", frames, [f"frame {n}.png" for n in range(12)])
    (path / "notes.txt").write_text("x")
    assert is_clip(path)
    assert numbers(read(path)) == list(range(12))
    assert numbers(read(path, rate=3)) == list(range(12))
    Image.new("RGB", (20, 64)).save(path / "frame 3.png")
    assert read(path).shape == (12, 32, 48, 3)
    (path / "frame 10.png").write_bytes(b"x")
    fails(path, "frame 10.png is not a picture")
    (tmp_path / "empty").mkdir()
    fails(tmp_path / "empty", "has no frames")
    assert not is_clip(tmp_path)


def test_arrays(tmp_path):
    frames = numbered(4)
    for suffix, save in ((".npy", np.save), (".npz", lambda path, array: np.savez_compressed(path, x=array))):
        path = tmp_path / f"a{suffix}"
        save(path, frames)
        assert (read(path) == frames).all()
        assert (np.stack(list(read_clip(path.read_bytes()))) == frames).all()
        save(path, frames[..., 0] / 255)
        assert (read(path, channels=1)[..., 0] == frames[..., 0]).all()
    np.savez(tmp_path / "b.npz", a=frames, b=frames)
    fails(tmp_path / "b.npz", "holds a, b; give one array")
    np.save(tmp_path / "c.npy", frames[0])
    fails(tmp_path / "c.npy", "a single picture")
    np.save(tmp_path / "d.npy", frames[:0])
    fails(tmp_path / "d.npy", "has no frames")
    np.save(tmp_path / "e.npy", np.array([{}]), allow_pickle=True)
    fails(tmp_path / "e.npy", "Python objects")
    np.save(tmp_path / "f.npy", frames - 300.0)
    fails(tmp_path / "f.npy", "has values from -300")
    (tmp_path / "g.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:500])
    fails(tmp_path / "g.npy", "is truncated or damaged")


def test_limits(tmp_path):
    path = save_gif(tmp_path / "a.gif", numbered(6), 1000)
    fails(path, "has more than 5 frames", limits=ClipLimits(frames=5))
    fails(path, "has more than 50 frames, the limit", limits=ClipLimits(frames=50), rate=10)
    fails(path, "48 × 32 pixels, more than the limit of 1,000", limits=ClipLimits(pixels=1000))
    fails(path, "longer than the limit of 3 s: frame 5 is at 4.0 s", limits=ClipLimits(seconds=3))
    np.save(tmp_path / "a.npy", numbered(6))
    fails(tmp_path / "a.npy", "6 frames, more than the limit of 5", limits=ClipLimits(frames=5))
    for options in ({"rate": 0}, {"rate": float("nan")}, {"channels": 2}, {"size": (1, 8)}):
        with pytest.raises(ArgumentError):
            read(path, **options)
