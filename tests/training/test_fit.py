"""A model made at once goes into a run's folder as one that was trained does."""

import json

import pytest
import torch

from unrolled import api
from unrolled.errors import RunError
from unrolled.tasks import task_class
from unrolled.tasks.lm.ngram import NGram
from unrolled.training import modelfile
from unrolled.training.config import update
from unrolled.training.log import Silent


class Listener(Silent):
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def start(self, folder, task, unit, config, notes):
        self.told.append(("start", (folder / "config.toml").exists()))

    def evaluated(self, step, metrics, best):
        self.told.append(("evaluated", step, metrics["loss"], best))

    def preview(self, step, text):
        self.told.append(("preview", step, text))

    def end(self, summary):
        self.told.append(("end", summary))


def config(**options):
    return update(task_class("lm").Config(), data="text:" + "abcabcabcd" * 30, kind="ngram", **options)


def test_what_is_told_and_what_is_kept(tmp_path):
    listener, run = Listener(), tmp_path / "run"
    summary = api.start("lm", config(preview_length=7), run, listener)
    begun, (_, step, loss, best), preview, ended = listener.told
    assert (begun, step, best, ended) == (("start", False), 1, True, ("end", summary))
    assert preview == ("preview", 1, (run / "previews" / "step-0000001.txt").read_text())
    assert len(preview[2]) == 7
    assert (summary.steps, summary.stopped, summary.best["loss"]) == (1, "fitted", loss)
    model = api.load(run)
    data = model.config.data.read()
    assert loss == pytest.approx(model.evaluate(data.valid)["loss"], rel=1e-6)
    assert summary.test["loss"] == pytest.approx(model.evaluate(data.test)["loss"], rel=1e-6)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["split"], line["loss"]) for line in lines] == [
        (1, "valid", loss),
        (1, "test", summary.test["loss"]),
    ]
    counted = NGram.fit(data.train, len(model.vocabulary), 5).state_dict()
    kept = modelfile.load(run / "model.safetensors").tensors
    assert kept.keys() == counted.keys()
    assert all(torch.equal(kept[name], counted[name]) for name in kept)


def test_there_is_nothing_to_go_on_with(tmp_path):
    api.start("lm", config(), tmp_path / "run", Silent())
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(RunError, match=r"run was fitted at once and cannot be resumed; train a new run"):
        api.resume(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


def test_nothing_is_left_of_one_that_was_stopped(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(NGram, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        api.start("lm", config(), tmp_path / "run", Silent())
    assert not (tmp_path / "run").exists()
