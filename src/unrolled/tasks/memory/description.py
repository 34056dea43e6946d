"""What `unrolled data` says of a problem that asks for memory."""

from __future__ import annotations

from ...data.digits import MNIST
from ...data.memory_problems import PROBLEMS, SEQUENCES
from ...data.named_data import NamedData, named_data
from ...results import Pairs, Report
from .config import Problem

PICTURES = "mnist"  # the set of which three problems are made


def named() -> list[NamedData]:
    """The problems that are made up, and the pictures of the others."""
    pictures = named_data(PICTURES, "70,000 pictures of handwritten digits (MNIST)", MNIST)
    made_up = [NamedData(name, one.title) for name, one in PROBLEMS.items() if not name.startswith(PICTURES)]
    return [*made_up, pictures._replace(data=_ways()[0])]


def describe(problem: Problem) -> Report:
    """See `Task.describe`."""
    name, title = problem.data, PROBLEMS[problem.data].title
    if problem.made:
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
        rows.append(("problems", ", ".join(_ways())))
    return Report({"name": PICTURES if name in _ways() else name, **parts}, (Pairs(rows),), event="digits")


def _ways() -> list[str]:
    """The problems that are made of `PICTURES`."""
    return [name for name in PROBLEMS if name.startswith(PICTURES)]
