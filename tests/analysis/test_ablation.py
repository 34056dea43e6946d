"""Losses without a unit, against one clamped pass over the whole text for each."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_models import handle, some_text

from unrolled.analysis.ablation import ablation
from unrolled.analysis.clamp import clamp
from unrolled.analysis.units import stack_of
from unrolled.errors import ArgumentError


def classes(symbol):
    return "newline" if symbol == "\n" else "other"


@torch.no_grad()
def by_hand(trained, text):
    """Loss by class and of all, in one pass."""
    ids = torch.tensor(trained.vocabulary.encode(text).astype(np.int64))
    logits, _ = trained.model(ids[:-1, None])
    nats = F.cross_entropy(logits[:, 0], ids[1:], reduction="none")
    newline = ids[1:] == 0
    return [float(nats[newline].mean()), float(nats[~newline].mean())], float(nats.mean())


@pytest.mark.parametrize(
    ("cell", "leaf", "options"),
    [
        ("rnn", "h", {}),
        ("gru", "h", {}),
        ("lstm", "h", {"residual": True}),
        ("lstm", "c", {}),
        ("lstm", "c", {"layer_norm": True}),
    ],
)
def test_losses_are_those_of_clamped_passes(cell, leaf, options):
    trained, text = handle(cell, **options), some_text(200)
    units, values = [(0, 0, 2), (1, 0, 4), (1, 0, 0), (0, 0, 6)], [0.0, 0.0, 0.3, -0.2]
    found = ablation(trained, text, units, values=values, leaf=leaf, classes=classes, window=37)
    assert found.classes == ["newline", "other"]
    assert found.counts.tolist() == [text[1:].count("\n"), 199 - text[1:].count("\n")]
    parts, whole = by_hand(trained, text)
    np.testing.assert_allclose(found.baseline, parts, atol=1e-5)
    assert found.whole_baseline == pytest.approx(whole, abs=1e-5)
    for row, (unit, value) in enumerate(zip(units, values, strict=True)):
        with clamp(trained.model, {unit: value}, leaf=leaf):
            parts, whole = by_hand(trained, text)
        np.testing.assert_allclose(found.losses[row], parts, atol=1e-5)
        assert found.whole[row] == pytest.approx(whole, abs=1e-5)
    assert "runner" not in vars(stack_of(trained.model))
    rises = dict(found.ranked("newline"))
    assert rises[units[1]] == pytest.approx(found.losses[1, 0] - found.baseline[0])
    assert [rise for _, rise in found.ranked()] == sorted((rise for _, rise in found.ranked()), reverse=True)
    written = json.loads(json.dumps(found.as_json()))
    assert written["units"][2]["value"] == 0.3
    assert written["units"][2]["by_class"] == found.losses[2].tolist()


def test_lanes_that_are_warmed_up_come_to_nearly_the_same():
    trained, text = handle("gru"), some_text(3000)
    one = ablation(trained, text, [(1, 0, 1)])
    many = ablation(trained, text, [(1, 0, 1)], lanes=6)
    assert many.whole[0] == pytest.approx(one.whole[0], abs=1e-3)
    assert many.counts.tolist() == one.counts.tolist() == [2999]


def test_inside_a_clamp_both_units_are_held():
    trained, text = handle(), some_text(60)
    with clamp(trained.model, {(0, 0, 1): 0.0}):
        found = ablation(trained, text, [(1, 0, 2), (0, 0, 3)])
    for row, unit in enumerate([(1, 0, 2), (0, 0, 3)]):
        with clamp(trained.model, {(0, 0, 1): 0.0, unit: 0.0}):
            assert found.whole[row] == pytest.approx(by_hand(trained, text)[1], abs=1e-5)


def test_errors():
    trained = handle()
    with pytest.raises(ArgumentError, match="values must be one for each of 2 units, got 1"):
        ablation(trained, "abc", [(0, 0, 0), (0, 0, 1)], values=[0.0])
    with pytest.raises(ArgumentError, match="unit must be from 0 to 6 in layer 1, got 7"):
        ablation(trained, "abc", [(1, 0, 7)])
    with pytest.raises(ArgumentError, match="symbol_class must be one of all, got 'x'"):
        ablation(trained, "abc", [(1, 0, 6)]).ranked("x")
