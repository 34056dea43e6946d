"""Records: the first rows are shown, all are saved."""

import csv
import io
import json

import pytest

from unrolled.results import Records, Report
from unrolled.results.records import LONGEST

ROWS = [("a\n" + "long " * 30, "x", 0.9), *((f"text {n}", "<y>", n / 100) for n in range(20))]
RECORDS = Records("mistakes", ("text", "guess", "probability"), ROWS, "21 mistakes")


def test_the_first_rows_are_shown_and_long_texts_cut():
    lines = RECORDS.plain().splitlines()
    assert lines[0] == "21 mistakes (10 shown)"
    assert len(lines) == 12
    assert lines[2] == f"{('a ' + 'long ' * 30)[: LONGEST - 1]}…  x            0.900"
    assert RECORDS.table.right == ["probability"]
    assert "&lt;y&gt;" in RECORDS._repr_html_()
    assert "<y>" not in RECORDS._repr_html_()
    none = Records("mistakes", ("text", "probability"), [], "no mistakes")
    assert none.plain() == "no mistakes"
    assert none.files() == {"mistakes.csv": b"text,probability\n"}


def test_all_rows_are_saved():
    [(name, content)] = RECORDS.files().items()
    assert name == "mistakes.csv"
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [list(RECORDS.header), *([text, guess, str(p)] for text, guess, p in ROWS)]
    objects = [json.loads(line) for line in RECORDS.content(".JSONL").splitlines()]
    assert objects == RECORDS.objects() == RECORDS.as_json()["rows"]
    assert objects[1] == {"text": "text 0", "guess": "<y>", "probability": 0.0}


def test_a_report_is_read_like_a_dictionary():
    report = Report({"loss": 1.5, "accuracy": 0.5})
    assert (report["loss"], "loss" in report, "f1" in report, len(report)) == (1.5, True, False, 2)
    assert dict(report) == {**report} == report.values
    assert list(report) == list(report.keys()) == ["loss", "accuracy"]
    assert list(report.items()) == [("loss", 1.5), ("accuracy", 0.5)]
    assert (report.get("loss"), report.get("f1"), report.get("f1", 0)) == (1.5, None, 0)
    with pytest.raises(KeyError, match="did you mean 'accuracy'"):
        report["acuracy"]
    assert Report({})  # a report without metrics is not "no report"
