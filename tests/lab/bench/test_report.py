"""From measurements to rows, JSON and a picture."""

import json

import pytest

from unrolled.errors import DataError
from unrolled.lab.bench import Case, Row, Timing, compare, draw, read, report, to_json

ABOUT = {"processor": "2 × X", "threads": 2, "date": "2026-01-01 00:00"}


def row(ratio=2.0, **more):
    given = {"group": "layers", "name": "GRU", "what": "inference", "shape": (2, 3, 4), "peer": "torch", "ours": 1e-3,
             "theirs": 2e-3, "ratio": ratio, "low": 0.9 * ratio, "high": 1.1 * ratio, "limit": 0.5}  # fmt: skip
    return Row(**{**given, **more})


def test_a_row_compares_turn_by_turn_also_with_the_machine(monkeypatch):
    size = 2.0 * 1024**3  # operations of the machine's own product
    seen = {}

    def interleave(works, turns):
        seen.update(works=set(works), turns=turns)
        return {"unrolled": Timing((1.0, 2.0, 4.0)), "a": Timing((2.0, 6.0, 8.0)), "b": Timing((0.5, 1.0, 2.0)),
                "the machine": Timing((0.5, 1.0, 2.0))}  # fmt: skip

    monkeypatch.setattr(report, "interleave", interleave)
    case = Case("layers", "GRU", "inference", (2, 3, 4), lambda: dict.fromkeys(("unrolled", "a", "b"), print),
                flops=size, peers=("a", "b"))  # fmt: skip
    a, b = compare(case, 3)
    assert seen == {"works": {"unrolled", "a", "b", "the machine"}, "turns": 3}
    assert (a.peer, a.ours, a.theirs, a.ratio) == ("a", 2.0, 6.0, 2.0)
    assert (b.peer, b.theirs, b.ratio) == ("b", 1.0, 0.5)
    assert a.limit == b.limit == 0.5  # the same operations in half the machine's time
    assert a.low <= a.ratio <= a.high


def test_json_and_back():
    rows = [row(), row(0.5, limit=None)]
    assert read(to_json(ABOUT, rows), "f.json") == (ABOUT, rows)
    for broken in ("", "[]", "{}", to_json(ABOUT, rows).replace('"ratio"', '"ration"')):
        with pytest.raises(DataError, match=r"f\.json is not a file of unrolled bench"):
            read(broken, "f.json")
    old = json.dumps({**json.loads(to_json(ABOUT, rows)), "version": 0})
    with pytest.raises(DataError, match="another version"):
        read(old, "f.json")


def test_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    some = [row(), row(0.5, name="RNN"), row(40.0, group="writing", peer="LSTMCell loop")]
    assert draw(ABOUT, some, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_a_note(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(report.importlib, "import_module", missing)
    said = []
    assert not draw(ABOUT, [row()], tmp_path / "picture.png", said.append)
    assert said == ["no picture: pip install matplotlib (or unrolled[plot])"]
    assert not list(tmp_path.iterdir())
