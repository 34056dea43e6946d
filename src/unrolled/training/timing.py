"""Keep a training time: how many steps fit, planned anew while the training rate changes."""

from __future__ import annotations

import time
from typing import Any

from .options import seconds

WINDOW = 1 / 40  # of the training time, over which the rate is measured
SHORTEST, LONGEST = 1.0, 30.0  # seconds of the window
NEWEST = 0.3  # weight of the newest window in the measured rate
TOLERANCE = 0.02  # of the remaining steps: a smaller change of the plan is not worth it
SAVING = 1.0  # seconds for the last checkpoint and the learning curve


class Plan:
    """How much of the training is done at each step: schedules depend on f, and f(N) = 1.

        f(s) = s / N                                      N planned steps
        f(s) = f_k + (1 − f_k) (s − s_k) / (N_k − s_k)    after N was changed to N_k at step s_k,
        f_k = min(f(s_k), s_k / N_k)

    With fewer steps f is continuous. With more, as on a machine that is no longer busy, the schedule is laid
    over all of them again: f never is ahead of the share of the steps that are done.

    Attributes:
        steps: the planned number of steps N.
        begin: the step of the last change s_k.
        done: f(s_k).
    """

    def __init__(self, steps: int) -> None:
        self.steps, self.begin, self.done = steps, 0, 0.0

    def position(self, step: int) -> tuple[float, float]:
        """Return two numbers whose ratio is f; exact integers as long as the plan has not been changed."""
        if not self.begin:
            return step, self.steps
        if self.steps <= self.begin:
            return 1.0, 1.0
        return self.done + (1 - self.done) * (step - self.begin) / (self.steps - self.begin), 1.0

    def fraction(self, step: int) -> float:
        """Return f(step)."""
        done, total = self.position(step)
        return done / total

    def reached(self, step: int, share: float) -> bool:
        """Return whether ``share`` of the training is done at ``step``."""
        return self.fraction(step) >= share if self.begin else step >= int(share * self.steps)

    def change(self, step: int, steps: int) -> None:
        """Plan ``steps`` in total, from ``step`` on."""
        done = min(self.fraction(step), step / steps) if steps > step else self.fraction(step)
        self.begin, self.done, self.steps = step, done, steps


class Deadline:
    """Plans the number of steps for a training time, and when to evaluate.

    The costs of evaluations are counted in steps: on a busy machine they take longer, as steps do.

    Args:
        plan: the plan to change.
        budget: the training time in seconds.
        begin: when it began, in `time.perf_counter` seconds.
        evaluations: how many there are during training; 0: they follow ``eval_every``.
        cost: of one of them with its preview, in steps.
        scoring: of one of them without its preview, in steps.
        end: cost of the evaluation on the test split after the last step, relative to ``scoring``.
        rate: steps per second; 0: not measured yet.
    """

    def __init__(
        self,
        plan: Plan,
        budget: float,
        begin: float,
        *,
        evaluations: int,
        cost: float,
        scoring: float,
        end: float,
        rate: float,
    ) -> None:
        self.plan, self.budget, self.begin = plan, budget, begin
        self.evaluations, self.cost, self.scoring, self.end, self.rate = evaluations, cost, scoring, end, rate
        self.window = min(LONGEST, max(SHORTEST, budget * WINDOW))
        self.paused = 0.0  # seconds of all evaluations
        self.mark: tuple[float, int] | None = None  # begin of the window: time without evaluations, and step
        self.made = 0  # evaluations that were due

    def left(self) -> float:
        """Return the seconds left."""
        return self.begin + self.budget - time.perf_counter()

    def due(self, step: int, eval_every: int) -> bool:
        """Return whether to evaluate after step number ``step``: at every 1/E of the training, or ``eval_every``.

        It is called once for each step.
        """
        if not self.evaluations:
            return step % eval_every == 0
        before, self.made = self.made, max(self.made, int(self.plan.fraction(step) * self.evaluations + 1e-9))
        return self.made > before

    def evaluated(self, duration: float, scoring: float) -> None:
        """Take note of the duration of an evaluation, with and without its preview."""
        self.paused += duration
        if self.rate:
            self.cost += (duration * self.rate - self.cost) / 2
            self.scoring += (scoring * self.rate - self.scoring) / 2

    def follow(self, step: int, eval_every: int) -> None:
        """Change the plan after ``step`` if the time is enough for clearly more or fewer steps, or is over."""
        now = time.perf_counter() - self.paused
        if self.mark is None:
            self.mark = now, step
        begin, first = self.mark
        if now - begin >= self.window and step - first >= 3:
            rate, self.mark = (step - first) / (now - begin), (now, step)
            self.rate = rate if not self.rate else (1 - NEWEST) * self.rate + NEWEST * rate
            steps = step + self._fitting(step, eval_every)
            if abs(steps - self.plan.steps) > max(1, TOLERANCE * (self.plan.steps - step)):
                self.plan.change(step, steps)
        elif step < self.plan.steps and self.left() < SAVING + self._ending():
            self.plan.change(step, step)

    def _fitting(self, step: int, eval_every: int) -> int:
        """Return how many steps fit into the time that is left, beside the evaluations that are still due."""
        steps = (self.left() - SAVING) * self.rate - self.scoring * self.end
        if self.evaluations:
            steps -= self.cost * (self.evaluations - self.made)
        else:
            steps /= 1 + self.cost / eval_every
        return max(0, int(steps))

    def _ending(self) -> float:
        """Return the seconds of the last evaluations, 0 if the rate is not known yet."""
        return (self.cost + self.scoring * self.end) / self.rate if self.rate else 0.0

    def saved(self, steps: int) -> dict[str, float]:
        """Return the plan for a checkpoint; ``steps`` are those of the config."""
        plan = self.plan
        return {"initial": steps, "steps": plan.steps, "begin": plan.begin, "done": plan.done} | {
            "evaluations": self.evaluations,
            "made": self.made,
            "cost": self.cost,
            "scoring": self.scoring,
        }


def deadline(plan: Plan, task: Any, begin: float, pace: Any, saved: dict[str, float], step: int = 0) -> Deadline | None:
    """Return the deadline of a run with a training time; `None` for a run with a number of steps.

    Args:
        plan: the plan to change.
        task: the task, prepared.
        begin: see `Deadline`.
        pace: the measurements of a new run, a `plan.Pace`.
        saved: the plan in the checkpoint of a resumed run.
        step: the step of the checkpoint.
    """
    options = task.config.training
    if options.time is None or not (pace or saved):
        return None
    found = Deadline(
        plan,
        seconds(options.time),
        begin,
        evaluations=pace.evaluations if pace else int(saved["evaluations"]),
        cost=pace.per_evaluation * pace.rate if pace else saved["cost"],
        scoring=pace.scoring * pace.rate if pace else saved["scoring"],
        end=task.test_cost(),
        rate=pace.rate if pace else 0.0,
    )
    if saved:
        found.made = int(saved.get("made", plan.fraction(step) * found.evaluations + 1e-9))
    return found


def restore(plan: Plan, saved: dict[str, float], steps: int) -> dict[str, float]:
    """Restore the plan of a checkpoint and return it; empty if the run has none, or its config has other steps now."""
    if steps not in (saved.get("initial"), saved.get("steps")):
        return {}
    plan.steps, plan.begin, plan.done = int(saved["steps"]), int(saved["begin"]), saved["done"]
    return saved
