"""Wrong arguments of `scan` are named in one line, with a remedy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unrolled
from unrolled import Cell, GRUCell, LSTMCell, scan, scan_traced
from unrolled.cells import RNNState
from unrolled.errors import ArgumentError, ShapeError

X = torch.zeros(5, 3, 2)


@pytest.mark.parametrize("lengths", [[5, 2, 1], (5, 2, 1), np.array([5, 2, 1]), np.array([5, 2, 1], dtype=np.int32)])
def test_lengths_may_be_any_sequence_of_integers(lengths: Any) -> None:
    cell, x = GRUCell(2, 4), torch.randn(5, 3, 2)
    expected = scan(cell, x, lengths=torch.tensor([5, 2, 1]))
    torch.testing.assert_close(scan(cell, x, lengths=lengths), expected)
    torch.testing.assert_close(scan_traced(cell, x, lengths=lengths)[:2], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lengths": 5}, r"lengths must be a tensor \(3,\) int64 or a list of integers, got 5"),
        ({"lengths": "abc"}, r"lengths must be .* a list of integers, got 'abc'"),
        ({"lengths": [5, 2.5, 1]}, r"lengths must be .* a list of integers, got \[5, 2.5, 1\]"),
        ({"lengths": [5, 2]}, r"lengths must be int64 \(3,\), got .*\(2,\), one length for each sequence"),
        ({"lengths": [6, 2, 1]}, r"lengths must lie in 0..5, got 1..6; the inputs have 5 steps"),
        ({"lengths": torch.ones(3)}, r"got torch.float32 \(3,\); convert them: lengths.long\(\)"),
        ({"resets": torch.zeros(5, 3)}, r"got torch.float32 \(5, 3\); convert it: resets.bool\(\)"),
        ({"resets": [[0] * 3] * 5}, r"resets must be a tensor bool \(5, 3\), got a list; convert it"),
        ({"reverse": "yes"}, "reverse must be True or False, got 'yes'"),
        ({"lenghts": [5, 2, 1]}, "'lenghts' is not an option; did you mean 'lengths'?"),
        (
            {"inputs": np.zeros((5, 3, 2))},
            r"inputs must be a tensor \(T, B, 2\), .* an ndarray float64 \(5, 3, 2\)",
        ),
        ({"inputs": torch.zeros(5, 3, dtype=torch.int32)}, r"ids in inputs must be torch.int64, got torch.int32; conv"),
        ({"state": (X[0], X[0])}, r"got tuple \(\(3, 2\), \(3, 2\)\); pass unrolled.cells.LSTMState\(h, c\)"),
        ({"state": "h"}, r"got a str; pass unrolled.cells.LSTMState\(h, c\)"),
        ({"cell": unrolled.nn.LSTM(2, 4)}, "cell must be a Cell, got 'LSTM'; for a layer pass one of its cells"),
        ({"cell": nn.LSTMCell(2, 4)}, "cell must be a Cell, got 'LSTMCell'; use unrolled.LSTMCell"),
        ({"cell": GRUCell}, "cell must be a Cell, got 'GRUCell'; pass an instance"),
        ({"cell": X, "inputs": GRUCell(2, 4)}, "got 'Tensor'; the cell is the first argument"),
    ],
)
@pytest.mark.parametrize("run", [scan, scan_traced])
def test_wrong_arguments(run: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ArgumentError, ShapeError), match=message):
        run(**{"cell": LSTMCell(2, 4), "inputs": X, **options})


class Plain(Cell):
    """A correct cell, of which the classes below change one thing."""

    def step(self, x: Tensor, state: Any, noise: Any = None) -> Any:
        h = torch.tanh(state.h)
        return h, RNNState(h)

    def initial_state(self, batch_size: int) -> Any:
        return RNNState(torch.zeros(batch_size, self.hidden_size))


class NoNoise(Plain):
    def step(self, x: Tensor, state: Any) -> Any:  # type: ignore[override]
        return super().step(x, state)


class PlainTuple(Plain):
    def step(self, x: Tensor, state: Any, noise: Any = None) -> Any:
        h = torch.tanh(state.h)
        return h, (h,)


class NoBatch(Plain):
    def step(self, x: Tensor, state: Any, noise: Any = None) -> Any:
        h = torch.cat([x, state.h], 1)[:, : self.hidden_size]
        return h, RNNState(h)

    def initial_state(self, batch_size: int) -> Any:
        return RNNState(torch.zeros(self.hidden_size))


class Wrong(Plain):
    def step(self, x: Tensor, state: Any, noise: Any = None) -> Any:
        raise KeyError("my own mistake")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (NoNoise, r"whose step takes \(x, state, noise\), got 'NoNoise'; add noise=None to its arguments"),
        (PlainTuple, "whose step returns RNNState as initial_state does, got 'PlainTuple'; it returns a plain tuple"),
        (NoBatch, r"whose initial_state\(3\) returns tensors \(3, …\), got 'NoBatch'; it returns RNNState\(h=\(4,\)\)"),
    ],
)
def test_a_custom_cell_that_violates_the_contract(kind: type[Plain], message: str) -> None:
    for lengths in (None, [5, 2, 1]):
        with pytest.raises(ArgumentError, match=message):
            scan(kind(2, 4), X, lengths=lengths)


def test_an_exception_of_a_custom_cell_passes_through() -> None:
    assert scan(Plain(2, 4), X)[0].shape == (5, 3, 4)
    with pytest.raises(KeyError, match="my own mistake"):
        scan(Wrong(2, 4), X)
