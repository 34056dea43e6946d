"""A run's training log and previews, thinned for the page; unreadable lines and files are skipped."""

from __future__ import annotations

import json
import math
import re
from itertools import islice
from typing import Any

import numpy as np

from ...training.folder import RunFolder

POINTS, PREVIEWS, PREVIEW = 1000, 100, 4000  # points, texts, characters of each
LINES, LONGEST = 1_000_000, 10_000  # the most steps of a log to keep, and characters of a line
_STEP = re.compile(r"step-(\d{1,15})\.txt")


def training(folder: RunFolder) -> dict[str, Any]:
    """Return the points, previews and best validation loss of a run, which may still be training."""
    points, best = _points(folder)
    steps = sorted(_thinned(sorted(points), {step for step in points if "valid_loss" in points[step]}))
    return {
        "points": [{"step": step, **points[step]} for step in steps],
        "previews": _previews(folder),
        "best": best,
    }


def _points(folder: RunFolder) -> tuple[dict[int, dict[str, float]], dict[str, Any] | None]:
    """Return the metrics by step, and the best validation loss; invalid lines are skipped."""
    points: dict[int, dict[str, float]] = {}
    best: dict[str, Any] | None = None
    try:
        with folder.metrics.open(encoding="utf-8", errors="replace") as file:
            while lines := list(islice(iter(lambda: file.readline(LONGEST), ""), 10_000)):
                for line in lines:
                    record = _record(line)
                    if record is None:
                        continue
                    step, split, values, is_best = record
                    prefix = "" if split is None else f"{split}_"
                    if step not in points and len(points) >= LINES:
                        return points, best
                    points.setdefault(step, {}).update({prefix + name: value for name, value in values.items()})
                    if is_best and "loss" in values:
                        best = {"step": step, "loss": values["loss"]}
    except OSError:
        pass
    return points, best


def _record(line: str) -> tuple[int, str | None, dict[str, float], bool] | None:
    try:
        record = json.loads(line, parse_int=_bounded_int)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("step")) is not int or record["step"] < 0:
        return None
    split = record.get("split")
    values = {
        name: float(value)
        for name, value in record.items()
        if name != "step" and type(value) in (int, float) and math.isfinite(value)
    }
    return record["step"], split if split in ("valid", "test") else None, values, record.get("best") is True


def _bounded_int(digits: str) -> int | None:
    """Parse an integer; `None` if it has too many digits for a float."""
    return int(digits) if len(digits) <= 100 else None


def _thinned(steps: list[int], special: set[int]) -> list[int]:
    """Return at most `POINTS` steps, evenly spaced, with priority for the ``special`` ones."""
    first = [step for step in steps if step in special]
    rest = [step for step in steps if step not in special]
    first = _evenly(first, POINTS)
    return [*first, *_evenly(rest, POINTS - len(first))]


def _evenly(steps: list[int], most: int) -> list[int]:
    if len(steps) <= most:
        return steps
    if most <= 0:
        return []
    return [steps[i] for i in np.linspace(0, len(steps) - 1, most).round().astype(int)]


def _previews(folder: RunFolder) -> list[dict[str, Any]]:
    try:
        paths = {int(match[1]): path for path in folder.previews.iterdir() if (match := _STEP.fullmatch(path.name))}
    except OSError:
        return []
    previews = []
    for step in _evenly(sorted(paths), PREVIEWS):
        try:
            with paths[step].open(encoding="utf-8", errors="replace") as file:
                previews.append({"step": step, "text": file.read(PREVIEW)})
        except OSError:
            continue
    return previews
