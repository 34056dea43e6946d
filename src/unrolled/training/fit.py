"""A model that is made from the data at once, such as one that counts, on its way into a run's folder.

What the loop does between the first step and the last is not needed: there are no checkpoints, and there is nothing to
go on with. Evaluation, the model file, the preview and the summary are the same, so that everything else can treat the
two alike; it all happens at step 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import nn

from ..errors import RunError
from . import modelfile
from .config import notes_without_effect, to_toml
from .folder import RunFolder
from .log import MetricsFile, Reporter, Summary
from .task import Task


def fit(
    task: Task, make: Callable[[], nn.Module], folder: RunFolder, reporter: Reporter, *, resume: bool = False
) -> Summary:
    """Make the model of ``task`` by ``make``, score it and save it.

    Raises:
        RunError: it was asked to go on.
        DataError, ArgumentError, SaveError: as for a training.
    """
    if resume:
        raise RunError(f"{folder.path} was made in one go: there is nothing to go on with; train a new run instead")
    notes = [*task.prepare(), *notes_without_effect(task.config)]
    config = to_toml(task.config, task.name)
    reporter.start(folder.path, task.name, task.unit, task.config, notes)
    begin = time.perf_counter()
    model = make().eval()
    seconds = time.perf_counter() - begin
    scores = task.evaluate(model, "valid")
    folder.write_config(config)  # only now: before, there is no run
    modelfile.save(folder.model, model.state_dict(), task.name, config, task.assets(), {**scores, "step": 1})
    metrics = MetricsFile(folder.metrics, 0, task.config.training.tensorboard)
    metrics.write(1, {"split": "valid", **scores, "best": True, "by": task.decides})
    reporter.evaluated(1, scores, True)
    reporter.preview(1, folder.write_preview(1, task.preview(model)))
    test = task.evaluate(model, "test")
    if test:
        metrics.write(1, {"split": "test", **test})
    metrics.close()
    summary = Summary(folder.path, task.name, 1, seconds, "fitted", {**scores, "step": 1}, test)
    reporter.end(summary)
    return summary
