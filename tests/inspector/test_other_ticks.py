"""A model of no task of this package, whose steps are frames: what asks for places reads it, what asks for characters
refuses."""

import numpy as np
import pytest
import torch
from frame_model import CLIP, FRAMES, FrameModel
from readable_models import classifier, language_model, tagger, translator

from unrolled.cli import main
from unrolled.data import CharVocabulary
from unrolled.errors import RunError
from unrolled.inspector import Labels, Unit, built_in, read
from unrolled.inspector.shown import values_of
from unrolled.inspector.states import save_states
from unrolled.inspector.unit_search import measure
from unrolled.tasks.common.inspectable import Inspectable, Paned
from unrolled.tasks.common.writer import Writer
from unrolled.tasks.lm.feedforward import FeedForward
from unrolled.tasks.lm.trained import TrainedLanguageModel
from unrolled.tasks.memory.model import MemoryModel
from unrolled.tasks.memory.task import MemoryConfig
from unrolled.tasks.memory.trained import TrainedMemory

REFUSED = "the view {} reads text; this model's steps are frames"


def test_frames_are_read_with_every_step_at_its_place():
    model = FrameModel()
    reading = read(model, FRAMES)
    assert (reading.tick, reading.steps, reading.width) == ("frame", len(FRAMES), 3)
    found = values_of(reading, [Unit("layers.0.0", "h", 1)], len(FRAMES)).values[0]
    clips = torch.tensor([int(one) for one in FRAMES]).view(-1, CLIP).T
    with torch.no_grad():
        expected = model.model(clips, None)[:, :, 1].T.flatten()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_units_are_scored_against_labels_of_frames():
    bright = np.array([[int(one) > 4 for one in FRAMES]])
    scores = measure(read(FrameModel(), FRAMES), Labels(["bright"], np.ones(1, bool), bright.astype(np.float32), {}))
    assert scores.symbol.tolist() == [1.0]  # a frame says how bright it is
    assert {unit.gate for unit in scores.units} >= {"h", "r", "z", "n"}
    assert 0.5 < scores.best()[0] <= 1.0


def test_hypotheses_belong_to_a_kind_of_tick():
    assert built_in("frame") == []
    assert [one.name for one in built_in()] == [one.name for one in built_in("character")] != []


def test_states_of_frames_are_not_kept_beside_a_text(tmp_path):
    with pytest.raises(RunError, match=f"^{REFUSED.format('states')}$"):
        save_states(read(FrameModel(), FRAMES), FRAMES, tmp_path / "states")
    assert not (tmp_path / "states").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN"], REFUSED.format("unit search")),
        (["RUN", "--web", "--hypothesis", "nine=9"], REFUSED.format("unit search")),
        (["saturation", "RUN"], "RUN is not a language model; give the run of one"),
    ],
)
def test_views_of_text_refuse_frames(words, said, monkeypatch, capsys):
    monkeypatch.setattr("unrolled.api.load", lambda run, cell=None: FrameModel())
    assert main(["inspect", *words, "--data", f"text:{FRAMES}"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.parametrize(
    ("make", "task", "panes", "unit"),
    [
        (lambda: language_model("char"), "lm", ["text", "type", "write", "unrolled", "training"], "nats per character"),
        (lambda: language_model("bpe"), "lm", ["text", "type", "write", "unrolled", "training"], "nats per token"),
        (lambda: classifier("word"), "classify", ["text", "predict", "training"], "nats"),
        (tagger, "tag", ["text", "predict", "training"], "nats"),
        (lambda: translator("word"), "translate", ["text", "training", "translation"], "nats"),
    ],
)
def test_what_a_page_asks_a_trained_model(make, task, panes, unit):
    model = make()
    assert isinstance(model, Inspectable)
    assert (model.task, list(model.panes), model.loss_unit) == (task, panes, unit)
    assert isinstance(model, Writer) == (task == "lm")
    assert isinstance(model, Paned) == (task == "translate")


def test_models_that_cannot_be_looked_at():
    config = MemoryConfig()
    memory = TrainedMemory(MemoryModel(*config.data.sizes(), config.model), config)
    assert memory.task == "memory"
    with pytest.raises(
        RunError, match=r"^a TrainedMemory does not read text, so its units cannot be inspected on one; "
    ):
        read(memory, "ab")
    model = TrainedLanguageModel(FeedForward(2, 3, 4, 5, 0.0, False), CharVocabulary("ab"))
    with pytest.raises(RunError, match=r"^a FeedForward has no recurrent layers, so there are no units to inspect; "):
        model.reading("ab")
