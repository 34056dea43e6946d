"""The CPUs that this process may use, and how many of its threads can run at the same time."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

from .quota import cpu_quota
from .system import read


class Cores(NamedTuple):
    """The CPUs of a process.

    Attributes:
        present: CPUs of the machine.
        usable: the CPUs in the process's affinity mask.
        physical: the cores that these belong to; some processors have two CPUs in each.
        quota: the limit of CPU time, in CPUs; see `quota.cpu_quota`.
    """

    present: int
    usable: int
    physical: int
    quota: float | None = None

    @property
    def limited(self) -> bool:
        """Whether the quota, and not the affinity mask, limits the number of threads."""
        return self.quota is not None and math.ceil(self.quota) < self.usable

    @property
    def threads(self) -> int:
        """The largest number of threads that run at the same time."""
        return min(self.usable, math.ceil(self.quota)) if self.quota is not None else self.usable

    def describe(self) -> str:
        """Return the limit in a few words, e.g. ``2 CPUs (quota 1.5)``."""
        plural = "s" * (self.threads > 1)
        return f"{self.threads} CPU{plural}{f' (quota {self.quota:.4g})' if self.limited else ''}"


def cores(root: Path = Path("/")) -> Cores:
    """Return the CPUs of this process; ``root`` is the root of the file system."""
    ids = affinity()
    present = os.cpu_count() or 1
    if ids is None:  # macOS, Windows
        return Cores(present, present, present, cpu_quota(root))
    folder = root / "sys/devices/system/cpu"
    siblings = {read(folder / f"cpu{n}" / "topology/thread_siblings_list") or str(n) for n in ids}
    return Cores(max(present, len(ids)), len(ids), len(siblings), cpu_quota(root))


def affinity() -> set[int] | None:
    """Return the numbers of the CPUs in this process's affinity mask; `None` where the system has no such masks."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def too_many(threads: int, cores: Cores) -> str | None:
    """Return a note for the user if there are more threads than CPUs, else `None`."""
    if threads <= cores.threads:
        return None
    return (
        f"{threads} threads on {cores.describe()} wait for each other: at most {cores.threads} can run at the same time"
    )
