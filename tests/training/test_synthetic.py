"""Synthetic gradients against full and truncated backpropagation, whose gradients are known."""

import json
from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_flatten, tree_map

from unrolled import api
from unrolled.cells import Cell
from unrolled.errors import ArgumentError
from unrolled.layers import Stack
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.options import Training
from unrolled.training.step import Stepper
from unrolled.training.synthetic import SyntheticGradients

LANES, SYMBOLS, STEPS = 3, 2, 12


class Leaky(Cell):
    """A cell of a user's own: one leaf of another shape than (B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Linear(input_size, hidden_size)
        self.keep = nn.Parameter(torch.rand(hidden_size))

    def step(self, x, state, noise=None):
        h = (self.keep * state["h"][:, 0] + self.weight(x)).tanh()
        return h, {"h": h[:, None]}

    def initial_state(self, batch_size):
        return {"h": self.keep.new_zeros(batch_size, 1, self.hidden_size)}


CELLS = {"rnn": {}, "gru": {"initial": "learned"}, "lstm": {"initial": "learned"}, f"{__name__}:Leaky": {}}


@dataclass(frozen=True, kw_only=True)
class CopyConfig:
    training: Training = field(default_factory=Training)


class Copy:
    """A stream of bits, each to be said again three steps later; new sequences begin at random places."""

    steps_per_epoch = 10.0
    source = None

    def __init__(self, cell, window, **options):
        plain = {"optimizer": "sgd", "lr": 1e-9, "weight_decay": 0.0, "clip": 0.0, "average": "none", "warmup": 0}
        training = Training(**{**plain, "steps": 100, "schedule": "constant", "batch_size": LANES, **options})
        self.config, self.cell, self.window = CopyConfig(training=training), cell, window
        generator = torch.Generator().manual_seed(1)
        self.bits = torch.randint(SYMBOLS, (STEPS + 3, LANES), generator=generator)
        self.resets = torch.rand(STEPS, LANES, generator=generator) < 0.15
        self.resets[0] = True

    def usual(self, steps):
        return {}

    def build_model(self):
        model = nn.Module()
        model.stack = Stack.build(self.cell, SYMBOLS, 5, 1, backend="reference", **CELLS[self.cell])
        model.head = nn.Linear(5, SYMBOLS)
        return model.double()

    def carry(self, model):
        return model.stack.initial_state(LANES)

    def batch(self, step):
        begin = step * self.window % STEPS
        return slice(begin, begin + self.window)

    def units(self, batch):
        return 1.0

    def segments(self):
        return None

    def lr_scale(self, batch):
        return 1.0

    def loss(self, model, batch, carry):
        x = F.one_hot(self.bits[3:][batch], SYMBOLS).double()
        y, state = model.stack(x, carry, resets=self.resets[batch])
        logits = model.head(y).flatten(0, 1)
        return F.cross_entropy(logits, self.bits[:-3][batch].flatten(), reduction="sum") / 7, state


def gradients(task, ĝ=None):
    """Sums over the windows of the gradients by the weights, which stand still, and what arrived at each beginning."""
    stepper = Stepper(task, torch.device("cpu"), 100)
    if ĝ is not None:
        ĝ = iter(ĝ)
        stepper.synthetic.forward = lambda state: next(ĝ)
    total, arrived = {}, []
    for number in range(STEPS // task.window):
        if ĝ is not None:
            real = stepper.synthetic.learn
            stepper.synthetic.learn = lambda before, _: arrived.append(
                [x.grad.clone() for x in tree_flatten(before)[0]]
            )
        stepper.step(number)
        if ĝ is not None:
            stepper.synthetic.learn = real
        for name, parameter in stepper.model.named_parameters():
            total[name] = total.get(name, 0) + parameter.grad
    return total, arrived


def true_gradients(task):
    """Full backpropagation: by the weights, and by the state before each window but the first, and after the last."""
    stepper = Stepper(task, torch.device("cpu"), 100)
    carry, loss, states = stepper.carry, 0, []
    for number in range(STEPS // task.window):
        value, carry = task.loss(stepper.model, task.batch(number), carry)
        loss = loss + value
        carry = tree_map(lambda leaf: leaf.clone(), carry)  # apart from what the window itself reads of it
        for leaf in tree_flatten(carry)[0]:
            leaf.retain_grad()
        states.append(tree_flatten(carry)[0])
    loss.backward()
    by_state = [[torch.zeros_like(x) if x.grad is None else x.grad for x in leaves] for leaves in states]
    return {name: p.grad for name, p in stepper.model.named_parameters()}, by_state


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("window", [1, 3, 4])
def test_exact_predictions_give_the_gradient_of_full_backpropagation(cell, window):
    expected, by_state = true_gradients(Copy(cell, window))
    total, arrived = gradients(Copy(cell, window, synthetic_gradients=True), by_state)
    truncated, _ = gradients(Copy(cell, window))
    for name, value in expected.items():
        torch.testing.assert_close(total[name], value, rtol=1e-6, atol=1e-8)  # the weights move by 1e-9
    assert any(not torch.allclose(truncated[name], value, rtol=1e-3) for name, value in expected.items())
    for found, true in zip(arrived[1:], by_state, strict=False):  # and the targets are exact
        for a, b in zip(found, true, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_predictions_of_zero_are_truncated_backpropagation(cell, monkeypatch):
    monkeypatch.setattr(SyntheticGradients, "learn", lambda self, before, predicted: None)  # as it begins: zero
    steppers = [
        Stepper(Copy(cell, 3, lr=0.1, synthetic_gradients=on), torch.device("cpu"), 100) for on in (False, True)
    ]
    for number in range(8):
        losses = [stepper.step(number) for stepper in steppers]
        assert losses[0] == losses[1]
    plain, synthetic = (stepper.model.state_dict() for stepper in steppers)
    assert all(torch.equal(value, synthetic[name]) for name, value in plain.items())
    assert not torch.equal(plain["head.weight"], Copy(cell, 3).build_model().head.weight)


@pytest.mark.parametrize("cell", CELLS)
def test_the_target_is_what_arrives_with_the_prediction_at_the_end(cell):
    task = Copy(cell, 3, synthetic_gradients=True)
    stepper = Stepper(task, torch.device("cpu"), 100)
    synthetic, model = stepper.synthetic, stepper.model
    told(synthetic)
    before = synthetic.begin(tree_map(torch.rand_like, stepper.carry))
    loss, after = task.loss(model, slice(3, 6), before)
    leaves, ends = tree_flatten(before)[0], tree_flatten(after)[0]
    inner = sum((g.detach() * leaf).sum() for g, leaf in zip(synthetic(after), ends, strict=True))
    target = torch.autograd.grad(loss + inner, leaves, retain_graph=True)
    without = torch.autograd.grad(loss, leaves, retain_graph=True)
    seen = {}
    synthetic.learn = lambda state, _: seen.update(target=[leaf.grad for leaf in tree_flatten(state)[0]])
    synthetic.backward(loss, before, after)
    for found, expected, real in zip(seen["target"], target, without, strict=True):
        torch.testing.assert_close(found, expected)
        assert not torch.allclose(found, real)


def told(synthetic):
    """Say something, whatever it is, and believe it."""
    nn.init.normal_(synthetic.weight)
    synthetic.state_square.fill_(1.0)
    for tensor in (synthetic.agreed, synthetic.said):
        tensor.fill_(1.0)


GRADIENTS = {  # of a state of two numbers, which are random: what it is, and how many units it takes to know it
    "linear": (lambda z: z.flip(1) - 0.5 * z, 0),
    "a product": (lambda z: z * z.flip(1), 64),
}


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("what", GRADIENTS)
def test_it_learns_the_gradient_that_can_be_known(what, ahead):
    """It comes a thousand times smaller, and the state ten times smaller and far from zero."""
    torch.manual_seed(0)
    gradient, units = GRADIENTS[what]
    options = Training(synthetic_gradients=True, synthetic_ahead=ahead, synthetic_size=units)
    synthetic = SyntheticGradients((torch.zeros(64, 2), torch.zeros(64, dtype=torch.long)), options)
    assert not any(g.any() for g in synthetic((torch.randn(64, 2), None)))
    for _ in range(400):
        state = synthetic.begin((0.1 * torch.randn(64, 2) + 3, torch.zeros(64, dtype=torch.long)))
        z = (state[0].detach() - 3) / 0.1
        state[0].grad = 1e-3 * gradient(z)
        synthetic.learn(state, [torch.zeros(64, 2)])
    assert synthetic.unexplained < 0.1
    assert synthetic.sigma == pytest.approx(1e-3, rel=0.3)
    z = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    (g,) = synthetic((0.1 * z + 3, None))
    expected = 1e-3 * gradient(z)
    torch.testing.assert_close(g, expected - expected.mean(0), atol=3e-4, rtol=0)


@pytest.mark.parametrize("alike", [0.0, 5.0])
def test_what_lanes_owe_alike_and_what_cannot_be_known_are_not_said(alike):
    torch.manual_seed(0)
    synthetic = SyntheticGradients(torch.zeros(16, 2), Training(synthetic_gradients=True))
    for _ in range(300):
        state = synthetic.begin(torch.randn(16, 2))
        state.grad = alike + torch.randn(16, 2)
        synthetic.learn(state, [torch.zeros(16, 2)])
    (g,) = synthetic(torch.randn(16, 2))
    assert g.mean(0).abs().max() < 1e-6
    assert g.abs().max() < 0.2
    assert synthetic.unexplained == pytest.approx(1.0, abs=0.02)


def test_a_unit_that_wakes_up_does_not_drown_what_was_known():
    torch.manual_seed(0)
    synthetic = SyntheticGradients(torch.zeros(16, 4), Training(synthetic_gradients=True))
    size = torch.tensor([1.0, 1.0, 1.0, 1e-5])
    for step in range(320):
        if step == 300:
            size[3] = 0.3
        before = synthetic.begin(size * torch.randn(16, 4))
        (g,) = synthetic(before)
        assert g.norm(dim=1).mean() < 4 * 2**0.5  # twice what is to be said
        before.grad = before.detach().flip(1) * torch.tensor([0.0, 1.0, 1.0, 0.0])
        synthetic.learn(before, [torch.zeros(16, 4)])
    assert synthetic.trust > 0.8


def test_a_single_lane_is_learned_from_too():
    torch.manual_seed(0)
    synthetic = SyntheticGradients(torch.zeros(1, 2), Training(synthetic_gradients=True))
    for _ in range(2000):
        state = synthetic.begin(torch.randn(1, 2))
        state.grad = state.detach().flip(1)
        synthetic.learn(state, [torch.zeros(1, 2)])
    assert synthetic.unexplained < 0.1
    (g,) = synthetic(torch.tensor([[1.0, -2.0]]))
    torch.testing.assert_close(g, torch.tensor([[-2.0, 1.0]]), atol=0.3, rtol=0)


def test_what_an_earlier_state_owes_is_learned_from_the_next_prediction():
    """s → s + x, and what counts is s at the far end: all but the last ĝ come by bootstrapping alone."""
    torch.manual_seed(0)
    synthetic = SyntheticGradients(torch.zeros(64, 2), Training(synthetic_gradients=True))
    for _ in range(200):
        state = torch.zeros(64, 2)
        sign = torch.randn(64, 1).sign()  # that the gradient has, told by the second number
        for place in range(4):
            before = synthetic.begin(torch.cat([state[:, :1], sign], 1))
            after = before + 0.3 * torch.randn(64, 1) * torch.tensor([1.0, 0.0])
            loss = 0 * after.sum() if place < 3 else (sign * after)[:, :1].sum()
            synthetic.backward(loss, before, after if place < 3 else after * 0)
            state = after.detach()
    (g,) = synthetic(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
    torch.testing.assert_close(g[:, 0], torch.tensor([1.0, -1.0]), atol=0.1, rtol=0)


def test_a_state_too_wide_to_be_fitted_is_refused_before_anything_is_allocated():
    with pytest.raises(ArgumentError, match="exceed 8,192 features"):
        SyntheticGradients(torch.zeros(1, 9000), Training(synthetic_gradients=True))


SMALL = {
    "hidden_size": 6, "num_layers": 2, "bptt": 4, "batch_size": 3, "steps": 20, "eval_every": 5, "random_reset": 0.3,
    "eval_tokens": 0, "preview_length": 4, "checkpoint_seconds": 1e6, "lr": 0.01, "warmup": 2,
}  # fmt: skip


def read(tmp_path, **options):
    data = tmp_path / "text.txt"
    data.write_text("the cat sat on the mat and the dog ate the cat\n" * 3)
    return update(LanguageModelConfig(), **{**SMALL, "data": str(data), **options})


@pytest.mark.parametrize("ahead", [False, True])
def test_it_stands_in_the_log_and_changes_the_model_but_not_its_file(tmp_path, ahead):
    for name, on in (("plain", False), ("run", True)):
        config = read(tmp_path, steps=60, synthetic_gradients=on, synthetic_ahead=on and ahead)
        api.start("lm", config, tmp_path / name, Silent())
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    errors = [line["synthetic_error"] for line in lines if "loss" in line and "split" not in line]
    assert len(errors) == 60
    assert all(error > 0 for error in errors)
    plain, run = (api.load(tmp_path / name).model.state_dict() for name in ("plain", "run"))
    assert plain.keys() == run.keys()
    assert any(not torch.equal(value, run[name]) for name, value in plain.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"synthetic_gradients": True, "precision": "bf16"}, "omitted with --precision bf16"),
        ({"synthetic_ahead": True}, "omitted without --synthetic-gradients"),
        ({"synthetic_samples": 25}, "omitted without --synthetic-gradients"),
        ({"synthetic_gradients": True, "synthetic_samples": 0}, "at least 1"),
        ({"synthetic_size": 9}, "omitted without --synthetic-gradients"),
        ({"synthetic_gradients": True, "synthetic_size": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        Training(**options)


@pytest.mark.parametrize("carry", [None, (torch.zeros(3, 2, dtype=torch.long),)])
def test_without_a_state_with_gradients_it_is_refused(carry):
    with pytest.raises(ArgumentError, match="synthetic_gradients must be omitted where no state with gradients"):
        SyntheticGradients(carry, Training(synthetic_gradients=True))
