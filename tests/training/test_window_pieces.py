"""Windows computed piece by piece: the same loss, state and gradients as at once, with less in memory."""

import pytest
import torch
from torch import nn

import unrolled
from unrolled.cells.state import detach
from unrolled.errors import ArgumentError
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import update
from unrolled.training.pieces import Segments, cuts, window_loss
from unrolled.training.step import Stepper

TEXT = "text:" + "It was the best of times, it was the worst of times. " * 40


def task_of(**options):
    """A language model's task and its model in float64."""
    given = {"data": TEXT, "steps": 10, "hidden_size": 6, "bptt": 23, "batch_size": 3, "random_reset": 0.4, **options}
    task = LanguageModelling(update(LanguageModelConfig(), **given))
    task.prepare()
    torch.manual_seed(0)
    return task, task.build_model().double()


def passes(task, model, recompute, windows=3):
    """Losses, gradients and states of some windows, the state carried from each to the next."""
    carry, found = task.carry(model), []
    for number in range(windows):
        torch.manual_seed(number)
        loss, carry = window_loss(task, model, task.batch(number), carry, recompute)
        gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        carry = detach(carry)
        found.append((loss.detach(), gradients, carry))
    return found


@pytest.mark.parametrize("recompute", ["auto", 1, 5, 22, 23, 500])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "gru", "num_layers": 3, "initial_state": "learned", "residual": True},
        {"cell": "rnn", "backend": "reference"},
        {"embedding_size": 4, "head": "concat", "layer_norm": True},
        {"kind": "transformer", "context": 7, "heads": 3},
        {"kind": "feedforward", "context": 3},
    ],
)
def test_loss_state_and_gradients_are_those_of_the_whole_window(options, recompute):
    task, model = task_of(dropout=0.0, **options)
    whole, pieces = (passes(task, model, one) for one in (0, recompute))
    torch.testing.assert_close(pieces, whole, rtol=1e-12, atol=1e-14)
    assert max(float(one.abs().max()) for one in whole[1][1] if one is not None) > 1e-3


def test_float32_agrees_to_rounding():
    task, model = task_of(dropout=0.0)
    model.float()
    whole, pieces = (passes(task, model, one) for one in (0, 4))
    torch.testing.assert_close(pieces, whole, rtol=1e-4, atol=1e-6)


def test_masks_are_the_same_the_second_time():
    """With dropout a finite difference of the loss, under the same seed, is what the gradient says."""
    task, model = task_of(dropout=0.3, recurrent_dropout=0.2, zoneout=0.1)
    weight = model.head.weight

    def loss():
        torch.manual_seed(5)
        return window_loss(task, model, task.batch(0), task.carry(model), 5)[0]

    direction = torch.randn_like(weight)
    slope = float((torch.autograd.grad(loss(), weight)[0] * direction).sum())
    with torch.no_grad():
        d = 1e-6
        weight += d * direction
        above = loss()
        weight -= 2 * d * direction
        below = loss()
    assert slope == pytest.approx(float(above - below) / (2 * d), rel=1e-6)


def saved(task, model, recompute):
    """The most numbers that autograd keeps between forward and backward, without the weights."""
    kept, weights = {}, {one.untyped_storage().data_ptr() for one in model.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss, _ = window_loss(task, model, task.batch(0), task.carry(model), recompute)
    loss.backward()
    return sum(kept.values())


def test_less_is_kept():
    task, model = task_of(dropout=0.0, bptt=400, batch_size=4, random_reset=0.0)
    whole, pieces = (saved(task, model, one) for one in (0, "auto"))
    assert pieces < whole / 6


def test_cuts():
    assert cuts(7, 3) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert [part.stop for part in cuts(100, "auto")] == list(range(10, 101, 10))
    assert cuts(3, 10) == [slice(0, 3)]
    assert len(cuts(1, "auto")) == 1


@pytest.mark.parametrize("recompute", [-1, 1.5, "all", True])
def test_what_recompute_may_not_be(recompute):
    with pytest.raises(ArgumentError, match="recompute"):
        update(LanguageModelConfig(), recompute=recompute)


def test_a_task_without_a_stream_says_so(tmp_path):
    with pytest.raises(ArgumentError, match="omitted with the task tag"):
        unrolled.train("tag", data="generated", steps=1, recompute=5, run=tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


class Walk(nn.Module):
    """h_t = tanh(w h_{t-1} + x_t), loss the mean of h_t²: small enough that every truncation can be tried."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.9], dtype=torch.float64))


class WalkTask:
    """What `window_loss` asks of a task; batches are the inputs (T,)."""

    def __init__(self, segments=None):
        self.segments = lambda: segments

    def pieces(self, batch, steps):
        return [(batch[part], (part.stop - part.start) / len(batch)) for part in cuts(len(batch), steps)]

    def loss(self, model, batch, carry):
        h, total = carry, 0.0
        for x in batch:
            h = torch.tanh(model.w * h + x)
            total = total + h.square().sum()
        return total / len(batch), h


def gradient(model, x, ends, segments=None, recompute=0):
    """Of the sum of all losses over ``x``, in windows that end at ``ends``."""
    task, carry, total = WalkTask(segments), torch.zeros(1, dtype=torch.float64), 0.0
    for begin, end in zip([0, *ends], [*ends, len(x)], strict=True):
        loss, carry = window_loss(task, model, x[begin:end], carry.detach(), recompute)
        total += torch.autograd.grad(loss, model.w)[0] * (end - begin)
    return total


@pytest.mark.parametrize("recompute", [0, 1])
def test_the_mean_over_all_truncations_is_the_whole_gradient(recompute):
    """Every pattern of windows by its probability: with segments exactly backpropagation through all of time."""
    model, x = Walk(), torch.linspace(-0.5, 0.8, 10, dtype=torch.float64)
    steps, c = 2, 0.3
    points = range(steps, len(x), steps)
    full, fair, plain = gradient(model, x, []), 0.0, 0.0
    for pattern in range(2 ** len(points)):
        ends = [point for n, point in enumerate(points) if pattern >> n & 1]
        probability = c ** len(ends) * (1 - c) ** (len(points) - len(ends))
        fair += probability * gradient(model, x, ends, Segments(steps, 1 / (1 - c)), recompute)
        plain += probability * gradient(model, x, ends, None, recompute)
    assert float(fair) == pytest.approx(float(full), rel=1e-13)
    assert abs(float(plain - full)) > 0.1 * abs(float(full))


@pytest.mark.parametrize("random", ["none", "merity", "unbiased"])
def test_learning_rate_follows_the_steps_of_a_window(random):
    """With plain descent a step is the learning rate times the sum over the window's steps, over bptt."""
    task, _ = task_of(bptt_random=random, bptt=12, dropout=0.0, optimizer="sgd", lr=0.01, clip=0.0, schedule="constant",
                      warmup=0, random_reset=0.0)  # fmt: skip
    stepper, scales = Stepper(task, torch.device("cpu"), 10), set()
    for number in range(3):
        before = {name: one.detach().clone() for name, one in stepper.model.named_parameters()}
        carry = detach(stepper.carry)
        stepper.step(number)
        after = {name: one.detach().clone() for name, one in stepper.model.named_parameters()}
        stepper.model.load_state_dict(before)
        batch = task.batch(number)
        loss, _ = window_loss(task, stepper.model, batch, carry)
        found = torch.autograd.grad(loss, list(stepper.model.parameters()))
        scale = len(batch.inputs) / 12
        for (name, one), gradient in zip(before.items(), found, strict=True):
            torch.testing.assert_close(after[name], one - 0.01 * scale * gradient)
        stepper.model.load_state_dict(after)
        scales.add(scale)
    assert scales == {1.0} if random == "none" else len(scales) > 1
    assert (task.segments() is None) == (random != "unbiased")
