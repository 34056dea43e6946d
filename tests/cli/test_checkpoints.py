"""A checkpoint opened as a model: the weights as training had them there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from cli_parts import TINY

import unrolled as package
from unrolled.errors import RunError


def test_weights_are_those_of_training_and_no_average(unrolled, home: Path, text_file: Path) -> None:
    words = ["--data", text_file, "--run", "r", "--steps", "12", "--average", "swa", "--swa-start", "0", *TINY]
    assert unrolled("train", "lm", *words).status == 0
    for step in (0, 12):
        path = Path(f"r/checkpoints/step-{step}")
        tensors = safetensors.torch.load_file(path / "tensors.safetensors")
        opened = package.load(path)
        for name, value in opened.model.state_dict().items():
            torch.testing.assert_close(value, tensors[f"model.{name}"], rtol=0, atol=0)
        assert opened.vocabulary.to_json() == package.load("r").vocabulary.to_json()
    averaged = package.load("r").model.state_dict()
    assert not torch.equal(averaged["head.weight"], package.load("r/checkpoints/step-12").model.head.weight)
    assert torch.equal(averaged["head.weight"], tensors["average.head.weight"])
    test = package.load("r").config.data.read().test
    losses = [package.load(f"r/checkpoints/step-{step}").evaluate(test)["loss"] for step in (0, 12)]
    assert losses[1] < losses[0] - 0.02
    said = unrolled("evaluate", "r/checkpoints/step-0", "r/checkpoints/step-12")
    assert said.status == 0, said.err
    assert all(f"{loss:.4f}" in said.out for loss in losses)


def test_without_an_average_the_last_checkpoint_is_the_model(unrolled, home: Path, text_file: Path) -> None:
    words = ["--data", text_file, "--run", "r", "--steps", "4", "--average", "none", "--eval-every", "4", *TINY]
    assert unrolled("train", "lm", *words).status == 0
    last, best = package.load("r/checkpoints/step-4"), package.load("r")
    for name, value in best.model.state_dict().items():
        torch.testing.assert_close(value, last.model.state_dict()[name], rtol=0, atol=0)


def test_what_cannot_be_opened(unrolled, trained: Path, home: Path) -> None:
    path = trained / "checkpoints" / "step-0"
    shutil.copytree(path, home / "step-0")
    with pytest.raises(RunError, match=r"is not a run: it has no config\.toml"):
        package.load(home / "step-0")  # alone it has no vocabulary
    (path / "state.json").write_bytes((path / "state.json").read_bytes() + b" ")
    with pytest.raises(RunError, match="step-0 is damaged; use another checkpoint, or the model of the run"):
        package.load(path)
    (trained / "model.safetensors").unlink()
    with pytest.raises(RunError, match="has no model yet"):
        package.load(trained / "checkpoints" / "step-20")
    with pytest.raises(RunError, match="is not a run"):
        package.load(trained / "checkpoints")
