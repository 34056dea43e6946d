"""The stages of a run: as training began it, its checkpoints, as it was kept; where in the text it is measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import unrolled
from unrolled.analysis.lookback import lookback
from unrolled.data import CharVocabulary, Split
from unrolled.errors import ArgumentError, RunError
from unrolled.lab.gradients_run import choose, measure_stage, stages
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import LanguageModel
from unrolled.tasks.lm.trained import TrainedLanguageModel
from unrolled.training import checkpoint
from unrolled.training.config import update

TEXT = "the cat sat on a mat and saw one more rat. " * 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    options = {"cell": "gru", "hidden_size": 8, "num_layers": 2, "batch_size": 4, "bptt": 16, "preview_length": 0}
    unrolled.train("lm", data=f"text:{TEXT}", run=tmp_path / "run", steps=5, seed=3, init="orthogonal", **options)
    return tmp_path / "run"


def test_the_stages_of_a_run(folder: Path) -> None:
    model = unrolled.load(folder)
    state = torch.get_rng_state()
    found = stages(folder, model)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [{f"model.{name}": t for name, t in one.model.model.state_dict().items()} for one in found]
    saved = {at["step"]: tensors for tensors, at in checkpoint.load_every(folder / "checkpoints")}
    assert list(saved) == [0, 5]
    assert found[0].name == "initial"  # which is what step 0 is
    assert all(torch.equal(tensor, saved[0][name]) for name, tensor in weights[0].items())
    assert found[1].name.startswith("step 5")
    assert all(torch.equal(tensor, saved[5][name]) for name, tensor in weights[1].items())
    assert found[-1].name.endswith("saved")
    assert all(torch.equal(tensor, model.model.state_dict()[name[6:]]) for name, tensor in weights[-1].items())
    alone = stages(folder / "model.safetensors", model)
    assert [one.name for one in alone] == ["initial", "saved"]


def test_gradients_at_a_place_of_the_text(folder: Path) -> None:
    model = unrolled.load(folder)
    text = model.config.data.read().test
    stage = stages(folder, model)[-1]
    part, positions = choose(text, 10, 3, model)
    measured = measure_stage(stage, part, positions, 10)
    assert [(one.layer, one.by) for one in measured.flows] == [(1, "h"), (2, "h")]
    norms = []
    for t in positions:  # by the state that the text before leaves
        ids = torch.from_numpy(part.tokens[: t + 2].astype(np.int64))[:, None]
        _, state = model.model(ids[: t - 9], None if t > 9 else model.model.initial_state(1))
        before = [type(one)(one.h.detach().requires_grad_(True)) for one in state]
        logits, _ = model.model(ids[t - 9 : t + 1], tuple(before))
        F.cross_entropy(logits[-1], ids[t + 1]).backward()
        norms.append([float(one.h.grad.norm()) for one in before])
    assert [one.loss[-1] for one in measured.flows] == pytest.approx(np.mean(norms, axis=0), rel=1e-4)
    back = lookback(model, part, choose(part, 10, 200, model)[1].tolist(), reach=10)
    assert measured.lookback is not None
    assert measured.lookback.mean() == pytest.approx(back.mean(), rel=1e-4)
    assert all(one.largest is None for one in measured.flows)


def test_no_place_straddles_two_documents() -> None:
    config = update(LanguageModelConfig(), hidden_size=4, num_layers=1)
    vocabulary = CharVocabulary(list("abc"))
    model = TrainedLanguageModel(LanguageModel(3, config.model, config.windows), vocabulary, config)
    text = Split(np.zeros(12, np.uint8), np.array([0, 5, 7]), 12, 0)
    for length, wanted in ((1, [0, 1, 2, 3, 5, 7, 8, 9, 10]), (4, [3, 10]), (2, [1, 2, 3, 8, 9, 10])):
        assert choose(text, length, 100, model)[1].tolist() == wanted
    with pytest.raises(ArgumentError, match="at most 4"):
        choose(text, 5, 100, model)


def test_a_model_without_recurrent_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    model = unrolled.train("lm", data=f"text:{TEXT}", run=tmp_path / "counts", kind="ngram", order=3)
    with pytest.raises(RunError, match="no recurrent layers"):
        stages(tmp_path / "counts", model)
