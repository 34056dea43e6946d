"""Schedules, clipping and averages against their formulas, worked out by hand or by torch."""

import math

import pytest
import torch
from torch import nn

from unrolled.training.optim import Average, Schedule, clip, make_optimizer
from unrolled.training.options import Training
from unrolled.training.timing import Plan

OPTIMIZERS = ("adamw", "adam", "rmsprop", "adagrad", "sgd")


def rates(steps: int, per_epoch: float = 10, **options) -> list[float]:
    schedule = Schedule(Training(lr=1.0, **options), Plan(steps), per_epoch)
    return [schedule.lr(step) for step in range(steps)]


def test_warmup_rises_in_equal_parts_and_then_stays():
    assert rates(100, schedule="constant", warmup=4)[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_warmup_takes_at_most_a_tenth_of_the_training():
    assert rates(20, schedule="constant", warmup=100)[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert rates(5, schedule="constant", warmup=100) == [1.0] * 5


def test_cosine():
    lr = rates(1000, schedule="cosine", warmup=0)
    assert lr[0] == 1
    assert lr[250] == pytest.approx(0.5 + math.sqrt(0.125))
    assert lr[500] == pytest.approx(0.5)
    assert lr[999] == pytest.approx(math.pi**2 / 4e6, rel=1e-3)  # towards zero as a parabola


@pytest.mark.parametrize(("per_epoch", "every"), [(10, 1.0), (10, 0.1), (7, 3.0), (3, 0.1)])
def test_step_decay_counts_passes(per_epoch, every):
    lr = rates(60, per_epoch, schedule="step", warmup=0, decay_every=every, decay=0.5)
    # in integers: whole periods of `every` passes after `step` steps
    expected = [0.5 ** (10 * step // round(10 * every * per_epoch)) for step in range(60)]
    assert lr == pytest.approx(expected)


def test_the_first_decay_can_be_later_than_the_others():
    lr = rates(10, 1, schedule="step", warmup=0, first_decay=4.0, decay=0.5)
    assert lr == [1, 1, 1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]
    lr = rates(8, 2, schedule="step", warmup=0, first_decay=0.5, decay_every=2.0, decay=0.5)
    assert lr == [1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_plateau_decays_once_for_each_evaluation_without_gain():
    schedule = Schedule(Training(lr=0.8, schedule="plateau", decay=0.25, warmup=0), Plan(100), 10)
    assert schedule.lr(50) == 0.8
    schedule.plateaus = 2
    assert schedule.lr(51) == pytest.approx(0.8 / 16)


def parameters(scale: float = 1.0) -> list[nn.Parameter]:
    torch.manual_seed(3)
    made = [nn.Parameter(torch.zeros(*shape)) for shape in ((4, 5), (7,), (2, 3))]
    for p in made:
        p.grad = scale * torch.randn_like(p)
    return [*made, nn.Parameter(torch.zeros(3))]  # one without a gradient


@pytest.mark.parametrize("largest", [0.1, 1.0, 1000.0])
def test_clipping_by_norm_is_torchs(largest):
    ours, theirs = parameters(), parameters()
    norm = clip(ours, Training(clip=largest))
    assert norm == pytest.approx(float(nn.utils.clip_grad_norm_(theirs, largest)), rel=1e-6)
    for a, b in zip(ours[:3], theirs[:3], strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)


def test_clipping_by_value_comes_before_clipping_by_norm():
    ours, theirs = parameters(5.0), parameters(5.0)
    before = clip(ours, Training(clip_value=0.5, clip=2.0))
    assert before == pytest.approx(float(torch.cat([p.grad.flatten() for p in theirs[:3]]).norm()), rel=1e-6)
    nn.utils.clip_grad_value_(theirs, 0.5)
    nn.utils.clip_grad_norm_(theirs, 2.0)
    for a, b in zip(ours[:3], theirs[:3], strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-7)
    assert float(torch.cat([p.grad.flatten() for p in ours[:3]]).norm()) == pytest.approx(2.0, rel=1e-4)


def test_no_clipping():
    ours, theirs = parameters(100.0), parameters(100.0)
    clip(ours, Training(clip=0.0))
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours[:3], theirs[:3], strict=True))
    assert clip([nn.Parameter(torch.ones(2))], Training()) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_shows_in_the_norm(bad):
    ours = parameters()
    ours[0].grad[1, 1] = bad
    assert not math.isfinite(clip(ours, Training(clip=1.0, clip_value=1.0)))


class Scalar(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([10.0, -4.0]))

    def put(self, a: float, b: float) -> None:
        with torch.no_grad():
            self.w.copy_(torch.tensor([a, b]))


def test_exponential_average_by_hand():
    model = Scalar()
    average = Average(model, Training(average="ema", ema_decay=0.2), Plan(100))
    model.put(1.0, 2.0)
    average.update(0)  # d = min(.2, 1/10) = .1
    first = [0.1 * 10 + 0.9 * 1, 0.1 * -4 + 0.9 * 2]
    torch.testing.assert_close(average.weights["w"], torch.tensor(first))
    model.put(3.0, 0.0)
    average.update(1)  # d = min(.2, 2/11) = 2/11
    second = [2 / 11 * first[0] + 9 / 11 * 3, 2 / 11 * first[1]]
    torch.testing.assert_close(average.weights["w"], torch.tensor(second))
    average.update(2)  # d = min(.2, 3/12) = .2
    torch.testing.assert_close(average.weights["w"], torch.tensor([0.2 * second[0] + 0.8 * 3, 0.2 * second[1]]))


def test_swa_is_the_mean_of_the_last_part():
    model = Scalar()
    average = Average(model, Training(average="swa", swa_start=0.6), Plan(5))
    for step, value in enumerate([100.0, 200.0, 300.0, 1.0, 5.0]):
        model.put(value, -value)
        average.update(step)
    torch.testing.assert_close(average.weights["w"], torch.tensor([3.0, -3.0]))
    assert average.count == 2  # steps 3 and 4


def test_swapping_shows_the_average_and_swapping_twice_changes_no_bit():
    torch.manual_seed(0)
    model = nn.LSTM(3, 4)
    average = Average(model, Training(average="ema", ema_decay=0.998), Plan(10))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    average.swap()  # nothing has been averaged yet: the live weights stay
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.7)
    average.update(0)
    live = {name: p.detach().clone() for name, p in model.named_parameters()}
    mean = {name: a.clone() for name, a in average.weights.items()}
    average.swap()
    assert all(torch.equal(p, mean[name]) for name, p in model.named_parameters())
    assert not torch.equal(mean["weight_hh_l0"], live["weight_hh_l0"])
    average.swap()
    assert all(torch.equal(p, live[name]) for name, p in model.named_parameters())
    assert all(torch.equal(a, mean[name]) for name, a in average.weights.items())


def test_no_average():
    model = Scalar()
    average = Average(model, Training(average="none"), Plan(10))
    model.put(1.0, 2.0)
    average.update(0)
    average.swap()
    assert model.w.tolist() == [1.0, 2.0]
    assert average.weights == {}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_are_torchs_and_spare_biases_the_decay(name):
    options = Training(optimizer=name, lr=0.01, weight_decay=0.3, beta2=0.95, momentum=0.5)
    torch.manual_seed(1)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, 3)
    groups = [{"params": [theirs.weight], "weight_decay": 0.3}, {"params": [theirs.bias], "weight_decay": 0.0}]
    reference = {
        "adamw": lambda: torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95)),
        "adam": lambda: torch.optim.Adam(groups, lr=0.01, betas=(0.9, 0.95)),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=0.01, alpha=0.95, momentum=0.5),
        "adagrad": lambda: torch.optim.Adagrad(groups, lr=0.01),
        "sgd": lambda: torch.optim.SGD(groups, lr=0.01, momentum=0.5),
    }[name]()
    optimizer = make_optimizer(ours, options)
    for model, stepper in ((ours, optimizer), (theirs, reference)):
        for _ in range(3):
            stepper.zero_grad()
            model(x).square().sum().backward()
            stepper.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-5, atol=1e-6)
