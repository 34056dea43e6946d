"""The unrolled computation: the worked example's numbers, the graph's, and what cannot be shown."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from unrolled.errors import ArgumentError, DataError
from unrolled.lab.bptt import bptt
from unrolled.lab.unroll import (
    LARGEST_FILE,
    WORKED,
    WORKED_INPUTS,
    WORKED_STATE,
    WORKED_TARGETS,
    of_text,
    random_weights,
    read_weights,
    unroll,
)
from unrolled.lab.unroll_picture import picture


@pytest.fixture
def worked():
    return unroll(WORKED, np.array(WORKED_INPUTS), np.array(WORKED_TARGETS), np.array(WORKED_STATE))


def test_the_worked_example(worked):
    h, y_hat = worked.done.h[:, 0], worked.done.y_hat[:, 0]
    assert WORKED.U @ worked.x[0, 0] == pytest.approx([0.28, 0.28])
    assert WORKED.W @ h[0] == pytest.approx([0.52, 0.49])
    assert h[1] == pytest.approx([0.6640, 0.6469], abs=5e-5)
    assert y_hat[0] == pytest.approx([0.6117, 0.3883], abs=5e-5)
    assert h[2] == pytest.approx([0.7612, 0.7455], abs=5e-5)


def test_nodes_and_sums_agree_with_backpropagation(worked):
    loss, gradients, before = bptt(WORKED, worked.x, worked.y, np.array([WORKED_STATE]))
    assert worked.done.loss == loss == pytest.approx(worked.losses.sum())
    assert worked.errors.h_0 == pytest.approx(before)
    for name in ("U", "W", "V", "b", "c"):
        assert getattr(worked.gradients, name) == pytest.approx(getattr(gradients, name))
    assert np.tanh(worked.a) == pytest.approx(worked.done.h[1:, 0])
    # the gradient by a node is what a small change of it does to the loss, here of a_1
    d, moved = 1e-6, []
    for sign in (1, -1):
        h = np.tanh(worked.a[0] + sign * np.array([d, 0]))
        moved.append(unroll(WORKED, worked.x[1:, 0], worked.y[1:, 0], h).done.loss - np.log(_softmax(WORKED.V @ h)[0]))
    assert worked.errors.a[0, 0, 0] == pytest.approx((moved[0] - moved[1]) / (2 * d), rel=1e-5)


def _softmax(o):
    return np.exp(o) / np.exp(o).sum()


def test_a_text_is_read_and_followed():
    one = of_text("hello", 3, 0)
    assert one.symbols == ("h", "e", "l", "o")
    assert one.x[:, 0].argmax(1).tolist() == [0, 1, 2, 2]
    assert one.y[:, 0].tolist() == [1, 2, 2, 3]
    assert np.array_equal(one.weights.W, np.round(one.weights.W, 1))
    assert np.array_equal(of_text("hello", 3, 0).weights.U, one.weights.U)
    assert not np.array_equal(of_text("hello", 3, 1).weights.U, one.weights.U)


def test_the_picture_holds_every_number(worked):
    svg = picture(worked)
    texts = [node.text for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    for value in [*worked.done.h.ravel(), *worked.errors.h.ravel(), *worked.o.ravel(), *worked.done.y_hat.ravel()]:
        assert f"{value:.4f}".replace("-", "−") in texts
    assert texts.count("✓ right") == texts.count("✗ wrong") == 1


def test_no_text_becomes_markup():
    svg = picture(of_text("<&>\"'\0\n<", 2, 0))
    nodes = {node.tag.split("}")[1] for node in ElementTree.fromstring(svg).iter()}
    assert nodes == {"svg", "style", "defs", "marker", "path", "rect", "text"}


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"U": [[1, 2]], "W": [[0.5]], "V": [[1], [-1]], "c": [0.1, 0]}))
    found = read_weights(path)
    assert found.U.shape == (1, 2)
    assert found.b.tolist() == [0]
    assert found.c.tolist() == [0.1, 0]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold an object"),
        ('{"U": [[1]], "W": [[1]]}', "must hold an object"),
        ('{"U": [[1], [1, 2]], "W": [[1]], "V": [[1]]}', "rows of numbers"),
        ('{"U": [[1]], "W": [[1, 2]], "V": [[1]]}', "W must be 1 × 1"),
        ('{"U": 1, "W": [[1]], "V": [[1]]}', "U must be"),
        ('{"U": [[NaN]], "W": [[1]], "V": [[1]]}', "U must be 1 × 1 finite"),
        ('{"U": [[1]], "W": [[1]], "V": [[1]], "b": ["x"]}', "rows of numbers"),
        (" " * (LARGEST_FILE + 1), "larger than 1 MB"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_weights_that_are_none(tmp_path, text, named):
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(DataError, match=named):
        read_weights(path)


def test_what_cannot_be_read_is_not_shown():
    with pytest.raises(ArgumentError, match="at least two characters"):
        of_text("a", 2, 0)
    with pytest.raises(ArgumentError, match="12 of them distinct"):
        of_text("abcdefghijklmnop", 2, 0)
    weights = random_weights(2, 3, 2, 0)
    with pytest.raises(ArgumentError, match="classes from 0 to 1"):
        unroll(weights, np.zeros((1, 2)), np.array([2]), np.zeros(3))
    with pytest.raises(ArgumentError, match="3 numbers, one for each hidden unit"):
        unroll(weights, np.zeros((1, 2)), np.array([0]), np.zeros(2))
    with pytest.raises(ArgumentError, match="2 numbers each"):
        unroll(weights, np.zeros((1, 3)), np.array([0]), np.zeros(3))
