"""Installing with and without a compiler; the process has one OpenMP runtime, torch's."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from unrolled.kernels import extension

ROOT = Path(__file__).parents[1]
COMPILERS = {
    "absent": None,
    "broken": "exit 1",
    "that fails on the sources": 'case "$*" in *nanobind*) exit 1;; esac\nexec c++ "$@"',
}
OPENMP = """
def runtimes():
    words = {line.split()[-1] for line in open("/proc/self/maps")}
    return {word for word in words if "omp" in word.rpartition("/")[2]}

import torch
torch.set_num_threads(2)
torch.ones(1000, 1000) @ torch.ones(1000, 1000)
before = runtimes()
from unrolled import scan
from unrolled.cells import LSTMCell
from unrolled.kernels import extension
scan(LSTMCell(64, 64), torch.ones(20, 64, 64), backend="native")
assert len(before) == 1, before
assert runtimes() == before, runtimes()
print(extension.compiled.__file__)
"""


def wheel(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`pip wheel` with the build tools that stand next to pytest: no network, nothing written to the checkout."""
    for needed in ("pip", "scikit_build_core", "nanobind"):
        pytest.importorskip(needed, reason=f"{needed} is not installed; it comes with the extra unrolled[test]")
    command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", str(folder), f"--config-settings=build-dir={folder / 'build'}", str(ROOT)]
    return subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def unpack(folder: Path) -> tuple[Path, list[str]]:
    """Where the folder's one wheel lies unpacked, and the names of its shared libraries."""
    (made,) = folder.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "unpacked")
        libraries = [name for name in archive.namelist() if ".so" in name or ".dylib" in name]
    return folder / "unpacked", libraries


def python(unpacked: Path, *arguments: str) -> str:
    """What Python says with the unpacked wheel in place of this installation, which -S keeps out if it is editable."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(unpacked), *filter(None, sys.path)])}
    command = [sys.executable, "-S", *arguments]
    done = subprocess.run(command, cwd=unpacked, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=COMPILERS)
def no_compiler(request, tmp_path) -> str:
    """The path of a compiler that does not compile the kernels."""
    path, script = tmp_path / "bad-c++", COMPILERS[request.param]
    if script:
        if "exec c++" in script and not shutil.which("c++"):
            pytest.skip("there is no c++ here to stand behind it")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return str(path)


def test_without_a_compiler_there_are_no_kernels_and_doctor_says_what_that_costs(tmp_path, no_compiler):
    built = wheel(tmp_path, CXX=no_compiler, UNROLLED_NATIVE="0")
    assert built.returncode == 0, built.stdout
    assert "retrying due to override" in built.stdout
    assert no_compiler in built.stdout  # it was tried, and is what failed
    unpacked, libraries = unpack(tmp_path)
    assert not libraries
    said = python(unpacked, "-m", "unrolled", "doctor")
    assert f"in {unpacked / 'unrolled'}" in said
    assert "none: the kernels were not compiled at installation; reinstall with a C++ compiler" in said
    assert "up to 20 times slower" in said
    assert {line.split()[1] for line in said.splitlines() if line.startswith("lstm  ")} == {"torch"}


def test_with_unrolled_native_that_is_an_error(tmp_path, no_compiler):
    built = wheel(tmp_path, CXX=no_compiler, UNROLLED_NATIVE="1")
    assert built.returncode != 0
    assert no_compiler in built.stdout
    assert "retrying" not in built.stdout
    assert not list(tmp_path.glob("*.whl"))


needs_maps = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc/self/maps to read here")


@needs_maps
@pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))
def test_the_process_has_one_openmp_runtime_and_it_is_torchs():
    done = subprocess.run([sys.executable, "-c", OPENMP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_maps
@pytest.mark.skipif("UNROLLED_NIGHTLY" not in os.environ, reason="compiles everything: only in make nightly")
def test_a_wheel_carries_the_kernels_and_no_runtime(tmp_path):
    built = wheel(tmp_path, UNROLLED_NATIVE="1")
    assert built.returncode == 0, built.stdout
    unpacked, libraries = unpack(tmp_path)
    assert [Path(name).name.partition(".")[0] for name in libraries] == ["_native"]
    assert python(unpacked, "-c", OPENMP).strip() == str(unpacked / libraries[0])
