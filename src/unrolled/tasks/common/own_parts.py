"""The evaluation of a task that has nothing to add: its metrics on a part of the run's own data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...results import Pairs, Report
from ...training.task import Task
from .own_data import own_data


@dataclass(frozen=True, kw_only=True)
class OwnParts:
    """Which part of the run's own data."""

    split: Literal["valid", "test"] = "test"
    """validation data, by which the model was selected, or test data"""


def evaluated(task: type[Task], model: Any, options: OwnParts) -> Report:
    """The metrics of ``task`` for one of its trained models.

    Raises:
        RunError: the data cannot be read, or has changed.
    """
    name = getattr(model.config.data, "data", task.name)

    def prepared() -> Task:
        one = task(model.config)
        one.prepare()
        return one

    own = own_data(prepared, lambda one: one.fingerprint(), model.fingerprint, what=name, elsewhere=False)
    found = own.evaluate(model.model, options.split)
    rows = [(one.label, f"{found[one.name]:{one.format}}") for one in own.metrics if one.name in found]
    return Report({"split": options.split, **found}, (Pairs([("data", f"{name}, {options.split}"), *rows]),))
