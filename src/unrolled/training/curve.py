"""The learning curve of a run, read from its metrics.jsonl, and what to do next according to it."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from .metrics import Metric

LINES, LONGEST = 1_000_000, 10_000  # lines of the file, and characters of a line
FEWEST = 4  # evaluations for advice
Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Curve:
    """Training and validation loss, and the validation metric used for model selection, by step."""

    training: Points = field(default_factory=list)
    validation: Points = field(default_factory=list)
    selecting: Points = field(default_factory=list)
    best: int = 0
    """the step of the saved model"""


class Advice(NamedTuple):
    """What to do after training.

    longer   whether to train longer
    text     the reason and the options to change; empty if the curve is too short to tell
    """

    longer: bool
    text: str = ""


def read_curve(path: Path, metric: Metric) -> Curve:
    """Return the curve in a metrics.jsonl; lines that are damaged and values that are not finite are skipped.

    Raises:
        OSError: the file cannot be read.
    """
    curve, best = Curve(), 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in islice(iter(lambda: file.readline(LONGEST), ""), LINES):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            step = record.get("step") if isinstance(record, dict) else None
            if not isinstance(step, int):
                continue
            split = record.get("split")
            if split == "valid":
                _add(curve.validation, step, record.get("loss"))
                _add(curve.selecting, step, record.get(metric.name))
                best = step if record.get("best") is True else best
            elif split is None:
                _add(curve.training, step, record.get("loss"))
    return Curve(curve.training, curve.validation, curve.selecting, best)


def _add(points: Points, step: int, value: Any) -> None:
    if isinstance(value, int | float) and math.isfinite(value):
        points.append((step, float(value)))


USUAL = ("more --dropout", "a smaller --hidden-size")  # against overfitting


def remedies(names: Collection[str]) -> list[str]:
    """Return the remedies for overfitting among the options ``names`` of a task."""
    known = {"dropout": "more --dropout", "hidden_size": "a smaller --hidden-size", "maps": "smaller --maps"}
    return [text for name, text in known.items() if name in names][: len(USUAL)]


def advise(curve: Curve, metric: Metric, early: bool = False, first: str = "", others: Sequence[str] = USUAL) -> Advice:
    """Return the advice that follows from a curve.

    Args:
        curve: the learning curve.
        metric: the metric for model selection.
        early: whether training stopped early, without progress.
        first: the option to try first against overfitting.
        others: the options to try then; see `remedies`.

    * The training loss rises, or neither loss falls by 2 %: another learning rate.
    * The metric for model selection got worse after its best value in the first two thirds: overfitting.
    * The middle of training brings a fiftieth of it: train longer. The end says little, since every curve levels off
      where the learning rate goes to 0.
    * Otherwise it has levelled off.
    """
    costs = [metric.cost(value) for _, value in curve.selecting]
    if len(costs) < FEWEST:
        return Advice(True)
    before, after = _ends(curve.training)
    if after > before + 0.05 * abs(before):
        return Advice(False, "the training loss rose: try a lower --lr or a longer --warmup")
    if after > before - 0.02 * abs(before) and _hardly_falls([value for _, value in curve.validation]):
        return Advice(False, "the loss hardly changed from the start: try a higher --lr, and check the labels or text")
    at = min(range(len(costs)), key=costs.__getitem__)
    last, progress = curve.selecting[-1][0], costs[0] - costs[at]
    if at <= 2 / 3 * (len(costs) - 1) and costs[-1] - costs[at] > 0.1 * progress:
        tried = [*([f"{first}, then {others[0]}", *others[1:]] if first and others else [first, *others])]
        return Advice(
            False,
            f"overfitting: best at step {curve.best:,}, {share(curve.best / last)} of {last:,}, then worse; try "
            f"{', '.join(filter(None, tried)) or 'a smaller network'} or more data"
            f"{'' if early else ', or stop sooner with --patience'}",
        )
    way = "rising" if metric.larger_is_better else "falling"
    if costs[(3 * (len(costs) - 1)) // 4] - costs[-1] > 0.05 * progress > 0:
        return Advice(True, f"the validation {_name(metric)} was still {way} at the end")
    if not early and _middle(costs) > 0.02 * progress > 0:
        return Advice(True, f"the validation {_name(metric)} was still {way} in the middle of training")
    return Advice(False, f"the validation {_name(metric)} has levelled off: longer training would gain little")


def _middle(costs: Sequence[float]) -> float:
    """Return the progress from two fifths to three quarters of the evaluations."""
    begin, end = (round(part * (len(costs) - 1)) for part in (0.4, 0.75))
    return min(costs[: begin + 1]) - min(costs[: end + 1])


def _ends(points: Points) -> tuple[float, float]:
    """Return the mean of the first tenth of the values, at least one, and of the last third."""
    values = [value for _, value in points]
    if not values:
        return math.inf, 0.0
    return fmean(values[: max(1, len(values) // 10)]), fmean(values[-max(1, len(values) // 3) :])


def _name(metric: Metric) -> str:
    return metric.name.replace("_", " ")


def _hardly_falls(values: Sequence[float]) -> bool:
    return not values or min(values) > values[0] - 0.02 * abs(values[0])


def share(part: float) -> str:
    """Return a fraction in words: ``a quarter``."""
    names = {0.1: "a tenth", 0.2: "a fifth", 0.25: "a quarter", 0.33: "a third", 0.5: "half", 0.67: "two thirds"}
    names |= {0.75: "three quarters", 0.9: "nine tenths", 1.0: "all"}
    return names[min(names, key=lambda value: abs(value - part))]
