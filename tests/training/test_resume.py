"""A run that was stopped, in whatever way, goes on to the same bits as one that never was."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors
import torch

from unrolled import api
from unrolled.errors import ArgumentError
from unrolled.kernels import extension
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.training import checkpoint
from unrolled.training.config import update
from unrolled.training.log import Silent


def rows(run: Path):
    """metrics.jsonl without what the clock says."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("rate", "seconds")} for line in lines]


def digest(run: Path):
    with safetensors.safe_open(run / "model.safetensors", framework="pt") as file:
        return file.metadata()["digest"]


def assert_same(run: Path, whole: Path):
    assert rows(run) == rows(whole)
    assert digest(run) == digest(whole)
    (tensors, state), (expected, expected_state) = (checkpoint.load_newest(p / "checkpoints") for p in (run, whole))
    assert tensors.keys() == expected.keys()
    different = [name for name, tensor in tensors.items() if not torch.equal(tensor, expected[name])]
    assert not different
    for numbers in (state, expected_state):
        for name in ("seconds", "metrics_offset"):
            del numbers[name]
    assert state == expected_state
    previews = [{p.name: p.read_bytes() for p in (path / "previews").iterdir()} for path in (run, whole)]
    assert previews[0] == previews[1]


def test_ten_kills_change_no_bit(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "UNROLLED_CACHE": str(tmp_path / "cache")}
    script = Path(__file__).with_name("killed_runs.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["kills"] == 10
    assert len(rows(tmp_path / "whole")) == 150 + 22 + 1  # steps, evaluations, test
    for run in result["runs"]:
        assert_same(Path(run), tmp_path / "whole")
        assert not list((Path(run) / "checkpoints").glob(".*"))


class Stop(Silent):
    """Asks to stop, as Ctrl-C does, when the loop begins step ``at``."""

    def __init__(self, monkeypatch, at: int):
        from unrolled.training import loop

        real = loop.Stepper.step
        patch = self

        def step(stepper, number):
            if number == at and patch.interrupt is not None:
                patch.interrupt.requested = True
            return real(stepper, number)

        real_train = loop._Run.train

        def train(run, reporter, interrupt):
            patch.interrupt = interrupt
            return real_train(run, reporter, interrupt)

        self.interrupt = None
        monkeypatch.setattr(loop.Stepper, "step", step)
        monkeypatch.setattr(loop._Run, "train", train)


SMALL = {
    "hidden_size": 6, "num_layers": 1, "bptt": 4, "batch_size": 3, "steps": 20, "eval_every": 5, "random_reset": 0.3,
    "dropout": 0.2, "eval_tokens": 0, "preview_length": 4, "checkpoint_seconds": 1e6, "lr": 0.01, "warmup": 2,
}  # fmt: skip
OPTIMIZERS, SCHEDULES = ("adamw", "adam", "rmsprop", "adagrad", "sgd"), ("constant", "cosine", "step", "plateau")


def variants():
    pairs = zip(2 * OPTIMIZERS, itertools.cycle(SCHEDULES), strict=False)  # each optimiser with two schedules
    for number, (optimizer, schedule) in enumerate(pairs):
        average = ("ema", "swa", "none")[number % 3]
        momentum = 0.9 if schedule in ("cosine", "plateau") else 0.0
        yield pytest.param(
            {"optimizer": optimizer, "schedule": schedule, "average": average, "momentum": momentum, "swa_start": 0.4},
            id=f"{optimizer}-{schedule}-{average}",
        )
    for cell in ("rnn", "gru", "lstm"):
        for backend in ("torch", "reference"):
            options = {"cell": cell, "backend": backend, "initial_state": "learned", "num_layers": 2}
            yield pytest.param(options, id=f"{cell}-{backend}-learned")
    yield pytest.param({"precision": "bf16"}, id="bf16")
    for ahead in (False, True):
        often = {"synthetic_size": 4, "synthetic_samples": 1}  # little is read, so it is soon fitted
        options = {"synthetic_gradients": True, "synthetic_ahead": ahead, "initial_state": "learned", **often}
        yield pytest.param(options, id=f"synthetic gradients{' ahead' * ahead}")
    yield pytest.param({"zoneout": 0.1, "recurrent_dropout": 0.2, "initial_state": "random"}, id="noise")
    yield pytest.param({"vocabulary": "word", "tied": True, "locked_dropout": False}, id="tied words")


def read(tmp_path, options):
    data = tmp_path / "text.txt"
    data.write_text("the cat sat on the mat and the dog ate the cat\n" * 3)
    return update(LanguageModelConfig(), **{**SMALL, "data": str(data), **options})


@pytest.mark.parametrize("options", list(variants()))
def test_stopped_and_resumed_is_never_stopped(tmp_path, monkeypatch, options):
    monkeypatch.setattr(extension, "bfloat16", lambda: True)
    config = read(tmp_path, options)
    api.start("lm", config, tmp_path / "whole", Silent())
    with monkeypatch.context() as patch:
        Stop(patch, at=9)  # stops after ten steps, where an evaluation is due anyway
        assert api.start("lm", config, tmp_path / "run", Silent()).stopped == "interrupted"
    with monkeypatch.context() as patch:
        Stop(patch, at=14)
        assert api.resume(tmp_path / "run").stopped == "interrupted"
    assert api.resume(tmp_path / "run").stopped == "finished"
    assert_same(tmp_path / "run", tmp_path / "whole")
    if "synthetic_gradients" in options:
        tensors, _ = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
        assert tensors["synthetic.weight"].any()
        assert tensors["synthetic.agreed"].any()


@pytest.mark.parametrize("at", [0, 6, 17])
def test_stopped_between_evaluations(tmp_path, monkeypatch, at):
    """Then the model is scored once more, which may keep another model but changes nothing of the training."""
    config = read(tmp_path, {"schedule": "plateau", "initial_state": "random", "patience": 3})
    api.start("lm", config, tmp_path / "whole", Silent())
    with monkeypatch.context() as patch:
        Stop(patch, at=at)
        assert api.start("lm", config, tmp_path / "run", Silent()).steps == at + 1
    assert api.load(tmp_path / "run").generate("t", 3)
    api.resume(tmp_path / "run")
    run, whole = ([row for row in rows(tmp_path / name) if "split" not in row] for name in ("run", "whole"))
    assert run == whole
    tensors, expected = (checkpoint.load_newest(tmp_path / name / "checkpoints")[0] for name in ("run", "whole"))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())


@pytest.mark.parametrize("name", ["time", "epochs"])
def test_going_on_for_longer_takes_steps(tmp_path, name):
    value = {"time": "5m", "epochs": 3.0}[name]
    with pytest.raises(ArgumentError, match=f"{name} must be omitted when resuming a run, got .*; set steps instead"):
        api.resume(tmp_path, **{name: value})
