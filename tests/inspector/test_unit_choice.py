"""Units chosen by name, and what the search says about them."""

from __future__ import annotations

import pytest
from planted_cells import planted_lstm, story

from unrolled.errors import ArgumentError
from unrolled.inspector import Encoded, Found, Scored, Unit, built_in, label, read, search, untrained
from unrolled.inspector.judgement import figure
from unrolled.inspector.traces import Traces
from unrolled.inspector.unit_choice import units_named

PLANES = {(f"layers.{layer}.0", gate): 8 for layer in (0, 1) for gate in ("h", "c", "f")}


def test_names():
    both = [Unit("layers.0.0", "h", 5), Unit("layers.1.0", "h", 5)]
    assert units_named(["5"], PLANES, 14) == units_named(["h[5]", "layer 1 h[5]"], PLANES, 14) == both
    assert units_named(["layer 2 f[0] −"], PLANES, 14) == [Unit("layers.1.0", "f", 0)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h", "a unit such as 157"),
        ("8", r"from h\[0\] to h\[7\]"),
        ("z[1]", r"of a gate or state of the network \(h, c, f\)"),
        ("layer 3 h[1]", "of layer 1 to 2"),
        ("layer 1 ← h[1]", "of layer 1 to 2"),
    ],
)
def test_other_names_are_refused(name, expected):
    with pytest.raises(ArgumentError, match=f"units must be {expected}"):
        units_named([name], PLANES, 14)
    with pytest.raises(ArgumentError, match="at most 1 units of all layers, got 2; name a layer"):
        units_named(["5"], PLANES, 1)


def test_what_a_chosen_unit_encodes():
    text = story(4000)
    reading = read(planted_lstm(text), text)
    labels = label(text, built_in())
    twins = untrained(reading, labels)
    plain = search(reading, labels, twins=twins, top=1)
    best = next(finding for finding in plain.findings if finding.hypothesis == "inside double quotes")
    [unit] = units_named([best.best[0].unit.name], Traces(reading).planes, 14)
    found = search(reading, labels, twins=twins, top=1, units=[unit])
    assert found.findings == plain.findings
    [encoded] = found.chosen
    assert {entry.hypothesis for entry in encoded} == {finding.hypothesis for finding in plain.findings}
    entry = next(entry for entry in encoded if entry.hypothesis == "inside double quotes")
    assert (entry.scored, entry.excess) == (best.best[0], best.excess)
    colour = "red" if entry.scored.sign > 0 else "blue"
    assert entry.meaning == f"★ {colour} where “inside double quotes” is true (AUC {figure(best.score)})"
    assert entry.row in found.table_of_chosen.rows
    assert (entry.p, entry.found) == (best.p, True)
    assert found.verdicts == [f"{unit.name}: {entry.meaning}"]


def test_what_is_no_finding_is_not_stated_as_a_fact():
    def encoded(name, score, baseline, p, binary=False):
        return Encoded(name, binary, Scored(Unit("layers.0.0", "h", 7), 1, score, score), baseline, p)

    assert encoded("indentation", 0.4, 0.6, 0.05).meaning == (
        "no finding: no hypothesis exceeds its baselines; nearest: “indentation” (R² 0.40, best baseline 0.60, "
        "not above it)"
    )
    assert encoded("vowel", 0.9961, 0.6, 0.25, True).meaning.endswith("“vowel” (AUC 0.996, best baseline 0.60, p 0.25)")
    assert encoded("vowel", 0.5, 0.4, 0.05, True).found
    none = encoded("vowel", 0.51, 0.6, 0.5, True)
    assert none.meaning == "no finding: no hypothesis is better than guessing"
    own = encoded("mine", 0.0, 0.6, 1.0)
    listed = [encoded(f"other {n}", 0.9, 0.95, 1.0) for n in range(3)]
    found = Found([], {}, 8, 5000, 5000, [[none, own], [*listed, encoded("vowel", 0.8, 0.95, 1.0), own]])
    assert [row[2] for row in found.table_of_chosen.rows] == ["mine", "other 0", "other 1", "other 2", "mine"]
