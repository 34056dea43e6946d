"""Environment variables of OpenMP for the process of the command line, set before torch is loaded.

OpenMP reads them once, when torch loads it. Importing `unrolled` sets none of them: in Python the user decides.
"""

from __future__ import annotations

import os

from .cores import Cores, cores

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # with which users set the number of threads

ours: set[str] = set()
"""Names of the variables that `prepare` has set."""


def prepare(found: Cores | None = None) -> None:
    """Limit the number of threads to the CPU quota, unless the user has set a number.

    Without a quota torch uses one thread for each core in the affinity mask by itself.

    Args:
        found: the CPUs of the process (default: determined).
    """
    if any(number(os.environ.get(name)) for name in NAMES):
        return
    found = found or cores()
    if found.limited:
        os.environ["OMP_NUM_THREADS"] = str(min(found.threads, found.physical))
        ours.add("OMP_NUM_THREADS")


def number(text: str | None) -> int:
    """Return the number of threads in an environment variable (the first, if it is a list); 0 if it is not valid."""
    first = (text or "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and len(first) < 10 else 0
