"""Similar states: units planted so that the right answer is known, and the definitions done naively."""

import json

import numpy as np
import pytest
import torch
from small_models import SYMBOLS, handle, some_text

from unrolled.analysis.similar import Selection, select, similar
from unrolled.analysis.text_windows import as_split, states
from unrolled.errors import ArgumentError


def planted(on, off=()):
    """A model whose unit u is +0.99… exactly while a symbol of ``on[u]`` is read, and below 0 for one of ``off[u]``."""
    trained = handle("rnn", len(on), num_layers=1)
    cell = next(trained.model.stack.cells)
    with torch.no_grad():
        for p in cell.parameters():
            p.zero_()
        for sign, sets in ((3.0, on), (-3.0, off)):
            for unit, symbols in enumerate(sets):
                for symbol in symbols:
                    cell.weight_ih[unit, SYMBOLS.index(symbol)] = sign
    return trained


def test_planted_units_are_found_everywhere_they_are_on():
    trained = planted(["ab", "abc", "g", "", SYMBOLS], ["", "", "", "ab", ""])
    selection = select(trained, "ef abba ef", 3, 7)
    assert selection.units == [(0, 1), (1, 1), (3, -1)]  # the last is on everywhere, around the stretch too
    #         0         1         2
    corpus = "hh abab hc ab abbaabba cacac aa"
    found = similar(trained, corpus, selection)
    assert [(one.text, one.start, one.length) for one in found] == [
        ("abab", 3, 4), ("ab", 11, 2), ("aa", 29, 2), ("a", 24, 1), ("a", 26, 1), ("abbaabba", 14, 8),
    ]  # fmt: skip
    assert all((one.shared, one.others) == (3, 0) and one.score == 1 for one in found)
    assert (found[0].before, found[0].after[:4]) == ("hh ", " hc ")
    found = similar(trained, corpus, selection, share=0.3)  # unit 1 alone will do
    assert [(one.text, one.score) for one in found][-2:] == [("cacac", 1 / 3), ("c", 1 / 3)]
    assert json.loads(json.dumps(found[0].as_json()))["text"] == "abab"


def test_other_units_that_are_on_there_and_not_around_count_against_it():
    trained = planted(["ab", "b", SYMBOLS])
    selection = select(trained, "haah", 1, 3)
    found = similar(trained, "hbbh haah", selection)
    assert [(one.text, one.others, one.score) for one in found] == [("aa", 0, 1.0), ("bb", 1, 0.5)]


def naive(trained, split, selection, share):
    values = np.concatenate([some for _, some in states(trained, split, selection.layer, leaf=selection.leaf)])
    H = values.shape[1]
    on = [{(u, s) for u in range(H) for s in (1, -1) if s * row[u] > selection.threshold} for row in values]
    wanted, found, t = set(selection.units), [], 0
    while t < len(on):
        if len(on[t] & wanted) < share * len(wanted):
            t += 1
            continue
        begin = t
        while t < len(on) and len(on[t] & wanted) >= share * len(wanted):
            t += 1
        R = set.intersection(*on[begin:t])
        X = R - wanted
        if selection.context:
            X -= on[begin - 1] if begin else set()
            X -= on[t] if t < len(on) else set()
        score = len(wanted & R) / (len(wanted) + len(X))
        found.append((-score, abs(t - begin - selection.length), begin, t - begin))
    return sorted(found)


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize(("cell", "leaf", "window"), [("rnn", "h", 7), ("gru", "h", 13), ("lstm", "c", 1024)])
def test_against_the_definitions(cell, leaf, window, context):
    trained, text = handle(cell, 12), some_text(120)
    split = as_split(trained, text)
    done = 0
    for begin in range(115):
        for length in (1, 3):
            try:
                selection = select(
                    trained, text, begin, begin + length, leaf=leaf, threshold=0.2, context=context, window=window
                )
            except ArgumentError:
                continue
            done += 1
            for share in (0.5, 1.0):
                expected = naive(trained, split, selection, share)
                found = similar(trained, split, selection, share=share, most=1000, window=window)
                got = [(-one.score, abs(one.length - length), one.start, one.length) for one in found]
                np.testing.assert_allclose(np.array(got), np.array(expected))
                best = similar(trained, split, selection, share=share, most=3, window=window)
                assert best == found[:3]
                if context and share == 1.0:
                    itself = next(one for one in found if one.start == begin)
                    assert (itself.score, itself.length) == (1.0, length)
        if done >= 4:
            break
    assert done >= 4


def test_errors():
    trained = planted(["ab"])
    with pytest.raises(ArgumentError, match=r"begin, end must be a segment within 0 and 3, got \(2, 4\)"):
        select(trained, "abc", 2, 4)
    with pytest.raises(
        ArgumentError, match=r"threshold must be exceeded by at least one unit .* lower it, .* --no-context"
    ):
        select(trained, "aabb", 1, 2)
    assert select(trained, "aabb", 1, 2, context=False).units == [(0, 1)]
    with pytest.raises(ArgumentError, match="threshold must be at least 0"):
        select(trained, "abc", 0, 1, threshold=-1)
    selection = Selection([(3, 1)], 1, 0.3, 0, "h", True)
    with pytest.raises(ArgumentError, match="selection must be a selection from this model, whose layer has 1 units"):
        similar(trained, "abc", selection)
    with pytest.raises(ArgumentError, match="share must be above 0 and at most 1, got 2"):
        similar(trained, "abc", selection, share=2)
