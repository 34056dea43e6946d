"""BLEU by length as a picture: what is drawn, what is left out, what is refused."""

import sys
import warnings

import pytest

from unrolled.analysis.length_picture import FEW, length_picture
from unrolled.errors import ArgumentError, SaveError

pytest.importorskip("matplotlib")
BUCKETS = [(1, 5, 40, 30.0), (6, 10, FEW, 20.5), (11, 15, FEW - 1, 99.0)]


@pytest.fixture
def drawn(monkeypatch):
    """Every line that is drawn, and the figure."""
    from matplotlib.axes import Axes

    lines, plot = [], Axes.plot

    def record(self, x, y, **options):
        lines.append((self, list(x), list(y), options["label"]))
        return plot(self, x, y, **options)

    monkeypatch.setattr(Axes, "plot", record)
    return lines


def test_a_line_for_each_model(tmp_path, drawn):
    loaded = "matplotlib.pyplot" in sys.modules
    models = {"one": BUCKETS, "_$x^": BUCKETS[:1], "none": BUCKETS[2:], "$": BUCKETS[:2]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        length_picture(tmp_path / "lengths.png", models)
    assert (tmp_path / "lengths.png").read_bytes()[1:4] == b"PNG"
    assert ("matplotlib.pyplot" in sys.modules) == loaded
    axis = drawn[0][0]
    found = [(x, y) for _, x, y, _ in drawn]
    assert found == [([3, 8], [30, 20.5]), ([3], [30]), ([], []), ([3, 8], [30, 20.5])]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["1–5\n(40)", "6–10\n(10)"]
    assert [text.get_text().strip() for text in axis.get_legend().get_texts()] == ["one", r"_\$x^", "none", r"\$"]
    assert axis.get_ylim()[0] == 0


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ArgumentError, match="omitted if no bucket has at least 10 sentences"):
        length_picture(tmp_path / "lengths.png", {"one": BUCKETS[2:], "two": []})
    with pytest.raises(ArgumentError, match=r"the suffix .png, .svg or .pdf"):
        length_picture(tmp_path / "lengths.txt", {"one": BUCKETS})
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SaveError, match=r"cannot write .*folder.png"):
        length_picture(tmp_path / "folder.png", {"one": BUCKETS})
