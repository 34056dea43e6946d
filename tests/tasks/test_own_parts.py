"""The evaluation of a task that has nothing to add."""

import dataclasses

import pytest
import torch
from coming_base import Config
from coming_pictures import Pictures, TrainedPictures

from unrolled.errors import DataError, RunError
from unrolled.tasks.common.own_parts import OwnParts, evaluated


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TrainedPictures(Pictures(Config()).build_model(), Config(), "made-up")


def test_the_metrics_of_a_part(model):
    for split in ("valid", "test"):
        found = Pictures(model.config).evaluate(model.model, split)
        report = evaluated(Pictures, model, OwnParts(split=split))
        assert report.values == {"split": split, **found}
        assert report.plain() == (
            f"data      made-up, {split}\nnats      {found['loss']:.4f}\naccuracy  {found['accuracy']:.4f}"
        )
    assert OwnParts().split == "test"


def test_data_that_changed_or_is_gone(model, monkeypatch):
    other = copied(model, "another digest")
    with pytest.raises(RunError) as raised:
        evaluated(Pictures, other, OwnParts())
    assert str(raised.value) == (
        "the data made-up has changed since the model was trained, so its splits differ; restore the old data"
    )

    def gone(self):
        raise DataError("there is no file made-up")

    monkeypatch.setattr(Pictures, "prepare", gone)
    with pytest.raises(RunError) as raised:
        evaluated(Pictures, model, OwnParts())
    assert str(raised.value) == (
        "the data made-up that the model was trained on cannot be read: there is no file made-up; restore it"
    )


def copied(model, fingerprint):
    return TrainedPictures(model.model, dataclasses.replace(model.config), fingerprint)
