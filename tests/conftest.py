"""Every test starts with the same random numbers; commands in this process, in a folder of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from unrolled.cli import main
from unrolled.machine import load


class Said(NamedTuple):
    """What a command said: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


Unrolled = Callable[..., Said]


@pytest.fixture(autouse=True)
def _other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a training says does not depend on what else this machine does."""
    monkeypatch.setattr(load, "measured", lambda: None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before the fixtures: an untrained model has the same weights in whatever order the tests run."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to run commands in; nothing is written elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNROLLED_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    return tmp_path


@pytest.fixture
def unrolled(home: Path, capsys: pytest.CaptureFixture[str]) -> Unrolled:
    """Run a command; returns what it said."""

    def call(*words: str | Path) -> Said:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call
