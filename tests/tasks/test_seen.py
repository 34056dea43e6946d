"""Examples that were seen in training, by the hashes in the model file or by reading the training set again."""

from types import SimpleNamespace

import pytest

from unrolled.data.label_names import key as label_key
from unrolled.errors import RunError
from unrolled.tasks.common import seen
from unrolled.tasks.common.seen import hashes, seen_in_training

TRAIN = ["a", "b", "é\udc80", "b"]


def model(stored="", data="own.csv"):
    return SimpleNamespace(task="classify", seen=stored, config=SimpleNamespace(data=SimpleNamespace(data=data)))


def never():
    pytest.fail("the training set was read")


def lost():
    raise RunError("the data has changed")


def test_by_stored_hashes_or_by_reading_again(monkeypatch):
    stored = hashes(TRAIN)
    for found in (
        seen_in_training(model(stored), "x.csv", "test", ["b", "c", "b", "é\udc80"], never, "texts"),
        seen_in_training(model(), "x.csv", "test", ["b", "c", "b", "é\udc80"], lambda: TRAIN, "texts"),
    ):
        assert found[0] == {"seen_in_training": 3}
        assert found[1][0].startswith("3 of 4 texts (75%) of x.csv are training examples of this run")
    assert seen_in_training(model(stored), "x.csv", "test", ["c"], never, "texts") == ({"seen_in_training": 0}, ())
    monkeypatch.setattr(seen, "MOST", 3)
    assert hashes(TRAIN) == ""


@pytest.mark.parametrize("stored", ["", "not base64!", None, ["a"], "é", "A" * 1_000_000])
def test_nothing_is_known(stored):
    assert seen_in_training(model(stored), "x.csv", "test", ["a"], lost, "texts") == ({}, ())


def test_nothing_is_read_for_the_runs_training_part_or_downloaded(monkeypatch):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", "/nowhere")
    assert seen_in_training(model(hashes(TRAIN)), None, "train", ["a"], never, "texts") == ({}, ())
    assert seen_in_training(model(data="sst2"), "x.csv", "test", ["a"], never, "texts") == ({}, ())


def test_the_runs_own_part_and_texts_that_the_model_does_not_distinguish():
    values, notes = seen_in_training(
        model(hashes(["a b"])), None, "valid", ["A  b", "a b", "c"], never, "texts", remedy="mend it", key=label_key
    )
    assert values == {"seen_in_training": 2}
    assert notes == (
        "2 of 3 texts (67%) of the valid part are training examples of this run, so the metrics are too good; mend it",
    )
    assert seen_in_training(model(hashes(["A B"])), None, "test", ["A B", "a b"], never, "texts", key=label_key)[0] == {
        "seen_in_training": 1  # an earlier version stored the hash of "A B"
    }
