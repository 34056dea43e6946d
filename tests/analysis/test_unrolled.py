"""Gradients by every state of a short text: against finite differences, and against the closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unrolled.analysis.unrolled import unroll
from unrolled.data import CharVocabulary
from unrolled.errors import ArgumentError
from unrolled.lab.bptt import Weights, softmax
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig, Windows
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel

TEXT = "hello world"


def handle(windows=None, **recurrent):
    vocabulary = CharVocabulary("".join(sorted(set(TEXT))))
    config = LanguageModelConfig(model=Recurrent(**{"hidden_size": 6, **recurrent}), windows=windows or Windows())
    torch.manual_seed(2)
    return TrainedLanguageModel(new_model(len(vocabulary), config).double(), vocabulary, config)


def loss_with(model, layer, step, unit, by, last_only):
    """The loss if h of one layer is moved by so much at one step, and all that follows reads the moved one."""
    network, ids = model.model, torch.from_numpy(model.vocabulary.encode(TEXT).astype(np.int64))
    cells = list(network.stack.cells)
    states = [cell.initial_state(1) for cell in cells]
    nats = []
    for t in range(len(ids) - 1):
        if network.embedding is None:
            x = F.one_hot(ids[t : t + 1], network.symbols).double()
        else:
            x = network.embedding(ids[t : t + 1])
        every = []
        for n, cell in enumerate(cells):
            x, states[n] = cell.step(x, states[n])
            if (n, t) == (layer, step):
                h = states[n].h.clone()
                h[0, unit] += by
                states[n], x = states[n]._replace(h=h), h
            every.append(x)
        y = torch.cat(every, dim=-1) if network.head_reads == "concat" else x
        nats.append(float(F.cross_entropy(network.logits(y), ids[t + 1 : t + 2])))
    return nats[-1] if last_only else np.mean(nats)


@pytest.mark.parametrize(
    ("recurrent", "windows"),
    [
        ({"cell": "lstm", "num_layers": 2}, None),
        ({"cell": "gru", "num_layers": 2}, Windows(embedding_size=4, head="concat")),
        ({"cell": "rnn"}, None),
        ({"cell": "lstm", "proj_size": 3}, None),
    ],
)
@pytest.mark.parametrize("last_only", [False, True])
@torch.no_grad()
def test_against_finite_differences(recurrent, windows, last_only):
    model = handle(windows, **recurrent)
    found = unroll(model, TEXT, last_only=last_only)
    assert found.loss == pytest.approx(loss_with(model, -1, 0, 0, 0.0, last_only), rel=1e-9)
    e = 1e-5
    for number, layer in enumerate(found.layers):
        assert layer.grad.shape == layer.h.shape
        for step, unit in ((0, 0), (4, 2), (len(TEXT) - 2, 1)):
            up, down = (loss_with(model, number, step, unit, by, last_only) for by in (e, -e))
            assert float(layer.grad[step, unit]) == pytest.approx((up - down) / (2 * e), rel=1e-5, abs=1e-9)
        assert layer.grad[:-1].abs().sum(1).min() > 0
        assert layer.grad[-1].abs().max() == 0  # nothing is predicted after the last symbol


def test_against_the_closed_form():
    model = handle(cell="rnn", num_layers=1)
    cell, head = next(model.model.stack.cells), model.model.head
    w = Weights(
        *(one.detach().numpy() for one in (cell.weight_ih, cell.weight_hh, head.weight, cell.bias_ih + cell.bias_hh)),
        head.bias.detach().numpy(),
    )
    found = unroll(model, TEXT)
    ids = np.array(found.ids)
    h, states = np.zeros(6), []
    for id in ids[:-1]:
        h = np.tanh(w.b + w.W @ h + w.U[:, id])  # (10.8), (10.9)
        states.append(h)
    T = len(states)
    grad, later = np.zeros((T, 6)), np.zeros(6)
    for t in reversed(range(T)):
        grad_o = (softmax(w.c + w.V @ states[t]) - np.eye(len(w.c))[ids[t + 1]]) / T  # (10.18), of the mean
        grad[t] = w.V.T @ grad_o + later  # (10.19), (10.21)
        later = w.W.T @ ((1 - states[t] ** 2) * grad[t])
    np.testing.assert_allclose(found.layers[0].grad[:-1], grad, atol=1e-12)
    np.testing.assert_allclose(found.layers[0].h[:-1], states, atol=1e-12)


def test_what_is_told_and_what_is_refused():
    model = handle(num_layers=2)
    found = unroll(model, "he")
    assert [layer.name for layer in found.layers] == ["layers.0.0", "layers.1.0"]
    assert found.layers[1].c.shape == (2, 6)
    np.testing.assert_allclose(found.log_p.exp().sum(1), 1)
    logits, _ = model.model(torch.from_numpy(model.vocabulary.encode("he").astype(np.int64))[:, None])
    np.testing.assert_allclose(found.log_p, logits[:, 0].log_softmax(-1).detach(), atol=1e-9)
    alone = unroll(model, "h")
    assert alone.loss is None
    assert alone.layers[0].grad.abs().max() == 0
    with pytest.raises(ArgumentError, match="at least one character"):
        unroll(model, "")
    with pytest.raises(ArgumentError, match="char vocabulary, got 'é'"):
        unroll(model, "hé")
    assert "runner" not in vars(model.model.stack)
