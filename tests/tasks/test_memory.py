"""The task memory: windows are one long pass, a resumed run sees the same, the sum is learned."""

import math
from dataclasses import replace

import pytest
import torch

import unrolled
from unrolled.errors import ArgumentError
from unrolled.tasks.memory.config import MemoryConfig
from unrolled.tasks.memory.model import loss_sum
from unrolled.tasks.memory.task import Memory
from unrolled.tasks.memory.trained import TrainedMemory, measure
from unrolled.training.config import update
from unrolled.training.pieces import window_loss


def prepared(**options):
    task = Memory(update(MemoryConfig(), hidden_size=12, batch_size=6, **options))
    task.prepare()
    torch.manual_seed(0)
    return task, task.build_model()


@pytest.mark.parametrize("data", ["adding", "copy", "repeat-copy", "recall"])
def test_windows_with_carried_state_are_one_long_pass(data):
    task, model = prepared(data=data, length=6, bptt=5)
    whole, _ = prepared(data=data, length=6, bptt=100)
    long, _ = whole.loss(model, whole.batch(0), whole.carry(model))
    carry, total = task.carry(model), 0.0
    for step in range(20):
        loss, carry = task.loss(model, task.batch(step), carry)
        total += float(loss.detach())
    assert total / 20 == pytest.approx(float(long.detach()), rel=1e-5)


@pytest.mark.parametrize("bptt", [0, 9])
@pytest.mark.parametrize("data", ["adding", "repeat-copy"])
def test_in_pieces_loss_and_gradients_are_those_of_the_whole(data, bptt):
    task, model = prepared(data=data, length=6, bptt=bptt, cell="gru")
    model.double()
    batch = task.batch(1)
    batch = replace(batch, inputs=batch.inputs.double(), targets=batch.targets.double())
    found = []
    for recompute in (0, 4):
        loss, carry = window_loss(task, model, batch, task.carry(model), recompute)
        found.append((loss.detach(), torch.autograd.grad(loss, list(model.parameters())), carry))
    assert float(found[0][0]) > 0
    assert (found[0][2] is None) == (bptt == 0)
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_a_window_without_answers_has_loss_zero_and_gradient_zero():
    task, model = prepared(data="adding", length=50, bptt=1)
    step = next(n for n in range(100) if not task.batch(n).where.any())
    loss, _ = task.loss(model, task.batch(step), task.carry(model))
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


def test_losses_are_those_of_the_equations():
    z = torch.tensor([[0.3, -2.0], [1.0, 0.0]])
    assert float(loss_sum("number", z, torch.zeros(2, 2))) == pytest.approx(0.09 + 4 + 1)
    bits = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = -sum(math.log(1 / (1 + math.exp(-v))) for v in (0.3, 2.0, -1.0, 0.0))
    assert float(loss_sum("bits", z, bits)) == pytest.approx(expected)
    classes = -math.log(math.exp(-2) / (math.exp(0.3) + math.exp(-2))) + math.log(math.e + 1) - 1
    assert float(loss_sum("class", z, torch.tensor([1, 0]))) == pytest.approx(classes)


@pytest.mark.parametrize(("data", "bias", "loss", "other"), [
    ("adding", 1.0, 1 / 6, {"close": 0.0784}),
    ("copy", 0.0, 8 * math.log(2), {"bits_per_symbol": 8.0}),
    ("recall", 0.0, math.log(8), {"bits_per_symbol": 3.0, "right": 0.0}),
])  # fmt: skip
def test_chance_is_measured_as_what_it_is(data, bias, loss, other):
    task, model = prepared(data=data, length=10)
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.constant_(model.head.bias, bias)
    found = measure(model, task.test, 10_000)
    assert found["loss"] == pytest.approx(loss, rel=0.03)
    for name, value in other.items():
        assert found[name] == pytest.approx(value, abs=0.015)


def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path):
    options = {
        "data": "copy",
        "length": 3,
        "bptt": 4,
        "hidden_size": 8,
        "batch_size": 4,
        "warmup": 0,
        "schedule": "constant",
    }
    unrolled.train("memory", run=tmp_path / "whole", steps=20, **options)
    unrolled.train("memory", run=tmp_path / "cut", steps=10, **options)
    unrolled.api.resume(tmp_path / "cut", steps=20)
    whole, cut = (unrolled.load(tmp_path / name / "checkpoints" / "step-20") for name in ("whole", "cut"))
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, cut.model.state_dict()[name]), name


def test_a_short_sum_is_learned_and_measured_at_other_lengths(tmp_path):
    model = unrolled.train(
        "memory", run=tmp_path / "run", data="adding", length=6, cell="gru", hidden_size=24, steps=500, lr=1e-2
    )
    assert model.evaluate()["mse"] < 0.02
    assert model.evaluate(length=6) == model.evaluate()
    longer = model.evaluate(length=8)
    assert 0 < longer["mse"] != model.evaluate()["mse"]
    with pytest.raises(ArgumentError, match="length"):
        model.evaluate(length=1)


def test_an_exact_length_is_asked_of_copies():
    task, _ = prepared(data="copy", length=6)
    problem = TrainedMemory(prepared(data="copy", length=6)[1], task.config).problem(9)
    assert (problem.shortest, problem.longest) == (9, 9)


def test_parts_have_other_sequences():
    task, _ = prepared(data="adding", length=10)
    lanes = task.stream.lanes
    first = [episodes.make(lanes, 0 * lanes).inputs for episodes in (task.stream.episodes, task.valid, task.test)]
    assert all((a != b).any() for a, b in zip(first, first[1:] + first[:1], strict=True))


@pytest.mark.parametrize(("options", "name"), [
    ({"data": "adding", "length": 1}, "length"),
    ({"data": "copy", "length": 5, "shortest": 6}, "shortest"),
    ({"data": "adding", "bptt": -1}, "bptt"),
    ({"data": "addition"}, "data"),
    ({"data": "adding", "repeats": 3}, "repeats"),
    ({"data": "recall", "shortest": 3}, "shortest"),
    ({"data": "mnist-rows", "length": 28}, "length"),
])  # fmt: skip
def test_wrong_problems_are_refused(options, name):
    with pytest.raises(ArgumentError, match=name):
        update(MemoryConfig(), **options)


def test_pictures_are_learned_by_their_accuracy(tmp_path):
    model = unrolled.train(
        "memory", run=tmp_path / "run", data="digits", cell="gru", hidden_size=32, steps=300, lr=1e-2, average="none"
    )
    found = model.evaluate()
    assert {"loss", "accuracy"} <= set(found)
    assert model.metrics() == {name: found[name] for name in ("loss", "accuracy")}
    assert found["accuracy"] > 0.5


def test_pictures_of_a_window_have_the_loss_of_whole_ones():
    task, model = prepared(data="digits", bptt=14)
    carry, total = task.carry(model), 0.0
    for step in range(80):
        loss, carry = task.loss(model, task.batch(step), carry)
        total += float(loss.detach())
    assert total / 80 == pytest.approx(math.log(10), rel=0.1)


@pytest.mark.parametrize("data", ["adding", "copy", "repeat-copy", "recall"])
def test_previews_show_answers(data):
    task, model = prepared(data=data, length=6)
    shown = task.preview(model)
    assert "predicted" in shown
    assert len(shown.splitlines()) <= 16
