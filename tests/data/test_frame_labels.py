"""Labels of frames: tracks of all forms, at any rate; what lies outside the clip is named with file and line."""

import json
from fractions import Fraction

import pytest

from unrolled.data.frame_labels import frame_labels, placed, whole_frames
from unrolled.data.label_tracks import has_intervals, read_track, read_tracks
from unrolled.errors import DataError

GRID = (
    "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 35500 at\n35500 41000 f\n41000 47250 two\n47250 53000 now\n"
)
GRID += "53000 74500 sil\n"


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def labels(track, length, rate=None, own=None):
    rate, own = (None if value is None else Fraction(value) for value in (rate, own))
    return frame_labels(placed(track, "a.mp4", length, rate, own), length, "-")


def test_grid(tmp_path):
    track = read_track(written(tmp_path / "a.align", GRID))
    words = {"sil": 24, "bin": 6, "blue": 4, "at": 2, "f": 5, "two": 6, "now": 6}
    expected = [word for word, count in words.items() for _ in range(count)] + ["sil"] * 22
    assert labels(track, 75, 25) == expected
    assert sorted(set(labels(track, 38, 12.5))) == sorted(words)
    assert whole_frames(placed(track, "a", 75, Fraction(25), None)[5], 75) == (41, 47)
    with pytest.raises(DataError, match=r"a\.align, line 8 ends at 2\.98 s, after a\.mp4, which has 60 frames"):
        labels(track, 60, 25)
    with pytest.raises(DataError, match=r"a\.mp4 has no times; give its frames per second with --rate"):
        labels(track, 75)


def test_the_label_that_covers_most():
    from unrolled.data.frame_labels import Placed

    assert frame_labels([Placed(0.4, 1.6, "a"), Placed(1.6, 2.2, "b"), Placed(4.6, 5.0, "c")], 6, "-") == list("aa----")
    assert frame_labels([Placed(0.6, 1.0, "a"), Placed(1.0, 1.1, "b"), Placed(1.1, 1.6, "c")], 2, "-") == list("-c")
    assert frame_labels([], 2) == ["background"] * 2


def test_other_tracks(tmp_path):
    audacity = read_track(written(tmp_path / "a.txt", "0.0\t0.2\tgo up\n\n0.3\t0.5\tgo down\n"))
    assert labels(audacity, 5, 10) == ["go up", "go up", "-", "go down", "go down"]
    lab = read_track(written(tmp_path / "b.lab", "0 2000000 x\n2000000 5000000 y\n"))
    assert labels(lab, 5, 10) == list("xxyyy")
    each = read_track(written(tmp_path / "c.txt", "walk\nwalk\nrun fast\n"))
    assert labels(each, 3, 10, 10) == ["walk", "walk", "run fast"]
    assert labels(each, 6, 10, 5) == ["walk"] * 4 + ["run fast"] * 2
    with pytest.raises(DataError, match=r"c\.txt has 3 labels, and a\.mp4 has 2 frames: .* line 3"):
        labels(each, 2, 10, 10)


def test_tables(tmp_path):
    csv = written(
        tmp_path / "a.csv", 'video,start,end,label\na.mp4,0,0.2,"up, left"\nb.mp4,0.1,0.3,down\na.mp4,.2,.4,x\n'
    )
    tracks = read_tracks(csv)
    assert has_intervals(csv)
    assert labels(tracks["a.mp4"], 4, 10) == ["up, left"] * 2 + ["x"] * 2
    assert labels(tracks["b.mp4"], 4, 10) == ["-", "down", "down", "-"]
    frames = written(tmp_path / "b.tsv", "path\tstart_frame\tend_frame\tlabel\na\t2\t4\tx\n")
    assert labels(read_tracks(frames)["a"], 8, 20, 10) == ["-"] * 4 + ["x"] * 4
    assert labels(read_tracks(frames, "seconds")["a"], 4, 1) == list("--xx")
    rows = [{"path": "a", "start": 0, "end": 1, "label": "x"}, {"path": "a", "start": 1, "end": 2, "label": "y"}]
    for n, text in enumerate(
        (json.dumps(rows), "\n".join(map(json.dumps, rows)), json.dumps({"a": rows}),
         json.dumps({"database": {"a": {"annotations": [{"segment": [0, 1], "label": "x"}, rows[1]]}}}))
    ):  # fmt: skip
        file = written(tmp_path / f"{n}.json", text)
        assert has_intervals(file)
        assert labels(read_tracks(file)["a"], 2, 1) == list("xy")
    assert not has_intervals(written(tmp_path / "c.csv", "path,label\na.mp4,x\n"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("path,start,end,label\na,1,1,x\n", r"line 2 is from 1 to 1; the start must"),
        ("path,start,end,label\na,-1,1,x\n", r"line 2 is from -1 to 1"),
        ("path,start,end,label\na,0,1,x\na,now,1,x\n", r"line 3 has the time 'now'"),
        ("path,start,end,label\na,0,,x\n", r"line 2 has no end"),
        ("path,start,label\na,0,x\n", r"line 2 has no end; its columns are path, start, label"),
        ("path,start,end,label\n", "has no labelled intervals"),
        (f"path,start,end,label\na,0,1,{'x' * 201}\n", "line 2 must have a label of 1 to 200"),
    ],
)
def test_invalid_tables(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        read_tracks(written(tmp_path / "a.csv", text))


def test_invalid_tracks(tmp_path):
    with pytest.raises(DataError, match=r"a\.align, line 2 must be 'start end label', got 'x'"):
        read_track(written(tmp_path / "a.align", "0 1 y\nx\n"))
    with pytest.raises(DataError, match="has no labels"):
        read_track(written(tmp_path / "b.txt", "\n"))
    with pytest.raises(DataError, match=r"c\.align, line 2 overlaps line 1 of a\.mp4"):
        labels(read_track(written(tmp_path / "c.align", "0 9000 x\n5000 10000 y\n")), 10, 25)
    frames = written(tmp_path / "d.csv", "path,start_frame,end_frame,label\na,0,50,x\n")
    with pytest.raises(DataError, match=r"d\.csv, line 2 ends at 50 frames, .* is it counted at the rate of the clip"):
        labels(read_tracks(frames)["a"], 25, 25, 25)
