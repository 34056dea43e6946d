"""Fit models in closed form, such as n-gram counts, without gradient descent.

There is no training loop and there are no checkpoints, so such a run cannot be resumed. Evaluation, model file, preview
and summary are the same as for trained models, all at step 1, so the other commands need not distinguish the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import nn

from ..errors import RunError
from . import modelfile
from .config import notes_without_effect, to_toml
from .ending import example_of
from .folder import RunFolder
from .log import MetricsFile, Reporter, Summary
from .task import Task


def fit(
    task: Task, make: Callable[[], nn.Module], folder: RunFolder, reporter: Reporter, *, resume: bool = False
) -> Summary:
    """Build the model of ``task`` with ``make``, evaluate it and save it.

    Raises:
        RunError: ``resume`` is true.
        DataError, ArgumentError, SaveError: as for `loop.train`.
    """
    if resume:
        raise RunError(f"{folder.path} was fitted at once and cannot be resumed; train a new run instead")
    notes = [*task.prepare(), *notes_without_effect(task.config)]
    config = to_toml(task.config, task.name)
    reporter.start(folder.path, task.name, task.unit, task.config, notes)
    begin = time.perf_counter()
    model = make().eval()
    seconds = time.perf_counter() - begin
    scores = task.evaluate(model, "valid")
    folder.write_config(config)  # not earlier: a folder with a config counts as a run
    modelfile.save(folder.model, model.state_dict(), task.name, config, task.assets(), {**scores, "step": 1})
    metrics = MetricsFile(folder.metrics, 0, task.config.training.tensorboard)
    metrics.write(1, {"split": "valid", **scores, "best": True, "by": task.decides})
    reporter.evaluated(1, scores, True)
    reporter.preview(1, folder.write_preview(1, task.preview(model)))
    test = task.evaluate(model, "test")
    if test:
        metrics.write(1, {"split": "test", **test})
    metrics.close()
    best = {**scores, "step": 1.0}
    summary = Summary(
        folder.path, task.name, 1, seconds, "fitted", best, test, longer=False, example=example_of(task, folder)
    )
    reporter.end(summary)
    return summary
