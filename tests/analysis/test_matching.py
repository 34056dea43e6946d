"""Units of two models matched, where one is the other rearranged, and against correlations of whole traces."""

import json

import numpy as np
import pytest
import torch
from small_models import SYMBOLS, handle, some_text

from unrolled.analysis.compare import compare
from unrolled.analysis.matching import match_units
from unrolled.analysis.text_windows import as_split, states
from unrolled.data import CharVocabulary
from unrolled.errors import ArgumentError
from unrolled.tasks.lm.trained import TrainedLanguageModel


def test_with_itself_every_unit_is_its_own():
    trained, text = handle(), some_text(300)
    for layer, leaf in ((0, "h"), (-1, "c")):
        matching = match_units(trained, trained, text, layer=layer, leaf=leaf, window=64)
        assert matching.best().tolist() == list(range(7))
        np.testing.assert_allclose(matching.strength(), 1, atol=1e-9)


def test_rearranged_and_reversed_units_are_found():
    a, b = handle("rnn", num_layers=1), handle("rnn", num_layers=1)
    cell = next(b.model.stack.cells)
    order, signs = torch.tensor([3, 0, 6, 1, 5, 2, 4]), torch.tensor([1.0, -1, 1, 1, -1, 1, -1])
    with torch.no_grad():  # h'_j = ±h_{order[j]}
        cell.weight_ih.copy_(signs[:, None] * cell.weight_ih[order])
        cell.weight_hh.copy_(signs[:, None] * cell.weight_hh[order][:, order] * signs)
        for bias in (cell.bias_ih, cell.bias_hh):
            bias.copy_(signs * bias[order])
        b.model.head.weight.copy_(b.model.head.weight[:, order] * signs)
    text = some_text(400)
    matching = match_units(a, b, text)
    assert order[matching.best()].tolist() == list(range(7))
    np.testing.assert_allclose(matching.strength(), signs[matching.best()], atol=1e-5)
    assert np.abs(compare(a, b, text).differences).max() < 1e-4
    assert json.loads(json.dumps(matching.as_json()))["units"][0]["best"] == 1


def test_correlations_of_different_layers_and_sizes_and_of_a_unit_that_never_changes():
    a, b, text = handle("lstm"), handle("gru", 5, seed=1), some_text(300)
    with torch.no_grad():
        cell = list(b.model.stack.cells)[1]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name)[[2, 7, 12]] = 0.0  # unit 2: h = 0
    matching = match_units(a, b, text, layer=0, other_layer=1, leaf="c", other_leaf="h", window=50)
    split = as_split(a, text)
    x = np.concatenate([values for _, values in states(a, split, 0, leaf="c")]).astype(float)
    y = np.concatenate([values for _, values in states(b, split, 1)]).astype(float)
    live = [0, 1, 3, 4]
    expected = np.corrcoef(x.T, y[:, live].T)[:7, 7:]
    np.testing.assert_allclose(matching.correlation[:, live], expected, atol=1e-6)
    assert not matching.correlation[:, 2].any()
    back = match_units(b, a, text, layer=1, other_layer=0, leaf="h", other_leaf="c")
    assert back.best()[2] == -1
    assert back.strength()[2] == 0


def test_errors():
    a = handle()
    b = TrainedLanguageModel(a.model, CharVocabulary(SYMBOLS[:-1] + "x"))
    with pytest.raises(ArgumentError, match="a, b must be models with the same vocabulary"):
        match_units(a, b, "abc")
    with pytest.raises(ArgumentError, match="leaf must be one of h, the state of GRUCell, got 'c'"):
        match_units(a, handle("gru"), "abc", leaf="c")
