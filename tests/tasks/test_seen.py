"""Examples that were seen in training, by the hashes in the model file or by reading the training set again."""

from types import SimpleNamespace

import pytest

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
        seen_in_training(model(stored), "x.csv", ["b", "c", "b", "é\udc80"], never, "texts"),
        seen_in_training(model(), "x.csv", ["b", "c", "b", "é\udc80"], lambda: TRAIN, "texts"),
    ):
        assert found[0] == {"seen_in_training": 3}
        assert found[1][0].startswith("3 of 4 texts (75%) of x.csv are training examples of this run")
    assert seen_in_training(model(stored), "x.csv", ["c"], never, "texts") == ({"seen_in_training": 0}, ())
    monkeypatch.setattr(seen, "MOST", 3)
    assert hashes(TRAIN) == ""


@pytest.mark.parametrize("stored", ["", "not base64!", None, ["a"], "é", "A" * 1_000_000])
def test_nothing_is_known(stored):
    assert seen_in_training(model(stored), "x.csv", ["a"], lost, "texts") == ({}, ())


def test_nothing_is_read_for_the_runs_own_parts_or_downloaded(monkeypatch):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", "/nowhere")
    assert seen_in_training(model(hashes(TRAIN)), None, ["a"], never, "texts") == ({}, ())
    assert seen_in_training(model(data="sst2"), "x.csv", ["a"], never, "texts") == ({}, ())
