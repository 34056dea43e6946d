"""Advice that follows from a learning curve, and the curve's file and picture."""

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from unrolled.training.axes import ticks
from unrolled.training.curve import Curve, advise, read_curve, share
from unrolled.training.curve_picture import curve_svg
from unrolled.training.metrics import LOSS, Metric

F1 = Metric("f1", "F1", larger_is_better=True)
EVERY = 100
SVG = "{http://www.w3.org/2000/svg}"


def curve(valid, training=None, metric=LOSS):
    steps = range(EVERY, EVERY * (len(valid) + 1), EVERY)
    points = list(zip(steps, valid, strict=True))
    best = min(points, key=lambda point: metric.cost(point[1]))[0]
    falling = training or [2.0 * 0.97**n for n in range(120)]
    return Curve([(n, y) for n, y in enumerate(falling, 1)], points, points, best)


FALLING = [1.0, 0.8, 0.7, 0.62, 0.55, 0.5, 0.45, 0.4]
LEVEL = [1.0, 0.7, 0.55, 0.501, 0.5, 0.5, 0.5, 0.5]
COOLED = [3.9, 3.6, 3.4, 3.25, 3.15, 3.08, 3.03, 3.0, 2.985, 2.975, 2.973, 2.972]  # the learning rate goes to 0
RISING = [1.0, 0.7, 0.9, 1.2, 2.0, 4.0, 7.0, 10.0]


@pytest.mark.parametrize(
    ("values", "training", "longer", "text"),
    [
        (FALLING, None, True, "the validation loss was still falling at the end"),
        (LEVEL, None, False, "the validation loss has levelled off: longer training would gain little"),
        (COOLED, None, True, "the validation loss was still falling in the middle of training"),
        (RISING, None, False, "overfitting: best at step 200, a quarter of 800, then worse; try more --dropout"),
        ([1.0, 1.1, 1.5, 2.0], None, False, "overfitting: best at step 100, a quarter of 400"),
        ([0.693] * 8, [0.7] * 100, False, "the loss hardly changed from the start: try a higher --lr"),
        (FALLING[::-1], [1.0] * 30 + [3.0] * 90, False, "the training loss rose: try a lower --lr"),
        ([1.0, 0.5, 0.9], None, True, ""),  # too few evaluations to tell
        ([], [], True, ""),
    ],
)
def test_advice_follows_from_the_curve(values, training, longer, text):
    found = advise(curve(values, training) if values else Curve(), LOSS)
    assert found.longer is longer
    assert found.text.startswith(text)
    assert bool(found.text) == bool(text)


def test_a_score_that_should_be_large_is_read_upside_down():
    rising = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert advise(curve(rising, metric=F1), F1).text == "the validation f1 was still rising at the end"
    assert (
        "then worse; try --fold-labels, then more --dropout" in advise(curve(RISING), LOSS, False, "--fold-labels").text
    )
    assert advise(curve([0.0, 0.6, 0.5, 0.4, 0.3, 0.2], metric=F1), F1).text.startswith("overfitting: best at step 200")


def test_patience_is_not_advised_to_a_run_that_it_stopped():
    assert advise(curve(RISING), LOSS).text.endswith("or stop sooner with --patience")
    assert "--patience" not in advise(curve(RISING), LOSS, early=True).text
    assert advise(curve(COOLED), LOSS, early=True).text.endswith("has levelled off: longer training would gain little")


@pytest.mark.parametrize(
    ("part", "words"), [(0.25, "a quarter"), (0.249, "a quarter"), (0.7, "two thirds"), (1, "all")]
)
def test_fractions_in_words(part, words):
    assert share(part) == words


def test_reading_skips_what_is_damaged(tmp_path):
    lines = [
        {"step": 1, "loss": 3.0, "lr": 0.1},
        {"step": 2, "loss": math.inf},
        {"step": 2, "split": "valid", "loss": 2.0, "f1": 0.5, "best": True, "by": "f1"},
        {"step": 3, "split": "valid", "loss": 1.0, "f1": 0.4, "best": False, "by": "f1"},
        {"step": 3, "split": "test", "loss": 9.0},
        ["no", "object"],
        {"step": "4", "loss": 1.0},
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 4, "lo')
    assert read_curve(path, F1) == Curve([(1, 3.0)], [(2, 2.0), (3, 1.0)], [(2, 0.5), (3, 0.4)], 2)


def drawn(curve, metric=LOSS):
    return ElementTree.fromstring(curve_svg(curve, metric, "classify: <a & b>", "nats"))


def texts(picture):
    return [element.text for element in picture.iter(f"{SVG}text")]


def test_picture_names_axes_and_marks_the_best_step():
    shown = texts(drawn(curve(LEVEL, [0.9] * 50)))
    assert shown[0] == "classify: <a & b>"
    assert {"loss, nats", "training step", "training", "validation", "best: 0.5 at step 500"} <= set(shown)
    both = texts(drawn(curve([0.1, 0.5, 0.2], [0.3] * 50, metric=F1), F1))
    assert {"loss, nats", "validation F1", "best: 0.5 at step 200"} <= set(both)


def test_a_loss_that_rises_without_end_does_not_flatten_the_rest():
    training = [50.0, 9.0, *([2.0, 1.0] * 50)]
    picture = drawn(curve([1.0, 0.8, 2.0, 90.0], training))
    [label] = [text for text in texts(picture) if text.startswith("loss")]
    assert label.startswith("loss, nats (higher values cut at ")
    assert 2 < float(label.removesuffix(")").rsplit(" ", 1)[1]) < 9
    heights = [float(dot.get("cy")) for dot in picture.iter(f"{SVG}circle") if dot.get("class") == "dot"]
    assert heights[1] - heights[2] > 20  # pixels
    assert heights[3] == min(heights)


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [-1e9, 1e9], [5.0]])
def test_any_values_can_be_drawn(values):
    assert "nan" not in curve_svg(curve(values, [values[0]]), LOSS, "run", "nats")
    assert texts(drawn(Curve())) == ["classify: <a & b>"]


def test_ticks_are_round_numbers():
    assert list(ticks(0, 2.3, 5)) == [0, 0.5, 1.0, 1.5, 2.0]
    assert list(ticks(1, 600, 6)) == [100, 200, 300, 400, 500, 600]
