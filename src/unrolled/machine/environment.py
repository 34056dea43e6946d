"""Environment variables of OpenMP for the process of the command line, set before torch is loaded.

OpenMP reads them once, when torch loads it. Importing `unrolled` sets none of them: in Python the user decides.
"""

from __future__ import annotations

import os

from .cores import Cores, cores

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # with which users set the number of threads
WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")  # and how threads wait
SPINS = "3000"  # see `spin_briefly`

ours: set[str] = set()
"""Names of the variables that the functions below have set."""


def limit_threads(found: Cores | None = None) -> None:
    """Limit the number of threads to the CPU quota, unless the user has set a number.

    Without a quota torch uses one thread for each core in the affinity mask by itself.

    Args:
        found: the CPUs of the process (default: determined).
    """
    if any(number(os.environ.get(name)) for name in NAMES):
        return
    found = found or cores()
    if found.limited:
        _set("OMP_NUM_THREADS", str(min(found.threads, found.physical)))


def spin_briefly() -> None:
    """Let a waiting thread of GNU's OpenMP sleep soon, unless the user has set how threads wait.

    By default it spins for milliseconds on a CPU on which the thread that it waits for could run, if another process
    has taken that thread's CPU: beside one busy process a training then has a tenth of its rate or less. Sleeping at
    once costs a seventh of the rate when nothing else runs, 3,000 turns at most 3 % (`benchmarks/spinning.py`).
    """
    if not any(name in os.environ for name in WAITING):
        _set("GOMP_SPINCOUNT", SPINS)


def _set(name: str, value: str) -> None:
    os.environ[name] = value
    ours.add(name)


def number(text: str | None) -> int:
    """Return the number of threads in an environment variable (the first, if it is a list); 0 if it is not valid."""
    first = (text or "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and len(first) < 10 else 0
