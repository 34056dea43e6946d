"""What works on a model's inside works on one with dilated layers, or says in one line that it doesn't."""

import numpy as np
import pytest
import torch
from small_models import handle, some_text

from unrolled import analysis
from unrolled.analysis.edits import ablated
from unrolled.analysis.unrolled import unroll
from unrolled.cells.dilated import Dilated
from unrolled.errors import ArgumentError
from unrolled.inspector import read
from unrolled.inspector.traces import Traces
from unrolled.lab.gradients import flows
from unrolled.tasks.common.recurrent import Recurrent

TEXT = some_text(50)
IDS = torch.randint(10, (17, 2))


@pytest.fixture
def model():
    return handle(num_layers=3, dilation=2, double=True)


def test_layers_skip_1_d_d_squared():
    stack = Recurrent(num_layers=3, hidden_size=4, dilation=3).build(2, bidirectional=True)
    skips = [cell.dilation if isinstance(cell, Dilated) else 1 for cell in stack.cells]
    assert skips == [1, 1, 3, 3, 9, 9]
    assert stack(torch.randn(5, 2, 2))[0].shape == (5, 2, 8)


@pytest.mark.parametrize("leaf", ["h", "c"])
def test_a_held_unit_is_held_in_every_state(model, leaf):
    """As overwriting the inner state by hand, step by step, and putting out what was overwritten."""
    stack = model.model.stack
    cell, x = list(stack.cells)[1], torch.randn(9, 2, 7).double()
    with torch.no_grad(), analysis.clamp(model.model, {(1, 0, 3): 0.7}, leaf=leaf):
        held = list(stack.cells)[1]
        outputs, after = stack.runner(held, x, held.initial_state(2))
    assert list(stack.cells)[1] is cell
    inner, before, wanted = cell.cell, [cell.cell.initial_state(2) for _ in range(2)], []
    for t in range(9):
        state = _held(before[t % 2], leaf)
        h, state, trace = inner.step_traced(x[t], state)
        if leaf == "c":
            c = state.c.clone()
            c[:, 3] = 0.7
            h = trace["o"] * torch.tanh(c)
            state = state._replace(h=h, c=c)
        before[t % 2] = _held(state, leaf)
        wanted.append(before[t % 2].h)
    torch.testing.assert_close(outputs, torch.stack(wanted))
    assert bool((getattr(after, leaf)[:, :, 3] == 0.7).all())


def _held(state, leaf):
    values = getattr(state, leaf).clone()
    values[:, 3] = 0.7
    return state._replace(**{leaf: values})


def test_slices_of_the_live_page_are_those_of_one_pass(model):
    model.model.float()
    text = some_text(3000)
    traces = Traces(read(model, text))
    traces.checkpoints.fill(model.model)
    seen = []
    ids = torch.from_numpy(model.vocabulary.encode(text).astype(np.int64))[:, None]
    with torch.no_grad(), analysis.capture(model.model, lambda *one: seen.append(one), chunk=4000) as names:
        model.model(ids)
    whole = {name: trace["c"][:, 0].numpy() for name, _, trace in seen}
    for name in names:
        layer = name.removeprefix("stack.")
        found = traces.values((layer, "c"), 2000, 2100)
        assert not found.provisional
        np.testing.assert_allclose(found.values, whole[name][2000:2100], atol=1e-5)


def test_refusals(model):
    with pytest.raises(ArgumentError, match="a dilation of 2"):
        unroll(model, TEXT)
    with pytest.raises(ArgumentError, match="a dilation of 2"):
        flows(model.model.stack, lambda: model.model(IDS)[0].sum())
    with pytest.raises(ArgumentError, match="Dilated"):
        ablated(model.model, [(1, 0, 2)])
    assert model.unfreezable()
    for dilation, layers, why in ((3, 1, "one layer"), (0, 2, "at least 1"), (2, 10**9, "65,536")):
        with pytest.raises(ArgumentError, match=why):
            Recurrent(dilation=dilation, num_layers=layers)
