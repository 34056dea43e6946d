"""From measurements to rows, JSON and a picture."""

import json

import pytest

from unrolled.errors import DataError
from unrolled.lab.bench import Case, Row, Timing, compare, draw, read, report, to_json
from unrolled.lab.bench.picture import summaries

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


def test_a_summary_per_cell_and_peer():
    shapes = [row(2.0, shape=(50, 50, 128)), row(8.0, shape=(100, 64, 256)), row(0.5, shape=(64, 1, 256))]
    rows = [*shapes, row(3.0, peer="jax", shape=(50, 50, 128)), row(9.0, what="training step", shape=(1, 1, 1024))]
    torch, jax, training = summaries(rows)
    assert (torch.label, torch.peer, torch.ratios, torch.few) == ("GRU, inference", "torch", (2.0, 8.0), (0.5,))
    assert torch.mean == pytest.approx(4.0)
    assert (jax.label, jax.peer, jax.ratios) == ("GRU, inference", "jax", (3.0,))
    assert (training.label, training.ratios, training.few) == ("GRU, training step", (9.0,), ())
    assert [summary.label for summary in summaries(shapes)] == ["GRU"]  # what it is is in the title


def test_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    some = [row(), row(0.5, name="RNN"), row(40.0, group="writing", peer="LSTMCell loop")]
    assert draw(ABOUT, some, tmp_path / "picture.svg")
    drawn = (tmp_path / "picture.svg").read_text()
    for text in ("GRU", "RNN", "0.50", "2.0", "40", "against torch.nn", "shapes T×B×H (steps × batch size × hidden"):
        assert f"<!-- {text}" in drawn


def test_without_matplotlib_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = []
    assert not draw(ABOUT, [row()], tmp_path / "picture.png", said.append)
    assert said == ["no picture: pip install matplotlib (or unrolled[plot])"]
    assert not list(tmp_path.iterdir())
