"""Inspection a text window by window: every unit after every symbol."""

import numpy as np
import pytest
import torch
from small_models import SYMBOLS, handle, some_text

from unrolled.analysis.text_windows import as_split, class_table, means, snippet, states, token_kind
from unrolled.analysis.units import stack_of
from unrolled.data import Split
from unrolled.errors import ArgumentError, DataError
from unrolled.layers import Stack


@pytest.mark.parametrize("window", [1, 7, 100])
@pytest.mark.parametrize(("cell", "leaf"), [("rnn", "h"), ("gru", "h"), ("lstm", "c")])
@torch.no_grad()
def test_states_are_those_of_the_cells_step_by_step(cell, leaf, window):
    trained = handle(cell)
    ids = np.random.default_rng(0).integers(len(SYMBOLS), size=30)
    split = Split(ids, np.array([0, 11, 21]), 30, 0)
    found = list(states(trained, split, 1, leaf=leaf, window=window))
    assert [position for position, _ in found] == list(range(0, 30, window))
    values = np.concatenate([some for _, some in found])
    state = None
    for t, id in enumerate(ids):
        if t in (0, 11, 21):
            state = trained.model.initial_state(1)
        _, state = trained.model(torch.tensor([[id]]), state)
        np.testing.assert_allclose(values[t], getattr(state[1], leaf)[0], atol=1e-5)


def test_the_model_can_be_used_between_two_windows():
    trained, split = handle(), as_split(handle(), some_text(40))
    once = [values for _, values in states(trained, split, window=10)]
    pairs = zip(states(trained, split, window=10), states(trained, split, window=10), strict=True)
    for expected, ((_, one), (_, two)) in zip(once, pairs, strict=True):
        np.testing.assert_array_equal(one, expected)
        np.testing.assert_array_equal(two, expected)
        assert "runner" not in vars(stack_of(trained.model))


def test_means():
    trained, text = handle(), some_text(50)
    values = np.concatenate([some for _, some in states(trained, as_split(trained, text), leaf="c")])
    found = means(trained, text, leaf="c", window=20)
    assert list(found) == [(1, 0, unit) for unit in range(7)]
    np.testing.assert_allclose(list(found.values()), values.mean(0), atol=1e-6)
    assert list(means(trained, text, 0)) == [(0, 0, unit) for unit in range(7)]


def test_classes_of_symbols():
    assert [token_kind(s) for s in ["\n", " ", "a", "Ä", "7", ";", "the", " the", " a", "\r\n", ""]] == [
        "newline", "space", "letter", "capital", "digit", "punctuation", "word", "word", "letter", "newline",
        "punctuation",
    ]  # fmt: skip
    names, table = class_table(handle().vocabulary, token_kind)
    assert names == ["newline", "space", "letter"]
    assert table.tolist() == [0, 1] + [2] * 8


def test_snippets():
    trained = handle()
    split = as_split(trained, "abcdefgh")
    assert snippet(trained, split, 2, 4, 2) == ("ab", "cd", "ef")
    assert snippet(trained, split, 0, 1, 2) == ("", "a", "bc")
    assert snippet(trained, split, 7, 8, 2) == ("fg", "h", "")


def test_errors():
    trained = handle(num_layers=1)
    with pytest.raises(ArgumentError, match="text must be in the model's char vocabulary, got 'XY'; remove"):
        as_split(trained, "aXYa")
    with pytest.raises(DataError, match="provide at least two tokens"):
        as_split(trained, "a")
    split = as_split(trained, "abc")
    with pytest.raises(ArgumentError, match="leaf must be one of h, c, the state of LSTMCell, got 'x'"):
        next(states(trained, split, leaf="x"))
    with pytest.raises(ArgumentError, match="layer must be from 0 to 0, got 1"):
        next(states(trained, split, 1))
    trained.model.stack = Stack.build("lstm", len(SYMBOLS), 7, bidirectional=True)
    with pytest.raises(ArgumentError, match="model must be unidirectional"):
        next(states(trained, split))
