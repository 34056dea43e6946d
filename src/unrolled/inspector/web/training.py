"""How a run was trained: its log and previews, as far as they can be read, and no more than a page can show."""

from __future__ import annotations

import json
import math
import re
from itertools import islice
from typing import Any

import numpy as np

from ...training.folder import RunFolder

POINTS, PREVIEWS, PREVIEW = 1000, 100, 4000  # points, texts, characters of each
LINES, LONGEST = 1_000_000, 10_000  # of a log that are read, and characters of a line
_STEP = re.compile(r"step-(\d{1,15})\.txt")


def training(folder: RunFolder) -> dict[str, Any]:
    """The answer; it changes while the run is trained."""
    points, best = _points(folder)
    kept = sorted(_thinned(sorted(points), {step for step in points if "valid_loss" in points[step]}))
    return {
        "points": [{"step": step, **points[step]} for step in kept],
        "previews": _previews(folder),
        "best": best,
    }


def _points(folder: RunFolder) -> tuple[dict[int, dict[str, float]], dict[str, Any] | None]:
    """By step, what was measured there, and the best validation score; lines that cannot be read are passed over."""
    points: dict[int, dict[str, float]] = {}
    best: dict[str, Any] | None = None
    try:
        with folder.metrics.open(encoding="utf-8", errors="replace") as file:
            while lines := list(islice(iter(lambda: file.readline(LONGEST), ""), 10_000)):
                for line in lines:
                    told = _line(line)
                    if told is None:
                        continue
                    step, split, values, is_best = told
                    before = "" if split is None else f"{split}_"
                    if step not in points and len(points) >= LINES:
                        return points, best
                    points.setdefault(step, {}).update({before + name: value for name, value in values.items()})
                    if is_best and "loss" in values:
                        best = {"step": step, "loss": values["loss"]}
    except OSError:
        pass
    return points, best


def _line(line: str) -> tuple[int, str | None, dict[str, float], bool] | None:
    try:
        told = json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or type(told.get("step")) is not int or told["step"] < 0:
        return None
    split = told.get("split")
    values = {
        name: float(value)
        for name, value in told.items()
        if name != "step" and type(value) in (int, float) and math.isfinite(value)
    }
    return told["step"], split if split in ("valid", "test") else None, values, told.get("best") is True


def _whole(digits: str) -> int | None:
    """A whole number, unless it is so large that no float holds it."""
    return int(digits) if len(digits) <= 100 else None


def _thinned(steps: list[int], special: set[int]) -> list[int]:
    """At most `POINTS` of them, evenly; those that are special before others."""
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
        found = {int(match[1]): path for path in folder.previews.iterdir() if (match := _STEP.fullmatch(path.name))}
    except OSError:
        return []
    told = []
    for step in _evenly(sorted(found), PREVIEWS):
        try:
            with found[step].open(encoding="utf-8", errors="replace") as file:
                told.append({"step": step, "text": file.read(PREVIEW)})
        except OSError:
            continue
    return told
