"""Labels at the ends of curves do not overlap, and stay where they are if there is room."""

import pytest

from unrolled.analysis.picture import label_lines, spread


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([0.3, 0.8], [0.3, 0.8]),
        ([0.5, 0.5], [0.45, 0.55]),
        ([0.0, 0.02, 0.9], [0.0, 0.1, 0.9]),
        ([1.0, 0.98], [1.0, 0.9]),
        ([0.5, 0.1, 0.52, 0.54], [0.42, 0.1, 0.52, 0.62]),
        ([0.3, 0.38, 0.45], [0.27667, 0.37667, 0.47667]),
    ],
)
def test_places_move_apart_as_little_as_possible(places, expected):
    assert spread(places, 0.1) == pytest.approx(expected, abs=1e-4)


def test_labels_of_curves_that_end_together():
    figures = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")
    axis = figures.Figure(figsize=(4, 3)).subplots()
    axis.set(yscale="log", ylim=(1e-4, 1e4))
    label_lines(axis, [(1.0, "a", "#0072b2"), (1.01, "b", "#d55e00"), (1e3, "c", "#009e73"), (1e9, "d", "#000000")])
    height = {text.get_text(): text.xyann[1] for text in axis.texts}
    assert height["c"] == pytest.approx(7 / 8)
    assert height["d"] == 1.0  # above the axis
    assert height["a"] < 0.5 < height["b"]
    assert [text.get_text() for text in axis.texts if text.arrow_patch is not None] == ["a", "b"]
