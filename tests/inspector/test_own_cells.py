"""Own cells that name no gates: their state is searched, held, unrolled and shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from readable_models import SMALL, TEXT
from torch import nn

from unrolled.analysis import capture, clamp
from unrolled.analysis.saturation import saturation
from unrolled.analysis.unit_names import unit_named
from unrolled.analysis.unrolled import unroll
from unrolled.cells import Cell, RNNState
from unrolled.data.build import build_vocabulary
from unrolled.errors import ArgumentError
from unrolled.inspector import built_in, label, read
from unrolled.inspector.traces import Traces
from unrolled.inspector.unit_search import measure
from unrolled.layers import Stack
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel


class Named(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.x, self.h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size):
        return RNNState(self.x.weight.new_zeros(batch_size, self.hidden_size))

    def step(self, x, state, noise=None):
        h = torch.tanh(self.x(x) + self.h(state.h))
        return h, RNNState(h)


class OneTensor(Named):
    def initial_state(self, batch_size):
        return super().initial_state(batch_size).h

    def step(self, x, state, noise=None):
        h, _ = super().step(x, RNNState(state))
        return h, h


class Pair(Named):
    def initial_state(self, batch_size):
        return (super().initial_state(batch_size).h,) * 2

    def step(self, x, state, noise=None):
        h, _ = super().step(x, RNNState(state[0]))
        return h, (h, state[0])


def handle(cell):
    """A language model whose layers are this cell."""
    vocabulary = build_vocabulary("char", [TEXT])
    config = LanguageModelConfig(model=SMALL)
    model = new_model(len(vocabulary), config)
    torch.manual_seed(1)
    model.stack = Stack([[cell(len(vocabulary), 6)], [cell(6, 6)]])
    return TrainedLanguageModel(model, vocabulary, config)


@pytest.mark.parametrize("cell", [Named, OneTensor])
def test_the_state_takes_the_place_of_gates(cell):
    model = handle(cell)
    reading = read(model, TEXT[:1500])
    scores = measure(reading, label(TEXT[:1500], built_in()))
    assert {unit.gate for unit in scores.units} == {"h"}
    assert len(scores.units) == 12
    traces = Traces(reading)
    assert set(traces.planes) == {("layers.0.0", "h"), ("layers.1.0", "h")}
    values = traces.values(("layers.1.0", "h"), 0, 40).values
    found = []
    with torch.no_grad(), capture(model.model, lambda name, begin, trace: found.append(trace["h"])):
        model.model(torch.from_numpy(model.vocabulary.encode(TEXT[:40]).astype(np.int64))[:, None])
    np.testing.assert_allclose(values, found[1][:, 0], atol=1e-6)
    steps = unroll(model, TEXT[:6], gates=True)
    np.testing.assert_allclose(steps.layers[1].h, values[:6], atol=1e-6)
    assert steps.layers[1].gates == {}
    unit = unit_named("layer 2 h[3]", model.model)
    with torch.no_grad(), clamp(model.model, {unit.key: 0.25}):
        _, state = model.step(TEXT[:9])
    assert (state[1] if cell is OneTensor else state[1].h)[0, 3] == 0.25


def test_a_state_without_names_shows_the_output():
    model = handle(Pair)
    traces = Traces(read(model, TEXT[:300]))
    assert set(traces.planes) == {("layers.0.0", "output"), ("layers.1.0", "output")}
    with pytest.raises(ArgumentError, match=r"clamp must be omitted: the state of this cell has no named units"):
        unit_named("layer 1 h[0]", model.model, "clamp")
    with pytest.raises(ArgumentError, match="one whose state has a leaf h"):
        unroll(model, "the")


def test_the_view_of_gates_says_that_there_are_none():
    with pytest.raises(ArgumentError, match=r"one with gates \(lstm, gru\), got 'Named'; an own cell names its gates"):
        saturation(handle(Named), TEXT[:100])
