"""Help, version, and the table of verbs."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from unrolled import __version__
from unrolled.cli import VERBS


@pytest.mark.parametrize("words", [["--help"], [], ["--version"], ["trian"], ["help"]])
def test_answers_without_anything_heavy(words: list[str], subprocess_environment: dict[str, str]) -> None:
    code = (
        "import sys; from unrolled.cli import main\n"
        f"main({words!r})\n"
        "loaded = [m for m in ('torch', 'tyro', 'rich', 'numpy', 'safetensors') if m in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_help_names_every_verb(unrolled) -> None:
    said = unrolled("--help")
    assert said.status == 0
    assert all(f"  {verb} " in said.out for verb in VERBS)


@pytest.mark.parametrize("task", ["lm", "translate"])
def test_the_text_of_a_flag_fills_its_lines(unrolled, task: str) -> None:
    lines = unrolled("train", task, "--help").out.splitlines()
    width = max(len(line) for line in lines if line and not line.strip(" -"))
    assert "  --feedforward-size INT" in lines  # as wide as the place for flags
    for line, after in itertools.pairwise(lines):
        if line[:24].strip() in ("", "-") and line[24:] and after.startswith(" " * 24):
            assert len(line) + 1 + len(after.split()[0]) > width, (line, after)


def test_version(unrolled) -> None:
    assert unrolled("--version") == (0, f"unrolled {__version__}\n", "")


def test_unknown_verb_suggests(unrolled) -> None:
    said = unrolled("trian")
    assert said.status == 2
    assert said.err == "error: unrolled has no command 'trian'; did you mean 'train'?\n"


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(unrolled, verb: str) -> None:
    words = [verb, "lm", "--help"] if verb == "train" else [verb, "--help"]
    said = unrolled(*words)
    assert said.status == 0
    assert f"usage: unrolled {verb}" in said.out
    assert "default: None" not in said.out
    assert unrolled("help", verb).status == 0


def test_help_of_train_comes_from_the_config(unrolled) -> None:
    out = unrolled("train", "lm", "--help").out
    assert "--hidden-size INT" in out
    assert "units per layer (default: 256)" in out
    assert "--tied, --no-tied" in out
    assert "--rnn-size" in out


def test_module_can_be_run(subprocess_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unrolled", "trian"],
        env=subprocess_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
