"""Options that a rule decides unless they are given: learning rate, weight decay and averaging.

A rule needs the model, the data and the number of steps, so it is applied when the training begins; ``config.toml`` has
the numbers. A task has a rule of its own in `Task.usual`, such as the language models' (tasks/lm/defaults.py); that of
the other tasks is `usual`, constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .config import update

if TYPE_CHECKING:
    from .options import Training
    from .task import Task

LR, DECAY, EMA = 3e-3, 0.05, 0.998


def usual(options: Training) -> dict[str, Any]:
    """Return the values of `by_rule` options for a task without a rule of its own."""
    return {"lr": LR, "weight_decay": DECAY if options.optimizer == "adamw" else 0.0, "ema_decay": EMA}


def decided(task: Task, steps: int) -> Any:
    """Return the config of ``task`` for a training of ``steps`` steps, in which the rule has decided what is open."""
    training = task.config.training
    values = task.usual(steps)
    open_options = {name: value for name, value in values.items() if getattr(training, name) in (None, "auto")}
    return update(task.config, **open_options) if open_options else task.config
