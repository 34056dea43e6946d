"""The CPU quota of a process, which containers set through Linux control groups (cgroups, versions 1 and 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .system import read

DEEPEST = 64  # nested groups
LONGEST = 64  # bytes of a file that holds a quota


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return how many CPUs' time this process may use, e.g. 1.5, or `None` without a limit.

    A group's limit holds for all groups inside it, so this is the smallest quota of the process's group and of those
    around it, as far up as they are visible here (in a container often its own group only).

    Args:
        root: the root of the file system.
    """
    groups = dict(_groups(read(root / "proc/self/cgroup")))
    quotas = (
        quota(folder)
        for version, mount, top in _mounts(read(root / "proc/self/mountinfo"))
        if version in groups
        for folder in _folders(root / mount.relative_to("/"), groups[version], top)
    )
    return min((value for value in quotas if value is not None), default=None)


def quota(folder: Path) -> float | None:
    """Return the quota in the folder of one group: CPU time per period, in CPUs; `None` without a valid limit."""
    words = read(folder / "cpu.max", LONGEST).split()  # version 2: "max 100000" or "150000 100000"
    if not words:
        words = [
            read(folder / f"cpu.cfs_{name}_us", LONGEST) for name in ("quota", "period")
        ]  # version 1; -1: no limit
    try:
        time, period = map(int, words)
    except ValueError:
        return None
    return time / period if time > 0 and period > 0 else None


def _groups(text: str) -> Iterator[tuple[int, PurePosixPath]]:
    """Yield (version, path of this process's group) from lines such as ``4:cpu,cpuacct:/docker/1`` and ``0::/user``."""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/") and ("cpu" in controllers.split(",") or (number, controllers) == ("0", "")):
            yield (1 if controllers else 2), PurePosixPath(path)


def _mounts(text: str) -> Iterator[tuple[int, PurePosixPath, PurePosixPath]]:
    """Yield (version, mount point, group that is mounted there) of the hierarchies that may limit CPU time."""
    for line in text.splitlines():
        fields, _, kind = line.partition(" - ")
        where, what = fields.split(" "), kind.split(" ")
        if len(where) < 5 or len(what) < 3:
            continue
        top, mount = (PurePosixPath(_unescaped(name)) for name in where[3:5])
        version = {"cgroup": 1, "cgroup2": 2}.get(what[0])
        if version is None or (version == 1 and "cpu" not in what[2].split(",")) or not mount.is_absolute():
            continue
        yield version, mount, top


def _unescaped(name: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name)


def _folders(mount: Path, group: PurePosixPath, top: PurePosixPath) -> list[Path]:
    """Return the folders of a group and of those around it, up to the mount point of the group ``top``."""
    inside = group.is_relative_to(top) and ".." not in group.parts  # not if a container sees names of its host
    parts = group.relative_to(top).parts[:DEEPEST] if inside else ()
    return [mount.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
