"""Files of a faked system, under a folder that stands for the root."""

from pathlib import Path

V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def system(root: Path, groups: str, mounts: str, files: dict[str, str] | None = None) -> Path:
    """A system with these control groups of the process, mounts and further files below /sys/fs/cgroup."""
    below = {f"sys/fs/cgroup/{name}": text for name, text in (files or {}).items()}
    return write(root, {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts, **below})


def v1(folder: str, quota: object, period: object = 100_000) -> dict[str, str]:
    return {
        f"cpu,cpuacct/{folder}/cpu.cfs_quota_us": f"{quota}\n",
        f"cpu,cpuacct/{folder}/cpu.cfs_period_us": f"{period}\n",
    }
