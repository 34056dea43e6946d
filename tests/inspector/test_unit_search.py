"""Planted cells are found, and in networks that have learned nothing no more is found than chance allows."""

from __future__ import annotations

import numpy as np
import pytest
from planted_cells import DEPTH, POSITION, QUOTE, planted_lstm, planted_rnn, story, untrained

from unrolled.errors import ArgumentError, DataError
from unrolled.inspector import built_in, label, own, read, search
from unrolled.inspector.unit_search import TWINS
from unrolled.inspector.unit_search import untrained as scores_of_twins

TEXT = story()


@pytest.fixture(scope="module")
def labels():
    return label(TEXT, built_in())


def test_planted_cells_of_an_lstm_are_found(labels):
    found = {one.hypothesis: one for one in search(read(planted_lstm(TEXT), TEXT), labels).findings}
    quote, position, depth = (
        found[name] for name in ("inside double quotes", "position in the line", "parenthesis depth")
    )
    assert (quote.best[0].unit.index, position.best[0].unit.index, depth.best[0].unit.index) == (QUOTE, POSITION, DEPTH)
    assert quote.score >= 0.99
    assert (position.best[0].unit.gate, depth.best[0].unit.gate) == ("c", "c")
    assert min(position.score, depth.score) >= 0.95
    assert min(position.best[0].rank, depth.best[0].rank) > 0.95
    for one in (quote, position, depth):
        assert one.found
        assert one.p == 1 / (TWINS + 1)
        assert one.baseline < one.score - 0.1
    assert not found["vowel"].found  # which the character tells, whatever was learned


def test_planted_cells_of_an_rnn_are_found(labels):
    found = {one.hypothesis: one for one in search(read(planted_rnn(TEXT), TEXT), labels).findings}
    for name, unit in (("position in the line", POSITION), ("parenthesis depth", DEPTH)):
        assert found[name].best[0].unit.index == unit
        assert found[name].score >= 0.95
        assert found[name].found


def test_in_untrained_networks_nothing_is_found_more_often_than_it_should():
    text = story(5000, seed=1)
    labels = label(text, [*built_in(), own("a word=cat|rat"), own("after a comma=Rome .")])
    twins = scores_of_twins(read(untrained(0, text), text), labels, seed=3)
    p = []
    for seed in range(10):
        found = search(read(untrained(100 + seed, text), text), labels, twins=twins)
        p += [one.p for one in found.findings]
        assert sum(one.found for one in found.findings) <= 2
    assert len(p) >= 80
    assert np.mean(np.array(p) <= 0.05) <= 0.05
    assert np.mean(np.array(p) <= 0.5) <= 0.6


def test_the_result_does_not_depend_on_how_the_text_is_scored_piece_by_piece(labels, monkeypatch):
    """A sample, a stride and many lanes change no more than samples do."""
    model = planted_lstm(TEXT)
    whole = {one.hypothesis: one.score for one in search(read(model, TEXT), labels).findings}
    monkeypatch.setattr("unrolled.analysis.passes.SAMPLE", 4096)
    monkeypatch.setattr("unrolled.analysis.passes.LARGEST_SAMPLE", 4096)
    monkeypatch.setattr("unrolled.analysis.passes.LEAST", 1500)
    monkeypatch.setattr("unrolled.inspector.unit_search.SCORED", 6000 * 16)
    part = search(read(model, TEXT), labels)
    assert part.positions == pytest.approx(len(TEXT) / 2, abs=10)
    for one in part.findings:
        if one.hypothesis in ("inside double quotes", "position in the line", "parenthesis depth"):
            assert one.found
            assert one.score == pytest.approx(whole[one.hypothesis], abs=0.02)


def test_what_cannot_be_searched(labels):
    model = untrained(0, TEXT)
    with pytest.raises(ArgumentError, match="twins must be an integer of at least 19, got 8"):
        search(read(model, TEXT), labels, twins=8)
    with pytest.raises(DataError, match="no hypothesis can be tested"):
        search(read(model, TEXT), label(TEXT, [own("never=xyz")]))
    once = "a" * 30 + TEXT[:1000]
    with pytest.raises(DataError, match="too rare"):
        search(read(model, once), label(once, [own("a run=aaa+")]))
