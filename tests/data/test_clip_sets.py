"""Labelled clips: folders, tables and tracks in three parts; a split by file; the store that holds their frames."""

import contextlib
from fractions import Fraction

import numpy as np
import pytest
from clip_making import numbered, numbers, save_folder, save_gif

from unrolled.data import clip_store
from unrolled.data.clip_sets import ClipLayout, open_clips, read_clips
from unrolled.data.clip_store import ClipForm, ClipStore
from unrolled.errors import ArgumentError, DataError

SMALL = (8, 12)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    """A folder with a folder of ten clips for each of two classes."""
    for label, shift in (("up", 0), ("down", 1)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for n in range(10):
            np.save(tmp_path / "data" / label / f"{n}.npy", numbered(n + 2, SMALL) + np.uint8(shift))
    return tmp_path / "data"


def test_a_folder_per_class(root):
    (root / "up" / "notes.txt").write_text("x")
    (root / "up" / "still.png").write_bytes(b"x")
    (root / "meta.json").write_text('{"classes": ["up"]}')
    (root / "empty").mkdir()
    save_folder(root / "up" / "frames", numbered(3, SMALL))
    sets = open_clips(str(root), ClipLayout())
    parts = {part: getattr(sets, part) for part in ("train", "valid", "test")}
    assert sum(map(len, parts.values())) == 21
    assert [sorted(part.labels) for part in parts.values()][1:] == [["down", "up"], ["down", "up"]]
    for part in parts.values():
        for n, name in enumerate(part.names):
            label, stem = name.removesuffix(".npy").split("/")
            assert part.labels[n] == label
            assert len(part[n]) == part.lengths[n] == (3 if stem == "frames" else int(stem) + 2)
            assert numbers(part[n]) == list(range(len(part[n])))
    assert parts["train"][0].shape[1:] == (*SMALL, 3)
    assert any("without clips: empty" in note for note in sets.notes)
    assert sets.digest() == open_clips(str(root), ClipLayout()).digest()
    clips, _ = read_clips(str(root), ClipLayout(only=("up",)))
    assert set(clips.labels) == {"up"}
    assert len(clips) == 11


def test_the_split_is_by_file_and_even(root):
    (root / "up" / "copy.npy").write_bytes((root / "up" / "3.npy").read_bytes())
    names = []
    for fold in range(5):
        sets = open_clips(str(root), ClipLayout(), folds=5, fold=fold)
        names += sets.test.names
        assert 1 <= sets.test.labels.count("up") <= 3
        assert not set(sets.test.digests) & set(sets.train.digests + sets.valid.digests)
        assert len(sets.valid)
    assert len(names) == len(set(names)) == 21
    with pytest.raises(ArgumentError, match="folds must be at most the number of different files, 20"):
        open_clips(str(root), ClipLayout(), folds=21)
    with pytest.raises(DataError, match="too few for training and validation fractions of 1 and 0"):
        open_clips(str(root), ClipLayout(), (1.0, 0.0, 0.0))


def test_given_parts(root, tmp_path):
    for part in ("train", "val"):
        (tmp_path / "parts").mkdir(exist_ok=True)
        (tmp_path / "parts" / part).symlink_to(root)
    sets = open_clips(str(tmp_path / "parts"), ClipLayout(), test=str(root))
    assert [len(part) for part in (sets.train, sets.valid, sets.test)] == [20, 20, 20]


def test_a_table(root):
    (root / "some.csv").write_text("path,label\nup/1.npy,a\ndown/2.npy,b\nup/3.npy,a\ndown/4.npy,b\n")
    clips, _ = read_clips(str(root / "some.csv"), ClipLayout())
    assert clips.names == ["up/1.npy", "down/2.npy", "up/3.npy", "down/4.npy"]
    assert clips.labels == list("abab")
    with pytest.raises(DataError, match="one label for each clip; give path, start, end and label"):
        read_clips(str(root / "some.csv"), ClipLayout(labels="frame"))


def test_intervals(root):
    table = "path,start,end,label\nup/8.npy,0,0.4,a\nup/8.npy,0.6,1,b\ndown/5.npy,0,0.7,b\n"
    (root / "times.csv").write_text(table)
    layout = ClipLayout(labels="frame", rate=10, background="-")
    clips, notes = read_clips(str(root), layout)
    assert [list(track) for track in clips.tracks] == [list("aaaa--bbbb"), ["b"] * 7]
    assert "18 clips without a label in times.csv skipped" in notes[0]
    clips, _ = read_clips(str(root), ClipLayout(rate=10))
    assert clips.labels == ["a", "b", "b"]
    assert [numbers(clips[n]) for n in range(3)] == [[0, 1, 2, 3], [6, 7, 8, 9], list(range(7))]
    assert clips.names[1] == "up/8.npy, frames 6–9"
    only, _ = read_clips(str(root), ClipLayout(rate=10, only=("b",)))
    assert only.labels == ["b", "b"]
    with pytest.raises(DataError, match="has no clips with the labels c"):
        read_clips(str(root), ClipLayout(rate=10, only=("c",)))
    (root / "times.csv").write_text(table + "up/99.npy,0,1,b\n")
    with pytest.raises(DataError, match=r"times\.csv, line 5 has a label for 'up/99\.npy', a clip that does not exist"):
        read_clips(str(root), layout)
    (root / "times.csv").write_text(table + "up/2.npy,0,1,b\n")
    with pytest.raises(DataError, match=r"times\.csv, line 5 ends at 1 s, after up/2\.npy, which has 4 frames"):
        read_clips(str(root), layout)


def test_tracks_beside_the_clips(tmp_path):
    data = tmp_path / "data"
    (data / "labels").mkdir(parents=True)
    for n in range(4):
        save_gif(data / f"{n}.gif", numbered(6) + np.uint8(n), 40)
        (data / "labels" / f"{n}.align").write_text("0 2000 sil\n2000 6000 word\n")
    save_gif(data / "bare.gif", numbered(2), 40)
    sets = open_clips(str(data), ClipLayout(labels="frame", size=(16, 24)), (0.5, 0.25, 0.25))
    assert [len(part) for part in (sets.train, sets.valid, sets.test)] == [2, 1, 1]
    assert list(sets.test.tracks[0]) == ["sil"] * 2 + ["word"] * 4
    assert sets.train.rate == 25
    assert any("1 clips without labels skipped: bare.gif" in note for note in sets.notes)
    clips, _ = read_clips(str(data), ClipLayout(only=("word",)))
    assert clips.lengths.tolist() == [4] * 4
    (data / "labels" / "lost.align").write_text("0 1 x\n")
    with pytest.raises(DataError, match=r"lost\.align, line 1 has a label for no clip: there is no clip 'lost'"):
        read_clips(str(data), ClipLayout(labels="frame"))


def test_other_folders(tmp_path):
    save_folder(tmp_path / "a" / "up", numbered(2, SMALL))
    with pytest.raises(DataError, match="up has frames, not clips: give each clip a folder of its own"):
        read_clips(str(tmp_path / "a"), ClipLayout())
    with pytest.raises(DataError, match="has no labels of frames; give a table"):
        read_clips(str(tmp_path / "a"), ClipLayout(labels="frame"))
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="has no folders of classes with clips"):
        read_clips(str(tmp_path / "b"), ClipLayout())
    with pytest.raises(DataError, match="does not exist"):
        read_clips(str(tmp_path / "nothing"), ClipLayout())


def test_different_sizes_are_resized_and_said(tmp_path):
    for n, size in enumerate([(32, 48), (64, 48)] * 3):
        np.save((tmp_path / f"{n}.npy"), numbered(2, size))
    rows = "".join(f"{n}.npy,{'ab'[n % 2]}\n" for n in range(6))
    (tmp_path / "t.csv").write_text("path,label\n" + rows)
    clips, notes = read_clips(str(tmp_path / "t.csv"), ClipLayout())
    assert clips[0].shape == clips[1].shape == (2, 40, 40, 3)
    assert "clips of 2 sizes, 32 × 48 to 64 × 48, resized to 40 × 40 (--fit crop)" in notes


def test_the_store(tmp_path):
    frames = [numbered(n + 1) for n in range(5)]
    paths = [save_gif(tmp_path / f"{n}.gif", clip, 100) for n, clip in enumerate(frames)]
    seen = []

    @contextlib.contextmanager
    def progress(total, unit):
        seen.append((total, unit))
        yield seen.append

    form = ClipForm((16, 24), Fraction(10), 1)
    store = ClipStore(paths, form, progress=progress)
    assert len(store) == 5
    assert store.lengths.tolist() == [1, 2, 3, 4, 5]
    assert [numbers(store[n]) for n in range(5)] == [list(range(n + 1)) for n in range(5)]
    assert np.isnan(store.rates[0])
    assert store.rates[1:].tolist() == [10] * 4
    assert seen == [(5, "clips"), 1, 2, 3, 4, 5]
    again = ClipStore(paths, form, progress=progress)
    assert seen[6:] == []
    assert again.digest() == store.digest() != ClipStore(paths, ClipForm((16, 24))).digest()


def test_broken_clips(tmp_path, monkeypatch):
    paths = [save_gif(tmp_path / f"{n}.gif", numbered(4), 100) for n in range(3)]
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"1\.gif is truncated or damaged after frame \d.*; --damaged skip omits it"):
        ClipStore(paths, ClipForm((16, 24)))
    store = ClipStore(paths, ClipForm((16, 24)), skip=True)
    assert store.kept == [0, 2]
    assert store.paths == [paths[0], paths[2]]
    assert [path for path, _ in store.skipped] == [paths[1]]
    assert "1.gif is truncated" in store.skipped[0][1]
    assert numbers(store[1]) == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"none of 1 clips can be read; the first: .*1\.gif is truncated"):
        ClipStore(paths[1:2], ClipForm((16, 24)), skip=True)
    monkeypatch.setattr(clip_store, "bound", lambda: 1000)
    with pytest.raises(DataError, match="frames of 2 clips take more than the cache may hold, 1e-06 GB; give a lower"):
        ClipStore([paths[0], paths[2]], ClipForm((16, 24)), skip=True)
