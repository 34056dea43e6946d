"""Results show themselves: as text where they are printed, as escaped HTML, PNG or SVG in a notebook."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from unrolled.errors import ArgumentError
from unrolled.results import (
    Comparison,
    Drawing,
    Margin,
    Pairs,
    Picture,
    Piece,
    Prediction,
    Report,
    Series,
    Spans,
    Table,
    Text,
)
from unrolled.results.marks import legend, marked
from unrolled.results.markup import ROWS, part

EVIL = "<script>alert('&\"')</script>\ud800"
SAFE = "&lt;script&gt;alert(&#x27;&amp;&quot;&#x27;)&lt;/script&gt;?"


class Words(HTMLParser):
    """The text of every cell, and whether all tags are closed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag in ("td", "th"):
            self.cells.append("")
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag == "polyline":  # closes itself
            return
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        assert tag == "polyline"

    def handle_data(self, data):
        if self.cells and self.open:
            self.cells[-1] += data


def cells(source):
    return Words(source).cells


def test_a_table():
    table = Table("t", ("word", "count"), [("a", "1"), ("b <i>", "22")], right=("count",))
    assert str(table) == "word   count\na          1\nb <i>     22"
    assert cells(table._repr_html_()) == ["word", "count", "a", "1", "b <i>", "22"]
    assert re.findall(r"text-align: (\w+)", table._repr_html_()) == ["left", "right"] * 3


def test_a_long_table_is_cut():
    found = Table("t", ("n",), [(str(n),) for n in range(ROWS + 3)])._repr_html_()
    assert len(cells(found)) == ROWS + 1
    assert "… and 3 more rows" in found


def test_pairs_and_spans():
    assert cells(Pairs([("loss", "1.5"), ("", "2")])._repr_html_()) == ["loss", "1.5", "", "2"]
    assert str(Pairs([("loss", "1.5")])) == "loss  1.5"
    spans = Spans("s", [(0.5, 1.25, "yes")])
    assert cells(spans._repr_html_()) == ["begin", "end", "label", "0.50 s", "1.25 s", "yes"]


def test_a_series_is_a_curve_with_gaps():
    found = Series("s", range(5), {"a": [0.0, 1.0, float("nan"), 2.0, 1.0]}, "m")._repr_html_()
    assert cells(found) == ["a", "", "0 to 2 m"]
    assert re.findall(r'points="([^"]*)"', found) == ["0.0,38.0 100.0,20.0", "300.0,2.0 400.0,20.0"]
    assert "currentColor" in found
    many = Series("s", range(10_000), {"a": range(10_000), "none": []})._repr_html_()
    assert many.count(",") < 700
    assert cells(Series("s", [1], {"a": [float("inf")]})._repr_html_()) == ["a", "", ""]


def test_pictures_and_drawings():
    drawn = []
    picture = Picture("p", lambda: drawn.append(1) or b"\x89PNG", "a <b>")
    assert picture._repr_png_() == picture._repr_png_() == b"\x89PNG"
    assert drawn == [1]
    assert not hasattr(picture, "_repr_html_")  # a front end would show it in the place of the picture
    assert part(picture).endswith('alt="a &lt;b&gt;" src="data:image/png;base64,iVBORw=="></figure>')
    drawing = Drawing("d", "<svg onload='x()'/>")
    assert drawing._repr_svg_() == "<svg onload='x()'/>"
    assert 'src="data:image/svg+xml;base64,PHN2Zy' in part(drawing)
    assert "onload" not in part(drawing)


def test_a_picture_that_cannot_be_drawn_is_its_reason():
    def draw():
        raise ArgumentError("picture", "left out without matplotlib", "p.png", "pip install it")

    report = Report({}, (Picture("p", draw), Text("below")))
    assert "pip install it" in report._repr_html_()
    assert "below" in report._repr_html_()


def test_a_part_of_another_package():
    class Own:
        def plain(self):
            return "1 < 2"

    assert "1 &lt; 2" in part(Own())


@pytest.mark.parametrize(
    "value",
    [
        Text(EVIL),
        Pairs([(EVIL, "")]),
        Table("t", (EVIL,), []),
        Table("t", ("a",), [(EVIL,)]),
        Series("s", [1], {EVIL: [1.0]}),
        Series("s", [1], {"a": [1.0]}, unit=EVIL),
        Spans("s", [(0.0, 1.0, EVIL)]),
        Prediction(EVIL),
        Prediction("a", answer=EVIL),
        Prediction("a", answer="a", probabilities={EVIL: 1.0}),
        Prediction("a", pieces=(Piece(EVIL, weight=0.5),)),
        Prediction("a", pieces=(Piece("a", label=EVIL),)),
        Prediction("a", pieces=(Piece("a", weight=0.5, speaks_for=EVIL),), scale=2.0),
        Prediction("a", pieces=(Piece("a", label="x", margin=Margin(EVIL, "y", 1.0, 0.0), unknown=(EVIL,)),)),
        Prediction("a", margin=Margin("x", EVIL, 1.0, 0.0)),
        Prediction("a", lines=(EVIL,)),
        Prediction("a", parts=(Text(EVIL),)),
        Report({}, (Text(EVIL),)),
        Report({}, how=(EVIL,)),
        Report({}, notes=(EVIL,)),
        Comparison([], Report({}, (Text(EVIL),))),
    ],
)
def test_whatever_comes_from_outside_is_escaped(value):
    found = value._repr_html_()
    Words(found)
    assert SAFE in found
    assert "<script" not in found
    found.encode()


def of(*pieces, **options):
    return marked(Prediction("", pieces=pieces, **options))


def test_marks():
    ann, bad, good = Piece("Ann", "person"), Piece("bad", weight=-1.0), Piece("good", weight=0.5)
    assert ">Ann<small" in of(ann)
    assert ">person</small></mark>" in of(ann)
    assert of(ann) != of(Piece("Ann", "place"))
    assert re.search(r'rgba\(60, 140, 215, 0.60\).* dotted 3px;.* title="-1.00">bad</mark>', of(bad))
    assert re.search(r'rgba\(232, 90, 70, 0.30\).* solid 2px;.* title="\+0.50">good</mark>', of(good))
    assert 'title="1.25 nats for yes">' in of(Piece("good", weight=-0.5, speaks_for="yes"), scale=2.5)
    assert of(Piece("a & b", weight=0.01)) == "a &amp; b"
    assert of(Piece("xq", unknown=("xq",))).startswith("xq<sup")


def test_each_type_of_a_model_has_its_own_box():
    types = tuple("abcdefghijkl")
    boxes = {re.search(r"border: [^;]*", of(Piece("x", name), labels=types))[0] for name in types}
    assert len(boxes) == len(types)
    assert (
        of(Piece("x", "c"), labels=types)
        == of(Piece("x", "c"), Piece("", "a"), labels=types).partition("</mark>")[0] + "</mark>"
    )


def test_the_legend_names_what_is_there():
    plain, typed = Prediction("a"), Prediction("a", pieces=(Piece("a", "person"),), labels=("person", "place"))
    weighed = Prediction("b", pieces=(Piece("b", weight=-1.0),), scale=1.0)
    strange = Prediction("c", pieces=(Piece("c", unknown=("c",)),))
    assert legend([plain]) == ""
    assert re.findall(r">(person|place)</mark>", legend([plain, typed])) == ["person"]
    assert legend([weighed]).count("<mark") == 2
    assert "log-odds" in legend([typed, weighed])
    assert "not in the vocabulary" in legend([strange])
    assert "not in the vocabulary" not in legend([typed, weighed])


def test_predictions_as_text():
    shares = {"no": 0.2, "yes": 0.8}
    assert str(Prediction("a", "yes", shares)) == "yes 80%  no 20%"
    assert str(Prediction("so bad", "yes", shares, (Piece("so "), Piece("bad", weight=-0.5)))) == (
        "yes 80%  no 20%\nso bad(-0.50)"
    )
    assert str(Prediction("Ann left", pieces=(Piece("Ann", "person"), Piece(" left")))) == "[Ann]person left"
    assert str(Prediction("der Hund", "the dog")) == "the dog"
    assert str(Prediction("a.csv", parts=(Text("3 rows"),))) == "a.csv\n3 rows"
    assert str(Prediction(" ")) == " "
    assert str(Prediction("a", "b", lines=("b", "c"))) == "b\nc"


def test_reports_as_text():
    report = Report({"x": 1}, (Pairs([("x", "1")]), Text("end")), notes=("n",))
    assert f"{report}" == "x  1\n\nend"
    assert str(Comparison([report], report)) == str(report)


def test_ipython_in_a_terminal_shows_the_text():
    shown = []
    Pairs([("loss", "1.5")])._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert shown == ["loss  1.5"]
    assert "_repr_pretty_" in vars(Pairs)  # or IPython would take the dataclass's __repr__
