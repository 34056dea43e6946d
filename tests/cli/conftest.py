"""One tiny run, trained through the command line once, for every test of the command line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli_parts import TINY, write_text

from unrolled.cli import main


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("text") / "cats.txt")


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, text_file: Path) -> Path:
    """The run that the others are copies of; nobody changes it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_CACHE", str(folder.parent / "cache"))
        assert main(["train", "lm", "--data", str(text_file), "--run", str(folder), "--steps", "20", *TINY]) == 0
    return folder


@pytest.fixture
def trained(trained_once: Path, home: Path) -> Path:
    """A finished run in ``runs/tiny`` to do with as one likes."""
    target = home / "runs" / "tiny"
    shutil.copytree(trained_once, target)
    return target


@pytest.fixture
def subprocess_environment(home: Path) -> dict[str, str]:
    source = str(Path(__file__).resolve().parents[2] / "src")
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
