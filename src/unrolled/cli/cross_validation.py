"""unrolled train TASK --folds K: cross-validation."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from .. import cross_validation
from ..training.config import changed_flags, groups
from . import INTERRUPTED
from .terminal.look import command, printable
from .terminal.reporters import CommandReporter
from .terminal.results import show_report

GO_ON = "the same command continues it"


def run(task: str, config: Any, folder: str | None, reporter: CommandReporter, *, as_json: bool) -> int:
    """Train every fold, print the result and return the exit status."""
    reporter.wait()
    try:
        result = cross_validation.start(task, config, folder, reporter)
    except KeyboardInterrupt:
        reporter.close()
        print(f"stopped at once; {GO_ON}", file=sys.stderr)
        return INTERRUPTED
    finally:
        reporter.close()
    if not as_json:
        print()
    show_report(result.report(), None, as_json=as_json)
    if result.complete:
        final = command("train", task, *_without_folds(config))
        print(f"no final model yet; train one on all data: {final}", file=sys.stderr if as_json else sys.stdout)
        return 0
    stopped = f"{result.folder}: stopped with {len(result.scores)} of {result.folds} folds finished; {GO_ON}"
    print(printable(stopped), file=sys.stderr)
    return INTERRUPTED


def _without_folds(config: Any) -> list[str]:
    """Return the flags that train one model with this config."""
    default, flags = type(config)(), list[str]()
    for name in groups(type(config)):
        group = getattr(config, name)
        names = [field.name for field in dataclasses.fields(group) if field.name not in ("folds", "fold")]
        flags += changed_flags(group, names, getattr(default, name))
    return flags
