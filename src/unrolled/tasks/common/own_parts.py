"""The default evaluation of a task: its metrics on a split of the run's own data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...results import Pairs, Report
from ...training.task import Task
from .own_data import own_data


@dataclass(frozen=True, kw_only=True)
class OwnParts:
    """Data to evaluate on."""

    split: Literal["valid", "test"] = "test"
    """validation data, used for model selection, or test data"""


def evaluated(task: type[Task], model: Any, options: OwnParts) -> Report:
    """Return the metrics of ``task`` for one of its trained models.

    Raises:
        RunError: the data cannot be read, or has changed.
    """
    name = getattr(model.config.data, "data", task.name)

    def prepared() -> Task:
        instance = task(model.config)
        instance.prepare()
        return instance

    own = own_data(prepared, lambda instance: instance.fingerprint(), model.fingerprint, what=name, elsewhere=False)
    scores = own.evaluate(model.model, options.split)
    rows = [(metric.label, f"{scores[metric.name]:{metric.format}}") for metric in own.metrics if metric.name in scores]
    return Report({"split": options.split, **scores}, (Pairs([("data", f"{name}, {options.split}"), *rows]),))
