"""``unrolled data`` for the task ``memory``: a summary of a problem."""

from __future__ import annotations

from ...data.digits import MNIST
from ...data.memory_problems import PROBLEMS, SEQUENCES
from ...data.named_data import NamedData, named_data
from ...results import Pairs, Report
from .config import Problem

PICTURES = "mnist"  # the data set of three problems


def named() -> list[NamedData]:
    """Return the generated problems and the picture data set of the others."""
    pictures = named_data(PICTURES, "70,000 pictures of handwritten digits (MNIST)", MNIST)
    generated = [NamedData(name, problem.title) for name, problem in PROBLEMS.items() if not name.startswith(PICTURES)]
    return [*generated, pictures._replace(data=_picture_problems()[0])]


def describe(problem: Problem) -> Report:
    """See `Task.describe`."""
    name, title = problem.data, PROBLEMS[problem.data].title
    if problem.is_generated:
        counts = dict(SEQUENCES)
        rows = [
            ("problem", f"{name}: {title}"),
            ("length", f"{problem.longest:,}"),
            *((part, f"{count:,} sequences") for part, count in counts.items()),
        ]
        return Report({"name": name, "length": problem.longest, **counts}, (Pairs(rows),), event="problem")
    parts = {part: problem.episodes(part).per_pass for part in ("train", "valid", "test")}
    rows = [(part, f"{count:,} pictures") for part, count in parts.items()]
    if name.startswith(PICTURES):
        rows.append(("problems", ", ".join(_picture_problems())))
    return Report({"name": PICTURES if name in _picture_problems() else name, **parts}, (Pairs(rows),), event="digits")


def _picture_problems() -> list[str]:
    """Return the names of the problems that use `PICTURES`."""
    return [name for name in PROBLEMS if name.startswith(PICTURES)]
