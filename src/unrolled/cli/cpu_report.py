"""The lines of `unrolled doctor` about CPUs: which of them may be used, the number of threads, and other processes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Mapping

import torch

from ..machine import environment, load
from ..machine.cores import Cores, cores, too_many
from ..machine.environment import NAMES, number
from ..machine.load import Load, Times


def cpu_lines(before: Times | None, instruction_sets: str) -> list[tuple[str, str]]:
    """Return labels and texts; the load is measured since ``before``, for which this waits if necessary."""
    if before is not None:
        time.sleep(max(0.0, 1.1 * load.SHORTEST - (time.monotonic() - before.clock)))
    measured = load.between(before, load.times()) if before is not None else None
    found, threads = cores(), torch.get_num_threads()
    return [
        ("processor", f"{found.usable} of {found.present} cores usable; {instruction_sets}"),
        ("CPU quota", quota(found)),
        ("threads", threads_text(threads, found, os.environ, environment.ours)),
        ("other load", other_load(measured, load.waiting(), min(threads, found.threads))),
    ]


def quota(found: Cores) -> str:
    """Return what the control group, such as a container's, permits."""
    if found.quota is None:
        return "none"
    text = f"{found.quota:.4g} CPUs"
    if not found.limited:
        return f"{text}, not less than the cores usable"
    most = math.ceil(found.quota)
    return f"{text}, so {most} thread{'s' * (most > 1)} by default"


def threads_text(threads: int, found: Cores, environ: Mapping[str, str], ours: Collection[str]) -> str:
    """Return the number of threads of torch and the kernels, its reason, and whether it is too large."""
    given = [f"{name}={environ[name]}" for name in NAMES if name in environ and name not in ours]
    invalid = [text for text in given if not number(text.partition("=")[2])]
    if invalid:
        why = f" ({', '.join(invalid)} is not a number of threads and has no effect)"
    elif given:
        why = f" ({', '.join(given)})"
    elif "OMP_NUM_THREADS" in ours:
        why = ", from the CPU quota (OMP_NUM_THREADS unset)"
    else:
        why = ", torch's default (OMP_NUM_THREADS unset)"
    note = too_many(threads, found)
    return f"{threads} for torch and the kernels{why}{f'; {note}' if note else ''}"


def other_load(measured: Load | None, waiting: float | None, threads: int) -> str:
    """Return the load of other processes, and a remedy on a crowded machine."""
    if measured is None:
        return "unknown on this system"
    parts = [load.crowded(measured, threads) or measured.describe()]
    if waiting is not None:
        parts.append(f"processes waited for a CPU in {waiting:.0%} of the last 10 s")
    return "; ".join(parts)
