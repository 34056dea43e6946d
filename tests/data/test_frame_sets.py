"""Windows of frames from NumPy files: the axes, the values, the parts, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from unrolled.data.clip_arrays import read_clip_array
from unrolled.data.clip_sets import ClipLayout
from unrolled.data.frame_sets import FrameLayout, open_frames, read_test
from unrolled.errors import DataError

CLIPS = np.random.default_rng(0).integers(0, 256, (30, 7, 6, 5), dtype=np.uint8)  # (N, T, H, W)


def saved(tmp_path, values, name="clips.npy"):
    path = tmp_path / name
    np.savez(path, values) if path.suffix == ".npz" else np.save(path, values)
    return path


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (CLIPS, CLIPS[..., None]),
        (CLIPS.swapaxes(0, 1), CLIPS[..., None]),  # time first
        (CLIPS[0], CLIPS[:1, ..., None]),
        (CLIPS[..., None], CLIPS[..., None]),
        (CLIPS[:, :, None], CLIPS[..., None]),  # channels before the pixels
        (np.stack([CLIPS[0]] * 3, -1), np.stack([CLIPS[:1]] * 3, -1)),  # one clip in colour
        (CLIPS.astype(np.int64), CLIPS[..., None]),
        (CLIPS / np.float32(255), CLIPS[..., None]),
        (CLIPS > 127, np.where(CLIPS > 127, 255, 0)[..., None]),
    ],
)
def test_axes_and_values(tmp_path, values, expected):
    np.testing.assert_array_equal(read_clip_array(saved(tmp_path, values)).values, expected)


def test_the_order_can_be_given_and_bytes_are_read(tmp_path):
    path = saved(tmp_path, CLIPS, "clips.npz")
    assert read_clip_array(path, "time-first").values.shape == (7, 30, 6, 5, 1)
    assert read_clip_array(path.read_bytes(), "clips-first").values.shape == (30, 7, 6, 5, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 0, 4, 4), np.uint8), "has no frames"),
        (np.zeros((4, 4), np.uint8), r"has 2 axes, \(4, 4\)"),
        (np.zeros((2, 3, 2, 4, 4), np.uint8), "give 1 or 3 channels"),
        (np.full((9, 3, 4, 4), 255.0), "values from 255 to 255.*divide values of 0 to 255 by 255"),
        (np.full((9, 3, 4, 4), np.nan), "values from nan to nan"),
        (np.full((9, 3, 4, 4), 300), "values from 300 to 300"),
        (np.full((9, 3, 4, 4), "a"), "values of the type <U1"),
        (np.full((9, 3, 4, 4), None), "holds Python objects, which can run code"),
    ],
)
def test_other_arrays_are_refused(tmp_path, values, message):
    path = tmp_path / "clips.npy"
    np.save(path, values, allow_pickle=True)
    with pytest.raises(DataError, match=f"clips.npy.*{message}") as raised:
        read_clip_array(path)
    assert "\n" not in str(raised.value)


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "clips.npy"
    for content in (b"", b"no array", saved(tmp_path, CLIPS, "whole.npy").read_bytes()[:500], b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"clips.npy is not an array of NumPy"):
            read_clip_array(path)
    np.savez(path.with_suffix(".npz"), a=CLIPS, b=CLIPS)
    with pytest.raises(DataError, match=r"must have one array of clips.*a \(30, 7, 6, 5\), b"):
        read_clip_array(path.with_suffix(".npz"))
    with pytest.raises(DataError, match="cannot read"):
        read_clip_array(tmp_path)


def test_windows_of_training_overlap_and_those_of_tests_do_not(tmp_path):
    sets = open_frames(str(saved(tmp_path, CLIPS)), FrameLayout(frames=3))
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (24 * 5, 3 * 2, 3 * 2)
    begun = {tuple(row) for row in sets.train.begins.tolist()}
    assert not {index for index, _ in begun} & {index for index, _ in sets.test.begins.tolist()}
    index, begin = sets.train.begins[7].tolist()
    np.testing.assert_array_equal(sets.train.pick(np.array([7]))[0, ..., 0], CLIPS[index, begin : begin + 3])
    order = sets.train.order(10, 0)
    assert sorted(np.concatenate([order[step] for step in range(12)]).tolist()) == list(range(120))


def test_a_file_of_test_clips(tmp_path):
    data, test = str(saved(tmp_path, CLIPS)), str(saved(tmp_path, CLIPS[:4], "test.npy"))
    sets = open_frames(data, FrameLayout(frames=7), test)
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (27, 3, 4)
    assert sets.digest != open_frames(data, FrameLayout(frames=7)).digest
    windows, shape, _, how = read_test(test, FrameLayout(frames=7))
    assert (len(windows), shape, how) == (4, (6, 5, 1), ["test.npy: 4 clips of 7 frames, 5 × 6 pixels, grey"])
    np.save(test, CLIPS[..., :4])
    with pytest.raises(DataError, match=r"test.npy has frames of 4 × 6 pixels, grey.* but .* of 5 × 6 pixels"):
        open_frames(data, FrameLayout(frames=7), test)


def test_what_cannot_be_trained_on(tmp_path):
    with pytest.raises(DataError, match="the longest clip has 7 frames, and a window takes 20"):
        open_frames(str(saved(tmp_path, CLIPS)), FrameLayout(frames=20))
    with pytest.raises(DataError, match="has 1 clips: too few"):
        open_frames(str(saved(tmp_path, CLIPS[0])), FrameLayout(frames=3))
    with pytest.raises(DataError, match="'moving-digit' does not exist; did you mean 'moving-digits'"):
        open_frames("moving-digit", FrameLayout(frames=3))
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes.txt "):
        open_frames(str(tmp_path / "notes.txt"), FrameLayout(frames=3))


def test_clips_of_files_are_decoded_to_one_size(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "clips"
    folder.mkdir()
    for n, values in enumerate(CLIPS[:10]):
        large = values.repeat(2 + (n == 9), 1).repeat(2 + (n == 9), 2)
        frames = [Image.fromarray(frame) for frame in large]
        frames[0].save(folder / f"{n}.gif", save_all=True, append_images=frames[1:], duration=40)
    sets = open_frames(str(folder), FrameLayout(frames=4, decoding=ClipLayout(size=(12, 10))))
    assert (len(sets.train), len(sets.valid), len(sets.test), sets.shape) == (8 * 4, 1, 1, (12, 10, 1))
    assert sets.how[0] == "clips: 10 clips of 7 to 7 frames at 25 frames per second, 10 × 12 pixels, grey"
    assert "clips of 2 sizes, 12 × 10 to 18 × 15, resized to 12 × 10" in sets.how[1]
    index, begin = sets.train.begins[5].tolist()
    if index < 9:
        expected = CLIPS[index, begin : begin + 4].repeat(2, 1).repeat(2, 2)
        np.testing.assert_array_equal(sets.train.pick(np.array([5]))[0, ..., 0], expected)
    (folder / "10.gif").write_bytes((folder / "0.gif").read_bytes()[:300])
    with pytest.raises(DataError, match=r"10.gif"):
        open_frames(str(folder), FrameLayout(frames=4))
    skipping = FrameLayout(frames=4, decoding=ClipLayout(size=(12, 10), skip=True))
    assert "not read: " in open_frames(str(folder), skipping).how[-1]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty has no clips; give a folder with videos"):
        open_frames(str(tmp_path / "empty"), FrameLayout(frames=4))
