"""unrolled train TASK --folds K: cross-validation."""

from __future__ import annotations

import sys
from typing import Any

from .. import cross_validation
from . import INTERRUPTED
from .terminal.look import printable
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
        return 0
    stopped = f"{result.folder}: stopped with {len(result.scores)} of {result.folds} folds finished; {GO_ON}"
    print(printable(stopped), file=sys.stderr)
    return INTERRUPTED
