"""Any slice of a text has the values that one pass over it gives, whatever was asked for before."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_cells import story, untrained
from readable_models import LINES, TEXT, classifier, language_model, tagger, translator

from unrolled.analysis import capture
from unrolled.inspector import Unit, read
from unrolled.inspector.shown import values_of
from unrolled.inspector.traces import Traces

LONG = story(30_000)  # several lanes


def traced(model, text, *, filled=True, starts=(0,), **options):
    reading = read(model, text, starts)
    traces = Traces(reading, **options)
    if filled and traces.checkpoints is not None:
        traces.checkpoints.fill(reading.model)
        assert traces.checkpoints.known.all()
    return reading, traces


def check(reading, traces, n, slices, planes):
    units = [Unit(name, gate, 2) for name, gate in planes]
    whole = values_of(reading, units, n)
    for begin, end in slices:
        for plane, expected in zip(planes, whole.values, strict=True):
            found = traces.values(plane, begin, end)
            assert not found.provisional
            np.testing.assert_allclose(found.values[:, 2], expected[begin:end], atol=1e-5)
            assert traces.values(plane, begin, end, slice(2, 3)).values.tobytes() == found.values[:, 2:3].tobytes()
    return whole


PLANES = [("layers.0.0", "h"), ("layers.1.0", "c"), ("layers.1.0", "o")]


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_slices_of_a_running_text(kind):
    reading, traces = traced(language_model(kind), TEXT)
    n = len(TEXT)
    slices = [(0, n), (0, 1), (n - 1, n), (63, 65), (700, 1501), (5, 5), (1000, 1257)]
    whole = check(reading, traces, n, slices, PLANES)
    for begin, end in slices:
        ids, shares = traces.guesses(begin, end, 5)
        np.testing.assert_allclose(shares, whole.shares[begin:end], atol=1e-5)
        clear = np.abs(np.diff(whole.shares[begin:end], axis=1)).min(axis=1) > 1e-4
        assert (ids == whole.guesses[begin:end])[clear].all()


def test_a_text_of_several_lanes_and_documents():
    starts = (0, 4000, 4001, 17_003)
    reading, traces = traced(untrained(3, LONG, num_layers=2), LONG, starts=starts)
    assert len(reading.text.lanes().begins) > 10
    n = len(LONG)
    check(reading, traces, n, [(0, 4000), (3900, 4100), (n - 3000, n), (16_990, 17_100)], PLANES)


def test_a_short_text_is_read_straight_on():
    text = story(3000)
    model = untrained(4, text, cell="gru", num_layers=2)
    _, traces = traced(model, text)
    kept = {}
    with torch.no_grad(), capture(model.model.stack, lambda name, _, trace: kept.setdefault(name, trace), chunk=9999):
        model.model(torch.from_numpy(model.vocabulary.encode(text).astype(np.int64))[:, None])
    for name, gate in traces.planes:
        found = traces.values((name, gate), 100, 2917).values
        np.testing.assert_allclose(found, kept[name][gate][100:2917, 0], atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        classifier("word"),
        classifier("char"),
        tagger(),
        translator("word"),
        translator("bpe"),
        translator("word", backwards=True),
    ],
)
def test_slices_of_lines(model):
    reading, traces = traced(model, LINES)  # a translator has 3 units a direction
    n = len(LINES)
    planes = [("layers.0.0", "h"), ("layers.1.0", "c")]
    if reading.stack(reading.model).num_directions == 2:
        planes += [("layers.0.1", "c"), ("layers.1.1", "i")]
    check(reading, traces, n, [(0, n), (17, 19), (18, 18), (40, 300), (n - 3, n), (n - 1, n)], planes)


READING, TRACES = traced(untrained(6, LONG, num_layers=2), LONG, cache=1 << 20)  # forgets soon
WHOLE = values_of(READING, [Unit("layers.1.0", "h", 7)], len(LONG)).values[0]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, len(LONG)), st.integers(0, 600))
def test_arbitrary_boundaries(begin, size):
    end = min(begin + size, len(LONG))
    found = TRACES.values(("layers.1.0", "h"), begin, end, slice(7, 8))
    np.testing.assert_allclose(found.values[:, 0], WHOLE[begin:end], atol=1e-5)
    kept = [block.size for block, _ in TRACES._recent.values()]
    assert sum(kept) <= 1 << 20 or len(kept) == 1
    assert {id(piece.block) for piece in TRACES._pieces.values()} <= set(TRACES._recent)


def test_before_its_state_is_known_a_stretch_is_provisional():
    model = untrained(3, LONG, num_layers=2)
    reading, traces = traced(model, LONG, filled=False)
    plane = ("layers.1.0", "h")
    early = traces.values(plane, 20_000, 20_500)
    assert early.provisional
    exact = values_of(reading, [Unit(*plane, unit) for unit in range(16)], len(LONG)).values[:, 20_000:20_500].T
    np.testing.assert_allclose(early.values, exact, atol=0.01)
    begun = traces.values(plane, 0, 100)
    traces.checkpoints.fill(model.model)
    late = traces.values(plane, 20_000, 20_500)
    assert not late.provisional
    np.testing.assert_allclose(late.values, exact, atol=1e-5)
    np.testing.assert_allclose(begun.values, traces.values(plane, 0, 100).values, atol=1e-5)


def test_filling_can_be_stopped():
    model = untrained(3, LONG)
    _, traces = traced(model, LONG, filled=False)
    turns = iter(range(3))
    with pytest.raises(StopIteration):
        traces.checkpoints.fill(model.model, lambda: next(turns))
    assert 0 < traces.checkpoints.known.sum() < len(traces.checkpoints)


def test_scales_are_each_units_own_for_states_and_whole_for_gates():
    _, traces = traced(untrained(3, LONG), LONG, filled=False)
    even = 0
    for (_, gate), (low, high) in traces.scales.items():
        if gate in "ifo":
            assert low.tolist() == [0] * 16
            assert high.tolist() == [1] * 16
        else:
            values = traces.values(("layers.0.0", gate), 0, 4000).values
            assert 0.9 < ((low <= values) & (values <= high)).mean() < 1
            lopsided = np.maximum(-low, high) > 4 * np.minimum(-low, high)
            np.testing.assert_array_equal(low[~lopsided], -high[~lopsided])
            even += int((~lopsided).sum())
    assert even > 16
