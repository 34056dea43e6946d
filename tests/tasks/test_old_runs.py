"""Runs that an earlier version trained: their models evaluate to the same numbers, and training goes on from them.

Each was trained for four steps at commit 2f22dfa, on text given with it or examples that are made up as needed, by
``unrolled.train(task, hidden_size=4, num_layers=1, batch_size=4, steps=4, …)``; what it was measured as is in
fixtures/trained/evaluations.json.
"""

import json
import shutil
from pathlib import Path

import pytest

import unrolled
from unrolled.tasks.registry import TASKS
from unrolled.training import checkpoint

RUNS = Path(__file__).parents[1] / "fixtures" / "trained"
EXPECTED = json.loads((RUNS / "evaluations.json").read_text())
HELD_OUT = "text:the dog sat on the cat, and the mat sat by the door."


@pytest.fixture(params=TASKS)
def run(request, tmp_path):
    return shutil.copytree(RUNS / request.param, tmp_path / request.param)


def test_a_model_evaluates_to_the_same(run):
    model = unrolled.load(run)
    if run.name == "lm":
        found = model.evaluate(HELD_OUT)
    elif run.name in ("memory", "frames", "speech"):
        found = model.evaluate()
    else:
        found = model.evaluate_data()
        found = found["measures"].summary() if "measures" in found else found
    expected = EXPECTED[run.name]
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_training_goes_on_from_its_checkpoint(run):
    tensors, state = checkpoint.load(run / "checkpoints" / "step-4")
    assert state["step"] == 4
    assert any(name.startswith("model.") for name in tensors)
    summary = unrolled.resume(run, steps=6)
    assert (summary.steps, summary.stopped) == (6, "finished")
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert {5, 6} <= set(steps)
