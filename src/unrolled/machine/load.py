"""The load that other processes put on the CPUs of this one, measured between two moments."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import NamedTuple

from .cores import affinity
from .system import read

SHORTEST = 0.2  # seconds of a measurement: the system counts in hundredths
LONGEST = 60.0  # seconds after which `begin` replaces a measurement
LEAST, LEAST_SHARE = 0.25, 0.1  # threads without a CPU, and their share of all threads, that slow a training down


class Times(NamedTuple):
    """Seconds of CPU time of all CPUs in the affinity mask since the machine started, at the moment ``clock``."""

    clock: float
    cpus: int
    busy: float
    host: float  # taken by the host of a virtual machine
    own: float  # used by this process


class Load(NamedTuple):
    """The mean load of ``cpus`` CPUs: how many of them other processes use, and the host of a virtual machine takes."""

    cpus: int
    others: float
    host: float

    def describe(self) -> str:
        """Return the load in one sentence, without its full stop."""
        text = f"other processes use {self.others / self.cpus:.0%} of {_cpus(self.cpus)}"
        share = self.host / self.cpus
        return text if share < 0.01 else f"{text}, the host of this virtual machine takes {share:.0%}"


_begun: Times | None = None


def begin() -> None:
    """Start a measurement, unless one runs that started in the last minute."""
    global _begun
    if _begun is None or time.monotonic() - _begun.clock > LONGEST:
        _begun = times()


def measured() -> Load | None:
    """Return the mean load since `begin`; `None` if it was too short ago, or the system does not say it."""
    return None if _begun is None else between(_begun, times())


def times(root: Path = Path("/")) -> Times | None:
    """Return the CPU times so far; `None` without ``/proc``. ``root`` is the root of the file system."""
    mask, ticks = affinity(), dict[str, list[int]]()
    for line in read(root / "proc/stat").splitlines():
        match = re.fullmatch(r"cpu(\d{1,6})((?: \d{1,20}){8,})", line.rstrip())
        if match and (mask is None or int(match[1]) in mask):
            ticks[match[1]] = [int(word) for word in match[2].split()]
    if not ticks:
        return None
    columns = [sum(counts) / os.sysconf("SC_CLK_TCK") for counts in zip(*ticks.values(), strict=False)]
    user, nice, system, _idle, _iowait, irq, softirq, steal = columns[:8]
    busy = user + nice + system + irq + softirq
    return Times(time.monotonic(), len(ticks), busy, steal, time.process_time())


def between(before: Times, after: Times | None) -> Load | None:
    """Return the mean load between two moments; `None` if the time was too short, or the CPUs are not the same."""
    if after is None or after.clock - before.clock < SHORTEST or after.cpus != before.cpus:
        return None
    seconds = after.clock - before.clock
    busy = (after.busy - before.busy) / seconds
    others = min(max(0.0, busy - (after.own - before.own) / seconds), float(after.cpus))
    return Load(after.cpus, others, max(0.0, (after.host - before.host) / seconds))


def waiting(root: Path = Path("/")) -> float | None:
    """Return the share of the last ten seconds in which some process waited for a CPU; `None` if unknown."""
    match = re.match(r"some avg10=(\d{1,3}\.\d{1,4}) ", read(root / "proc/pressure/cpu"))
    return float(match[1]) / 100 if match else None


def crowded(load: Load | None, threads: int) -> str | None:
    """Return a note for the user if ``threads`` threads do not find enough free CPUs, else `None`.

    A single thread only becomes slower; several wait for the slowest of them after every step.
    """
    if load is None or threads < 2:
        return None
    free = max(0.0, load.cpus - load.others - load.host)
    if threads - free < max(LEAST, LEAST_SHARE * threads):
        return None
    fewer = min(threads - 1, max(1, round(free)))
    return f"{load.describe()}, so {threads} threads wait for each other: --threads {fewer} may be faster"


def _cpus(count: int) -> str:
    return "the CPU" if count == 1 else f"the {count} CPUs"
