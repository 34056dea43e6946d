"""Threads of the kernels: results depend neither on how many there are nor on the rest of the batch."""

import os
from contextlib import contextmanager

import pytest
import torch
from team_size import threads

from unrolled.cells import GRUCell, LSTMCell, MinGRUCell, QRNNCell, RGLRUCell, RNNCell
from unrolled.decoding import Sampling
from unrolled.decoding.frozen import draws
from unrolled.kernels import extension, generation
from unrolled.scan import scan
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import Windows
from unrolled.tasks.lm.model import LanguageModel

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))

CELLS = {
    "rnn": lambda: RNNCell(9, 21),
    "gru": lambda: GRUCell(9, 21),
    "gru, reset before": lambda: GRUCell(9, 21, reset_after=False),
    "lstm": lambda: LSTMCell(9, 21),
    "lstm, projected": lambda: LSTMCell(9, 21, proj_size=7),
    "lstm, layer norm": lambda: LSTMCell(9, 21, layer_norm=True),
    "lstm, peepholes": lambda: LSTMCell(9, 21, peepholes=True),
    "mingru": lambda: MinGRUCell(300, 21),
    "qrnn": lambda: QRNNCell(9, 21),
    "rglru": lambda: RGLRUCell(9, 21),
}
SETS = extension.instruction_sets()
BATCHES = {1: 2, 2: 3, 4: 1, 5: 4, 16: 1, 33: 2}  # and threads
MOST = 257


def outputs(cell, x):
    """The outputs of a scan and the leaves of the last state."""
    y, state = scan(cell, x, cell.initial_state(x.size(1)), backend="native")
    return [y, *state]


@pytest.mark.parametrize(
    ("cell", "name"),
    [*((cell, SETS[0]) for cell in CELLS), *((cell, name) for name in SETS[1:] for cell in ("gru", "lstm", "mingru"))],
)
def test_a_lane_is_the_same_in_any_batch_and_for_any_number_of_threads(cell, name, monkeypatch):
    """Bit by bit, in float32 and with products of bfloat16, whether weights are packed or not."""
    monkeypatch.setenv("UNROLLED_ISA", name)
    made = CELLS[cell]().eval()
    for half in (False, True):
        for steps in (1, 5):
            x = torch.randn(steps, MOST, made.input_size)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                with threads(1):
                    y, *state = outputs(made, x)
                for lanes, number in BATCHES.items():
                    with threads(number):
                        found, *last = outputs(made, x[:, :lanes])
                    assert torch.equal(found, y[:, :lanes]), (half, steps, lanes)
                    assert all(torch.equal(a, b[:lanes]) for a, b in zip(last, state, strict=True)), (
                        half,
                        steps,
                        lanes,
                    )


@pytest.mark.parametrize("weights", generation.PRECISIONS)
@pytest.mark.parametrize("name", SETS)
def test_a_stream_is_the_same_beside_others_and_for_any_number_of_threads(name, weights, monkeypatch):
    monkeypatch.setenv("UNROLLED_ISA", name)
    monkeypatch.setattr(generation, "BYTES_PER_THREAD", 1)
    for cell in ("gru", "lstm"):
        model = LanguageModel(30, Recurrent(cell=cell, hidden_size=21, num_layers=2), Windows()).eval()
        frozen = model.requires_grad_(False).freeze(weights)
        logits, sampling = torch.randn(9, 30), Sampling(seed=3)
        state = model.stack.initial_state(9)
        with threads(1):
            wanted, _, after = frozen.run(logits, state, 8, draws(sampling, 0, 9))
        for streams, number in {1: 2, 2: 1, 4: 3, 7: 2, 9: 4}.items():
            with threads(number):
                some = model.stack.initial_state(streams)
                found, _, last = frozen.run(logits[:streams], some, 8, draws(sampling, 0, streams))
            assert torch.equal(found, wanted[:, :streams])
            assert torch.equal(last[0].h, after[0].h[:streams])


@pytest.mark.parametrize("lanes", [3, 40])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_fewer_threads_than_allowed_change_no_gradient(cell, lanes):
    """A small call uses one of the two threads it may use, unless it must use both."""
    made, x = cell(), torch.randn(7, lanes, 300 if "MinGRU" in cell().__class__.__name__ else 9, requires_grad=True)
    found = []
    for both in (True, False):
        with threads(2):
            extension.compiled.adapt_threads(not both)
            loss = sum((leaf * leaf).sum() for leaf in outputs(made, x))
            found.append(torch.autograd.grad(loss, [x, *made.parameters()], allow_unused=True))
    for one, other in zip(*found, strict=True):
        assert one is None if other is None else torch.equal(one, other)


@contextmanager
def one_processor():
    """All threads of this process share one processor."""
    tasks = [int(name) for name in os.listdir("/proc/self/task")]
    before = {task: os.sched_getaffinity(task) for task in tasks}
    chosen = {min(os.sched_getaffinity(0))}
    try:
        for task in tasks:
            os.sched_setaffinity(task, chosen)
        yield
    finally:
        for task, processors in before.items():
            os.sched_setaffinity(task, processors)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system has no /proc to move threads with")
def test_threads_that_share_a_processor_wait_for_each_other_and_become_fewer():
    """A thousand barriers: a waiting thread must give way; later calls use one thread, since two do the work of one."""
    cell = LSTMCell(256, 256).eval()
    x = torch.randn(200, 2, 256)
    with torch.no_grad(), threads(2):
        alone = outputs(cell, x)
        extension.compiled.adapt_threads(True)
        with one_processor():
            allowed = [extension.compiled.team_size(200 * 2 * 1024 * 512, 2)]
            for _ in range(3):
                together = outputs(cell, x)
                allowed.append(extension.compiled.team_size(200 * 2 * 1024 * 512, 2))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert allowed[0] == 2
    assert 1 in allowed
