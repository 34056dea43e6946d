"""What follows the last step: the learning curve as a picture, advice that follows from it, and a comparison with a
simpler model."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..errors import SaveError
from .config import options
from .curve import Advice, advise, read_curve, remedies
from .curve_picture import curve_svg
from .files import write_atomically
from .folder import RunFolder
from .log import Reporter
from .metrics import loss_unit
from .task import Task


def example_of(task: Task, folder: RunFolder) -> str:
    """Return an input for trying the trained model: a text, or a file, which is written if need be; else empty."""
    if text := task.example():
        return text
    if (found := task.example_file()) is None:
        return ""
    name, content = found
    try:
        write_atomically(folder.path / name, content)
    except SaveError:
        return ""
    return str(folder.path / name)


def ending(task: Task, folder: RunFolder, reporter: Reporter, stopped: str, saved: nn.Module | None) -> dict[str, Any]:
    """Draw the curve, and return the fields of a `Summary` that say what to do next.

    A picture that cannot be written becomes a note: it never fails a run.

    Args:
        task: the task, prepared.
        folder: the run's folder.
        reporter: receives the note.
        stopped: why training ended; see `Summary`.
        saved: the saved model; `None` after an interruption.
    """
    metric = task.selecting
    advice = Advice(stopped == "finished")
    try:
        curve = read_curve(folder.metrics, metric)
        picture = curve_svg(curve, metric, f"{task.name}: {folder.path.name}", loss_unit(task.config))
        write_atomically(folder.curve, picture.encode("utf-8", errors="replace"))
    except (OSError, SaveError) as error:
        reporter.note(f"no learning curve: {str(error).partition(';')[0]}")
    else:
        if not stopped.startswith(("interrupted", "reached")):
            others = remedies(options(type(task.config)))
            advice = advise(curve, metric, stopped.startswith("no better"), task.against_overfitting, others)
    offer = None if saved is None else task.offer(saved)
    longer = advice.longer and stopped == "finished"
    return {"advice": advice.text, "longer": longer, "offer": offer, "example": example_of(task, folder)}
