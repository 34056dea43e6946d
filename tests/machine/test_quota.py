"""CPU quotas of control groups, from faked files."""

import pytest
from machine_parts import V1, V2, system, v1

from unrolled.machine import quota as module
from unrolled.machine.quota import cpu_quota


def test_version_2(tmp_path):
    assert cpu_quota(system(tmp_path, "0::/\n", V2, {"cpu.max": "150000 100000\n"})) == 1.5


def test_version_1(tmp_path):
    groups = "9:name=systemd:/\n4:cpuset:/\n3:cpu,cpuacct:/\n0::/\n"
    assert cpu_quota(system(tmp_path, groups, f"{V2}\n{V1}\n", v1(".", 50_000))) == 0.5


@pytest.mark.parametrize(
    "text", ["max 100000\n", "", "max", "-1 100000", "100000 0", "1e5 100000", "a b", "1 2 3", "9" * 99]
)
def test_no_limit_and_garbage_in_version_2(tmp_path, text):
    assert cpu_quota(system(tmp_path, "0::/\n", V2, {"cpu.max": text})) is None


@pytest.mark.parametrize(("quota", "period"), [(-1, 100_000), (0, 100_000), (50_000, 0), ("x", 100_000), (50_000, "")])
def test_no_limit_and_garbage_in_version_1(tmp_path, quota, period):
    assert cpu_quota(system(tmp_path, "3:cpu,cpuacct:/\n", V1, v1(".", quota, period))) is None


def test_the_smallest_quota_of_all_ancestors(tmp_path):
    files = {
        "cpu.max": "max 100000",
        "a/cpu.max": "125000 50000",
        "a/b/cpu.max": "400000 100000",
        "a/b/c/cpu.max": "max 100000",
        "a/other/cpu.max": "10000 100000",  # not an ancestor
    }
    assert cpu_quota(system(tmp_path, "0::/a/b/c\n", V2, files)) == 2.5


def test_both_versions_at_once(tmp_path):
    files = {"cpu.max": "300000 100000", **v1("docker/1", 200_000)}
    assert cpu_quota(system(tmp_path, "3:cpu,cpuacct:/docker/1\n0::/\n", f"{V2}\n{V1}", files)) == 2


def test_a_container_that_sees_the_names_of_its_host(tmp_path):
    """Without a namespace of control groups the mount point is the group of the container itself."""
    mounts = V1.replace(" / ", " /docker/1 ", 1)
    root = system(tmp_path, "3:cpu,cpuacct:/docker/1/inner\n", mounts, {**v1(".", 300_000), **v1("inner", 70_000)})
    assert cpu_quota(root) == 0.7
    system(tmp_path, "3:cpu,cpuacct:/somewhere/else\n", mounts)
    assert cpu_quota(root) == 3
    system(tmp_path, "3:cpu,cpuacct:/docker/1/../../etc\n", mounts)
    assert cpu_quota(root) == 3


def test_a_mount_point_with_a_space(tmp_path):
    mounts = V2.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/my\\040groups ")
    assert cpu_quota(system(tmp_path, "0::/\n", mounts, {"my groups/cpu.max": "100000 100000"})) == 1


@pytest.mark.parametrize("groups", ["", "nonsense", "0::", "0::relative", "::/", ":" * 1000, "0::/\0", "\xff::/"])
def test_damaged_groups(tmp_path, groups):
    root = system(tmp_path, groups, V2)
    assert cpu_quota(root) is None


@pytest.mark.parametrize(
    "mounts", ["", "x", " - cgroup2", V2.replace("/sys", "sys"), V2[:40], V2.replace("cgroup2", "tmpfs")]
)
def test_damaged_mounts(tmp_path, mounts):
    assert cpu_quota(system(tmp_path, "0::/\n", mounts, {"cpu.max": "100000 100000"})) is None


def test_depth_and_size_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DEEPEST", 2)
    files = {"a/b/c/cpu.max": "100000 100000", "a/b/cpu.max": "200000 100000"}
    assert cpu_quota(system(tmp_path, "0::/a/b/c\n", V2, files)) == 2
    assert cpu_quota(system(tmp_path, "0::" + "/a" * 100_000, V2, files)) is None


def test_a_system_without_proc(tmp_path):
    assert cpu_quota(tmp_path) is None
