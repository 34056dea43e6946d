"""Units by the names that the cell search gives them."""

import pytest
import torch
from small_models import handle, some_text

from unrolled.analysis import clamp, hold
from unrolled.analysis.text_windows import as_split
from unrolled.analysis.unit_names import NamedUnit, clamps_named, unit_named
from unrolled.errors import ArgumentError
from unrolled.inspector.findings import Unit
from unrolled.layers import Stack
from unrolled.tasks.lm.ngram import NGram
from unrolled.tasks.lm.trained import TrainedLanguageModel


def test_names_of_the_search_are_understood():
    stack = Stack.build("lstm", 3, 5, 2, bidirectional=True)
    for layer in range(2):
        for direction in range(2):
            for leaf in ("h", "c"):
                name = Unit(f"layers.{layer}.{direction}", leaf, 4).name
                for said in (name, f"{name} −", f"  {name.replace('←', '<-')}"):
                    found = unit_named(said, stack)
                    assert found == NamedUnit(layer, direction, 4, leaf)
                    assert (str(found), found.key) == (name, (layer, direction, 4))


def test_held_by_name_is_clamped():
    trained, text = handle("lstm"), some_text(20)
    with clamp(trained.model, {(0, 0, 3): 0.5, (1, 0, 2): 0.0}), clamp(trained.model, {(0, 0, 6): 2.0}, leaf="c"):
        expected, written = trained.step(text)[0], trained.generate(text, 30, seed=2)
    for units in (
        {"layer 1 h[3]": 0.5, "layer 1 c[6]": 2.0, "layer 2 h[2]": 0.0},
        ("layer 1 h[3]=0.5", "layer 1 c[6] = 2", "layer 2 h[2]=-0e0"),
    ):
        with hold(trained.model, units) as named:
            torch.testing.assert_close(trained.step(text)[0], expected, rtol=0, atol=0)
            assert trained.generate(text, 30, seed=2) == written
        assert named == {NamedUnit(0, 0, 3, "h"): 0.5, NamedUnit(0, 0, 6, "c"): 2.0, NamedUnit(1, 0, 2, "h"): 0.0}
    assert trained.generate(text, 30, seed=2) != written
    with hold(trained.model, ()):
        assert "runner" not in vars(trained.model.stack)


def test_short_names_where_there_is_one_layer():
    stack = Stack.build("lstm", 3, 5, 1)
    assert unit_named("4", stack) == unit_named("h[4]", stack) == unit_named("layer 1 h[4]", stack)
    assert clamps_named(("c[2]=1", "3 = 0"), stack) == {NamedUnit(0, 0, 2, "c"): 1.0, NamedUnit(0, 0, 3, "h"): 0.0}
    for said in ("layer 15", "h", "h[1", "1 2"):
        with pytest.raises(
            ArgumentError, match=r"a unit name such as 'layer 1 h.58.' or .*h.58., or 58 for h, will do"
        ):
            unit_named(said, stack)


@pytest.mark.parametrize(
    ("cell", "said", "expected"),
    [
        ("lstm", "h[3]", "with its layer, as in 'layer 1 h\\[3\\]' \\(the model has 2 layers\\), got 'h\\[3\\]'"),
        ("lstm", "layer 0 h[3]", "a unit of layer 1 to 2; the model has no other"),
        ("lstm", "layer 3 h[3]", "a unit of layer 1 to 2; the model has no other"),
        ("lstm", "layer 1 ← h[3]", "without an arrow"),
        (
            "lstm",
            "layer 1 f[3]",
            "a unit of h or c, the state of the model's LSTMCell.*; gates are computed",
        ),
        ("gru", "layer 1 c[3]", "a unit of h, the state of the model's GRUCell"),
        ("lstm", "layer 2 c[7]", r"from c\[0\] to c\[6\] in layer 2"),
        ("lstm", f"layer 1 h[{'9' * 40}]", "a unit name such as"),
    ],
)
def test_units_that_are_not_there(cell, said, expected):
    with pytest.raises(ArgumentError, match=f"unit must be {expected}"):
        unit_named(said, handle(cell).model)


def test_clamps_that_cannot_be():
    model = handle().model
    for said in ("layer 1 h[3]", "layer 1 h[3]=", "layer 1 h[3]=nan", "layer 1 h[3]=inf", "layer 1 h[3]=x"):
        with pytest.raises(ArgumentError, match="clamp must be UNIT=NUMBER, such as 'layer 1 c"):
            clamps_named((said,), model)
    with pytest.raises(ArgumentError, match="clamp must be UNIT=NUMBER with an absolute value of at most"):
        clamps_named(("layer 1 h[3]=-1e40",), model)
    with pytest.raises(ArgumentError, match="clamp must be given once for each unit"):
        clamps_named(("layer 1 h[3]=0", "layer 1  h[3]=1"), model)
    trained = handle()
    counts = NGram.fit(as_split(trained, some_text(100)), len(trained.vocabulary), 2)
    with (
        pytest.raises(ArgumentError, match="clamp must be omitted for a model without recurrent layers, got 'NGram'"),
        hold(TrainedLanguageModel(counts, trained.vocabulary).model, ("layer 1 h[3]=0",)),
    ):
        pass
