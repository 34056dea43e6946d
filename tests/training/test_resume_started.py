"""A run that started from another one goes on without it, to the same bits as one that was never stopped."""

import shutil
from pathlib import Path

import pytest
from test_resume import SMALL, Stop, assert_same

from unrolled import api
from unrolled.errors import ArgumentError, RunError
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.log import Silent

TRAINED = Path(__file__).parents[1] / "fixtures" / "trained"


def test_stopped_and_resumed_without_the_other_run(tmp_path, monkeypatch):
    source = shutil.copytree(TRAINED / "lm", tmp_path / "old")
    data = tmp_path / "text.txt"
    data.write_text("the cat sat on the mat and the dog ate the fish!\n" * 3)
    options = {**SMALL, "data": str(data), "from_run": str(source), "unfreeze": "gradual", "layer_rate": 1.5}
    options |= {"hidden_size": 4, "num_layers": 2, "freeze": ("head.bias",)}
    config = api.configured(LanguageModelling, options)
    api.start("lm", config, tmp_path / "whole", Silent())
    with monkeypatch.context() as patch:
        Stop(patch, at=9)
        assert api.start("lm", config, tmp_path / "run", Silent()).stopped == "interrupted"
    shutil.rmtree(source)
    with pytest.raises(ArgumentError, match="layer_rate must be omitted when resuming a run"):
        api.resume(tmp_path / "run", layer_rate=2.0)
    copy = tmp_path / "run" / "start.safetensors"
    copy.rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"start.safetensors, the model that training started from, is missing"):
        api.resume(tmp_path / "run")
    (tmp_path / "elsewhere").rename(copy)
    assert api.resume(tmp_path / "run").stopped == "finished"
    assert_same(tmp_path / "run", tmp_path / "whole")
