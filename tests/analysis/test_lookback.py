"""Gradients by earlier inputs, against finite differences of the model written out."""

import json

import numpy as np
import pytest
import torch
from small_models import SYMBOLS, handle, some_text

from unrolled.analysis.clamp import clamp
from unrolled.analysis.lookback import effective_memory, lookback
from unrolled.analysis.text_windows import as_split
from unrolled.analysis.units import stack_of
from unrolled.data import Split
from unrolled.errors import ArgumentError
from unrolled.layers import Stack

EPS = 1e-5


@torch.no_grad()
def by_differences(trained, ids, t, start=0):
    """‖∂ log p(x_{t+1}) / ∂ x_k‖, and times x_k, for k = t, t − 1, …, start."""
    model = trained.model
    ids = torch.as_tensor(np.asarray(ids).astype(np.int64))[start : t + 2]
    vectors = torch.eye(len(SYMBOLS), dtype=torch.float64) if model.embedding is None else model.embedding.weight
    x = vectors[ids[:-1]][:, None]  # (T, 1, E)

    def log_p(x):
        return float(model.head(model.stack(x)[0])[-1, 0].log_softmax(-1)[ids[-1]])

    norms, products = [], []
    for k in reversed(range(len(x))):
        gradient = torch.zeros(x.size(2), dtype=torch.float64)
        for d in range(x.size(2)):
            up, down = x.clone(), x.clone()
            up[k, 0, d] += EPS
            down[k, 0, d] -= EPS
            gradient[d] = (log_p(up) - log_p(down)) / (2 * EPS)
        norms.append(float(gradient.norm()))
        products.append(float(gradient @ x[k, 0]))
    return norms, products, log_p(x)


@pytest.mark.parametrize(("cell", "embedding_size"), [("rnn", None), ("gru", 3), ("lstm", None)])
def test_gradients_are_those_of_finite_differences(cell, embedding_size):
    trained, text = handle(cell, 4, double=True, embedding_size=embedding_size), some_text(14)
    found = lookback(trained, text, [9, 0, 3, 12], reach=6, lanes=3)
    assert found.available.tolist() == [6, 1, 4, 6]
    for row, t in enumerate([9, 0, 3, 12]):
        norms, products, log_p = by_differences(trained, as_split(trained, text).tokens, t)
        n = min(6, t + 1)
        np.testing.assert_allclose(found.norms[row, :n], norms[:n], atol=1e-8)
        np.testing.assert_allclose(found.times_input[row, :n], products[:n], atol=1e-8)
        assert not found.norms[row, n:].any()
        assert found.log_p[row] == pytest.approx(log_p, abs=1e-9)
    mean = found.mean()
    assert mean[5] == pytest.approx(found.norms[[0, 3], 5].mean())
    assert mean[0] == pytest.approx(found.norms[:, 0].mean())
    assert "runner" not in vars(stack_of(trained.model))
    assert trained.model.head.weight.grad is None
    written = json.loads(json.dumps(found.as_json()))
    assert written["positions"][1]["norms"] == [found.norms[1, 0]]


def test_it_does_not_look_beyond_a_documents_beginning():
    trained = handle("gru", 4, double=True)
    ids = as_split(trained, some_text(14)).tokens
    found = lookback(trained, Split(ids, np.array([0, 5]), 14, 0), [4, 5, 8], reach=5)
    assert found.available.tolist() == [5, 1, 4]
    norms, _, log_p = by_differences(trained, ids, 8, start=5)
    np.testing.assert_allclose(found.norms[2, :4], norms, atol=1e-8)
    assert found.log_p[2] == pytest.approx(log_p, abs=1e-9)


def test_evenly_spread_positions_and_no_position_alone():
    trained, text = handle("lstm"), some_text(400)
    found = lookback(trained, text, count=20, reach=30)
    assert len(found.positions) == 20
    assert (found.positions[0], found.positions[-1]) == (29, 398)
    assert (found.available == 30).all()
    alone = lookback(trained, text, [int(found.positions[7])], reach=30)
    np.testing.assert_allclose(alone.norms[0], found.norms[7], rtol=1e-3, atol=1e-6)
    assert 0 <= found.memory(0.5) <= found.memory() < 30
    assert np.mean(found.memories()) == pytest.approx(found.memory(), abs=5)


def test_a_reach_beyond_the_text_costs_nothing():
    trained, text = handle("lstm"), some_text(12)
    far, near = (lookback(trained, text, reach=reach) for reach in (10**12, 11))
    assert far.norms.shape == near.norms.shape == (1, 11)
    np.testing.assert_array_equal(far.norms, near.norms)
    assert lookback(trained, text, count=10**12, reach=4).positions.tolist() == list(range(3, 11))


def test_what_is_held_carries_no_gradient():
    trained = handle("gru", 4, num_layers=1, double=True)
    with clamp(trained.model, {(0, 0, unit): 0.1 for unit in range(4)}):
        found = lookback(trained, some_text(10), [7], reach=5)
    assert not found.norms.any()
    assert found.memory() == 0


def test_effective_memory():
    norms = np.array([5.0, 3.0, 1.0, 1.0])
    assert [effective_memory(norms, share) for share in (0.5, 0.51, 0.8, 0.9, 1.0)] == [0, 1, 1, 2, 3]
    with pytest.raises(ArgumentError, match="share must be above 0 and at most 1, got 0"):
        effective_memory(norms, 0)


def test_errors():
    trained = handle(num_layers=1)
    with pytest.raises(ArgumentError, match=r"positions must be positions from 0 to 1, .* next token, got \[2\]"):
        lookback(trained, "abc", [2])
    with pytest.raises(ArgumentError, match="reach must be an integer of at least 1"):
        lookback(trained, "abc", reach=0)
    trained.model.stack = Stack.build("lstm", len(SYMBOLS), 7, bidirectional=True)
    with pytest.raises(ArgumentError, match="model must be unidirectional"):
        lookback(trained, "abc")
    trained.model.stack = None
    with pytest.raises(ArgumentError, match="model must be a module with recurrent layers"):
        lookback(trained, "abc")
