"""What a cell search found shows itself as a table."""

from dataclasses import replace

from unrolled.inspector import Finding, Found, Scored, Unit

KNOWN = Finding(
    "inside <quotes>",
    True,
    0.1,
    [Scored(Unit("layers.0.0", "c", 7), -1, 0.96, 0.96)],
    [0.6] * 19,
    [0.5] * 19,
    0.55,
    0.05,
)
UNKNOWN = Finding(
    "depth", False, 2.0, [Scored(Unit("layers.1.1", "h", 3), 1, 0.25, -0.5)], [0.3] * 19, [0.0] * 19, 0.1, 0.5
)
FOUND = Found([KNOWN, UNKNOWN], {}, units=128, positions=9000, steps=10_000)


def test_rows():
    assert KNOWN.row == (
        "★", "inside <quotes>", "layer 1 c[7] −", "AUC", "0.960", "", "0.600", "0.500", "0.550", "+0.360", "0.05",
    )  # fmt: skip
    assert UNKNOWN.row == (
        "", "depth", "layer 2 ← h[3]", "R²", "0.250", "-0.500", "0.300", "0.000", "0.100", "-0.050", "0.50",
    )  # fmt: skip


def test_why_there_is_a_star_or_none():
    assert (KNOWN.found, KNOWN.explains) == (True, True)
    assert "no untrained network" in KNOWN.why
    assert UNKNOWN.why == "untrained networks or shifted labels often reach this score: p 0.50 with 19 of each"
    table = replace(KNOWN, symbol=1.0)
    assert not table.found
    assert table.why == "the current token alone does as well (1.00), so the low p is no evidence of learning"
    for score, binary, shown in ((0.54, True, False), (0.56, True, True), (-0.2, False, False), (0.02, False, True)):
        best = [replace(KNOWN.best[0], score=score)]
        assert replace(UNKNOWN, best=best, binary=binary).explains == shown


def test_a_short_text_is_told():
    assert FOUND.warning == ""
    short = replace(FOUND, positions=120)
    assert "too short for scores: 120 positions are scored, at least 1,000 are needed" in short.warning
    assert short.warning in str(short)


def test_they_show_themselves():
    assert str(FOUND).splitlines()[1:] == [
        "★  inside <quotes>  layer 1 c[7] −  AUC      0.960          0.600    0.500  0.550  +0.360  0.05",
        "   depth            layer 2 ← h[3]  R²       0.250  -0.500  0.300    0.000  0.100  -0.050  0.50",
        "★ 1 of 2 hypotheses: p ≤ 0.05 and a positive excess; 128 units, 9,000 positions scored",
    ]
    assert "inside <quotes>" in str(KNOWN)
    for found in (FOUND._repr_html_(), KNOWN._repr_html_()):
        assert ">inside &lt;quotes&gt;</td>" in found
        assert "<quotes>" not in found
    assert "9,000 positions scored" in FOUND._repr_html_()
