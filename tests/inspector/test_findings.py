"""What a cell search found shows itself as a table."""

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
