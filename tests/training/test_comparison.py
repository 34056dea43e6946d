"""Runs of one task side by side."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from unrolled.errors import RunError
from unrolled.results import Report, silent
from unrolled.training.comparison import same_data, side_by_side
from unrolled.training.metrics import ACCURACY, LOSS, Metric

METRICS = (LOSS, ACCURACY, Metric("chrf", "chrF", ".1f"))


@dataclass(frozen=True)
class Elsewhere:
    data: str | None = None


def model(digest="abc", **values):
    notes = tuple(values.pop("notes", ()))
    report = Report(values, how=("read: x",), notes=notes)
    return SimpleNamespace(fingerprint=digest, evaluation=lambda options, progress: report)


def test_the_metrics_that_all_have_in_one_table():
    models = {
        "runs/a": model(loss=1.0, accuracy=0.5, chrf=12.34, notes=("slow", "old")),
        "runs/b": model(loss=0.25, chrf=7.0, notes=("old",)),
    }
    found = side_by_side(METRICS, models, object(), silent)
    assert [report.values["loss"] for report in found.reports] == [1.0, 0.25]
    [table] = found.together.parts
    assert table.name == "comparison"
    assert table.plain() == "run       nats  chrF\nruns/a  1.0000  12.3\nruns/b  0.2500   7.0"
    assert found.together.how == ("read: x",)
    assert found.together.notes == ("slow", "old")
    assert found.together.values == {}


def test_models_of_different_data_need_data_to_be_compared_on():
    models = {"a": model("1", loss=1.0), "b": model("2", loss=2.0)}
    assert len(side_by_side(METRICS, models, Elsewhere("x.csv"), silent).reports) == 2
    for options, remedy in ((Elsewhere(), "name the data to compare them on with --data"), (object(), "evaluate each")):
        with pytest.raises(RunError, match=f"^a and b were not trained on the same data; {remedy}"):
            side_by_side(METRICS, models, options, silent)


def test_what_must_be_the_same_is_named():
    same_data({"a": 1, "b": 1, "c": 1})
    with pytest.raises(RunError, match=r"^a and c were not trained on the same text; name "):
        same_data({"a": 1, "b": 1, "c": 2}, "text")
