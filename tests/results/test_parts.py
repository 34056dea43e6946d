"""The parts of a result: as text, as JSON and as files."""

import csv
import io
import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from unrolled.results import Drawing, Pairs, Part, Picture, Series, Spans, Table, Text

EVERY = [
    Text("a\nb", "words"),
    Pairs([("loss", "1.5 nats"), ("accuracy", "50%")]),
    Table("scores", ("class", "F1"), [("a, or b", "0.5"), ('"c"\nd', "10.25")], right=("F1",)),
    Series("load", [date(2024, 2, 29), date(2024, 3, 1)], {"mean": [1.0, 2.0], "high": [1.5, math.nan]}, "MW"),
    Spans("scenes", [(0.0, 12.5, "day"), (12.5, 100.25, "night")]),
    Picture("look", lambda: b"\x89PNG", "where was looked"),
    Drawing("line", "<svg/>"),
]
TEXTS = [
    "a\nb",
    "loss      1.5 nats\naccuracy  50%",
    'class       F1\na, or b    0.5\n"c"\nd    10.25',
    "mean  ▁█  1 to 2 MW\nhigh  ▁   1.5 to 1.5 MW",
    "    0.00–12.50 s  day\n   12.50–100.25 s  night",
    "where was looked (picture)",
    "line (picture)",
]
FILES = [
    {"words.txt": "a\nb\n"},
    {},
    {"scores.csv": 'class,F1\n"a, or b",0.5\n"""c""\nd",10.25\n'},
    {"load.csv": ",mean,high\n2024-02-29,1.0,1.5\n2024-03-01,2.0,nan\n"},
    {"scenes.csv": "begin,end,label\n0.0,12.5,day\n12.5,100.25,night\n"},
    {"look.png": "\ufffdPNG"},
    {"line.svg": "<svg/>"},
]
AS_JSON = [
    {"kind": "text", "name": "words", "text": "a\nb"},
    {"kind": "pairs", "rows": [["loss", "1.5 nats"], ["accuracy", "50%"]]},
    {"kind": "table", "name": "scores", "header": ["class", "F1"], "rows": [["a, or b", "0.5"], ['"c"\nd', "10.25"]]},
    {"kind": "series", "name": "load", "unit": "MW", "index": ["2024-02-29", "2024-03-01"]},
    {
        "kind": "spans",
        "name": "scenes",
        "spans": [
            {"begin": 0.0, "end": 12.5, "label": "day"},
            {"begin": 12.5, "end": 100.25, "label": "night"},
        ],
    },
    {"kind": "picture", "name": "look", "title": "where was looked", "png": "iVBORw=="},
    {"kind": "drawing", "name": "line", "title": "", "svg": "<svg/>"},
]


@pytest.mark.parametrize(("part", "text", "files", "plain"), [*zip(EVERY, TEXTS, FILES, AS_JSON, strict=True)])
def test_the_three_forms(part, text, files, plain):
    assert isinstance(part, Part)
    assert part.plain() == text
    assert {name: content.decode(errors="replace") for name, content in part.files().items()} == files
    found = json.loads(json.dumps(part.as_json()))
    assert {key: found[key] for key in plain} == plain


def test_a_table_is_read_back():
    rows = list(csv.reader(io.StringIO(EVERY[2].files()["scores.csv"].decode())))
    assert rows == [["class", "F1"], ["a, or b", "0.5"], ['"c"\nd', "10.25"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█  0 to 7"),
        ([5, 5], "▁▁  5 to 5"),
        ([math.nan, math.inf], ""),
        ([0, math.nan, 1e-9, -math.inf, 1], "▁ ▁ █  0 to 1"),
        (np.arange(3.0), "▁▅█  0 to 2"),
        (range(600), None),
    ],
)
def test_sparklines(values, expected):
    line = Series("s", range(len(values)), {"x": values}).plain()
    if expected is None:
        bars, _, rest = line.removeprefix("x  ").partition("  ")
        assert (len(bars), bars[0], bars[-1], rest) == (60, "▁", "█", "0 to 590")
    else:
        assert line == f"x  {expected}".rstrip()


def test_arrays_and_numbers_of_numpy_are_plain_in_json():
    found = Series("s", np.array([0.5, 1.5]), {"x": np.array([1, 2])}).as_json()
    assert json.loads(json.dumps(found))["columns"] == {"x": [1.0, 2.0]}


def test_a_picture_is_drawn_when_it_is_looked_at_and_once():
    calls = []
    picture = Picture("a", lambda: calls.append(1) or b"png", path=Path("x/b.png"))
    assert picture.plain() == "a: x/b.png"
    assert calls == []
    assert picture.as_json()["png"] == "cG5n"
    assert picture.files() == {"a.png": b"png"}
    assert calls == [1]


def test_what_is_no_text_is_replaced_in_files():
    assert Text("a\udcffb", "t").files() == {"t.txt": b"a?b\n"}
    assert Drawing("d", "\udcff").files() == {"d.svg": b"?"}
    assert Text("no file").files() == {}
