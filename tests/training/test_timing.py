"""Plans that follow the training rate, with a clock that the test moves."""

import itertools
import math

import pytest
from test_loop import Toy, config, train

from unrolled.training import timing
from unrolled.training.optim import Schedule
from unrolled.training.options import Training
from unrolled.training.timing import Deadline, Plan, restore


class Clock:
    """A clock in place of time.perf_counter."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing, "time", found)
    return found


def test_a_plan_goes_on_with_fewer_steps_and_is_laid_over_more():
    plan = Plan(100)
    assert [plan.fraction(step) for step in (0, 25, 100)] == [0.0, 0.25, 1.0]
    plan.change(25, 50)  # a slower machine: half as many steps
    assert [plan.fraction(step) for step in (25, 50)] == [0.25, 1.0]
    assert plan.fraction(26) == pytest.approx(0.25 + 0.75 / 25)
    plan.change(25, 200)  # an idle machine: four times as many
    assert [plan.fraction(step) for step in (25, 200)] == [0.125, 1.0]
    plan.change(50, 50)  # the time is over
    assert plan.fraction(50) == 1.0


def test_a_plan_without_changes_gives_the_learning_rates_of_before():
    schedule = Schedule(Training(lr=0.7, warmup=0), Plan(37), 5)
    assert [schedule.lr(step) for step in range(37)] == [
        0.7 * 0.5 * (1 + math.cos(math.pi * step / 37)) for step in range(37)
    ]


def run(clock: Clock, seconds_per_step, *, evaluation=2.0, test=1.0, budget=240.0, planned=20_000, rate=100.0):
    """Train until the plan's last step; return the duration, the plan and the steps of the evaluations."""
    plan, begin = Plan(planned), clock.now
    deadline = Deadline(plan, budget, begin, evaluations=12, cost=200.0, scoring=200.0, end=test, rate=rate)
    step, evaluations, fractions = 0, [], []

    def work(seconds):
        """As many seconds as a machine takes that makes 100 steps per second."""
        start = clock.now
        for _ in range(int(seconds / 0.01)):
            clock.now += seconds_per_step(clock.now - begin)
        return clock.now - start

    while step < plan.steps:
        clock.now += seconds_per_step(clock.now - begin)
        step += 1
        deadline.follow(step, 1)
        fractions.append((plan.fraction(step), step / max(step, plan.steps)))
        if step >= plan.steps or deadline.due(step, 1):
            evaluations.append(step)
            duration = work(evaluation)
            deadline.evaluated(duration, duration)
    work(test * evaluation)
    assert all(later >= min(before, share) - 1e-9 for (before, _), (later, share) in itertools.pairwise(fractions))
    assert fractions[-1] == pytest.approx((1.0, 1.0))
    return clock.now - begin, plan, evaluations


@pytest.mark.parametrize(
    "pace",
    [
        lambda t: 0.01,
        lambda t: 0.05,
        lambda t: 0.002,
        lambda t: 0.01 if t < 120 else 0.05,  # busy half-way
        lambda t: 0.05 if t < 120 else 0.01,  # idle half-way
        lambda t: 0.01 if int(t / 20) % 2 else 0.03,
        lambda t: 0.01 * (1 + int(1000 * math.sin(t)) % 7),
    ],
    ids=["as measured", "slower", "faster", "busy half-way", "idle half-way", "in turns", "ever another"],
)
def test_training_ends_on_time_at_any_rate(clock, pace):
    duration, _, evaluations = run(clock, pace)
    assert 225 <= duration <= 260
    assert 11 <= len(evaluations) <= 13


def test_a_resumed_run_measures_the_rate_before_it_plans(clock):
    duration, plan, _ = run(clock, lambda t: 0.02, rate=0.0)
    assert 225 <= duration <= 260
    assert plan.steps > 5_000


def test_resuming_restores_the_plan_unless_the_steps_are_new():
    plan = Plan(100)
    plan.change(40, 80)
    saved = Deadline(plan, 60.0, 0.0, evaluations=12, cost=3.0, scoring=2.0, end=1.0, rate=0.0).saved(100)
    for steps in (100, 80):  # in the config of a run that was killed, and of one that has ended
        again = Plan(steps)
        assert restore(again, saved, steps)
        assert (again.steps, again.begin, again.done) == (80, 40, 0.4)
    assert not restore(Plan(500), saved, 500)


def test_a_run_with_a_training_time_goes_on_with_its_plan(tmp_path):
    summary, _ = train(tmp_path / "run", Toy(config(time="1s", checkpoint_seconds=1e-9)))
    assert summary.stopped == "finished"
    assert summary.steps == summary.planned
    again, _ = train(tmp_path / "run", Toy(config(time="1s", steps=summary.steps)), resume=True)
    assert again.steps == summary.steps
