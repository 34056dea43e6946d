"""The bases of tasks on three sets of examples: what they delegate, find and compare; and the loss of classes."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from unrolled.data.labelled import Examples
from unrolled.data.sets import Sets
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Input, Report
from unrolled.tasks.common.class_report import wrong
from unrolled.tasks.common.classes import ClassLoss, class_row, stored_classes
from unrolled.tasks.common.evaluated_examples import EvaluatedExamples, same_examples
from unrolled.tasks.common.own_data import TrainedOnSets
from unrolled.tasks.common.prediction import readable
from unrolled.tasks.common.sentences import as_cells
from unrolled.tasks.common.sets_task import SetsTask
from unrolled.training.modelfile import ModelFile

TRAIN, VALID = Examples(["a", "b", "c"], ["x", "y", "x"]), Examples(["d"], ["x"])
SETS = Sets(TRAIN, VALID, Examples(), ["a note"])


class Model(TrainedOnSets):
    task, noun = "texts", "texts"

    def __init__(self, sets=SETS, fingerprint=None):
        data = SimpleNamespace(data="a.csv", read=lambda: sets)
        super().__init__(nn.Linear(1, 1), SimpleNamespace(data=data), fingerprint or sets.digest())

    def read_other(self, data, column="text"):
        return Examples([column], [data]), ["other"]


def test_examples_of_a_model():
    model = Model()
    assert model.find(None, "valid") == (VALID, ["a note"])
    assert model.find("b.csv", "test", column="t") == (Examples(["t"], ["b.csv"]), ["other"])
    with pytest.raises(DataError, match="there are no test texts; choose another --split, or texts with --data"):
        model.find(None, "test")
    with pytest.raises(ArgumentError, match="split must be"):
        model.find(None, "tset")
    with pytest.raises(RunError, match=r"a\.csv has changed"):
        Model(fingerprint="other").own_sets()


def test_examples_of_several_models():
    options = EvaluatedExamples(split="train")
    assert same_examples({"a": Model(), "b": Model()}, options)[0] is TRAIN
    other = Model(Sets(VALID, VALID, VALID))
    with pytest.raises(RunError, match="a and b have different train texts; select the texts to compare them on with"):
        same_examples({"a": Model(), "b": other}, options)
    assert same_examples({"a": Model(), "b": other}, EvaluatedExamples(split="valid"))[0] is VALID


def test_a_task_delegates_to_its_description():
    class Texts(SetsTask):
        description = SimpleNamespace(
            named=lambda: ["set"],
            likely=lambda path: path == "a",
            describe=lambda data: Report({"data": data}),
            suspicious=lambda sets: sets.notes,
        )
        build_model = batch = units = loss = evaluate = preview = open = steps_per_epoch = None

        def prepare(self):
            self.sets = SETS
            return ["read"]

    task = Texts(SimpleNamespace(data="a.csv"))
    assert (Texts.named(), Texts.likely("a"), Texts.likely("b")) == (["set"], True, False)
    assert task.describe().values == {"data": "a.csv"}
    assert task.check() == ["read", "a note"]
    assert (task.fingerprint(), task.test_cost()) == (SETS.digest(), 0)


def test_the_loss_of_classes():
    labels, logits = torch.tensor([0, 0, 0, 1]), torch.tensor([[0.0, math.log(3)]])
    assert ClassLoss().weights(labels, 2) is None
    weights = ClassLoss(class_weights="balanced").weights(labels, 2)
    assert weights.tolist() == pytest.approx([4 / 6, 2])
    assert float(ClassLoss().of(logits, torch.tensor([1]), None)) == pytest.approx(-math.log(0.75))
    both = torch.cat([logits, logits])
    expected = -(weights[0] * math.log(0.25) + weights[1] * math.log(0.75)) / weights.sum()
    assert float(ClassLoss().of(both, torch.tensor([0, 1]), weights)) == pytest.approx(float(expected))
    smooth = ClassLoss(label_smoothing=0.2).of(logits, torch.tensor([1]), None)
    assert float(smooth) == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25))


@pytest.mark.parametrize("classes", [None, "ab", ["a"], ["a", 1]])
def test_a_model_file_without_classes(classes):
    with pytest.raises(RunError, match="does not list its classes"):
        stored_classes(ModelFile("texts", "", {}, {"classes": classes}))


def test_rows_cells_and_mistakes():
    assert class_row([str(n) for n in range(12)]) == ("classes", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more")
    found = [SimpleNamespace(text=text, score=score, log_probability=score) for text, score in (("a", -1), ("b", -2))]
    assert as_cells("caption", found) == {"caption": "a", "score": -1, "caption_2": "b", "score_2": -2}
    probabilities = torch.tensor([[0.9, 0.1], [0.75, 0.25], [0.5, 0.5]]).numpy()
    assert wrong(probabilities, ["x", "y", "x"], ["x", "y"]) == [(1, "y", "x", 0.75)]


def test_inputs_before_one_that_cannot_be_read():
    texts, error = readable([Input("a"), Input("b"), Input(b"\xff"), Input("c")], Input.text)
    assert texts == ["a", "b"]
    assert isinstance(error, DataError)
    assert readable([Input("a")], Input.text) == (["a"], None)
