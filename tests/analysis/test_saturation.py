"""Saturated gates, against counts of whole traces."""

import json
import sys
import warnings

import numpy as np
import pytest
import torch
from small_models import handle, some_text

from unrolled.analysis.capture import capture
from unrolled.analysis.saturation import GateCounter, saturation
from unrolled.analysis.saturation_picture import saturation_picture
from unrolled.errors import ArgumentError, DataError, SaveError
from unrolled.layers import Stack
from unrolled.scan import scan_traced


@pytest.mark.parametrize(("cell", "gates"), [("lstm", "ifo"), ("gru", "rz")])
@torch.no_grad()
def test_shares_are_those_of_the_whole_trace(cell, gates):
    trained, text = handle(cell), some_text(150)
    with torch.no_grad():
        for p in trained.model.stack.parameters():
            p.mul_(4)
    found = saturation(trained, text, window=40)
    ids = torch.tensor(trained.vocabulary.encode(text[:-1]).astype(np.int64))[:, None]
    x, expected = ids, {}
    for layer, one in enumerate(trained.model.stack.cells):
        x, _, trace = scan_traced(one, x)
        expected |= {(f"stack.layers.{layer}.0", gate): trace[gate][:, 0] for gate in gates}
    assert [(one.recurrence, one.gate) for one in found.gates] == list(expected)
    assert found.steps == 149
    for one in found.gates:
        values = expected[one.recurrence, one.gate]
        np.testing.assert_allclose(one.left, (values < 0.1).double().mean(0), atol=0.011)  # one within rounding
        np.testing.assert_allclose(one.right, (values > 0.9).double().mean(0), atol=0.011)
    assert max(one.right.max() for one in found.gates) > 0.3
    written = json.loads(json.dumps(found.as_json()))
    assert written["gates"][1]["right"] == found.gates[1].right.tolist()


def test_side_by_side_every_symbol_counts_once():
    trained, text = handle(), some_text(1500)
    one, many = saturation(trained, text), saturation(trained, text, lanes=3, window=100)
    assert one.steps == many.steps == 1499
    for a, b in zip(one.gates, many.gates, strict=True):
        np.testing.assert_allclose(a.left, b.left, atol=0.005)


def test_steps_past_an_end_do_not_count():
    torch.manual_seed(0)
    stack, counter, apart = Stack.build("gru", 3, 4, bidirectional=True), GateCounter(), GateCounter()
    x, lengths = torch.randn(9, 3, 3), torch.tensor([9, 0, 4])
    with torch.no_grad(), capture(stack, counter, chunk=2):
        stack(x, lengths=lengths)
    with torch.no_grad(), capture(stack, apart):
        for lane, length in enumerate(lengths):
            stack(x[:length, lane : lane + 1])
    assert counter.result().steps == apart.result().steps == 13
    for a, b in zip(counter.result().gates, apart.result().gates, strict=True):
        np.testing.assert_array_equal(a.left, b.left)


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    found = saturation(handle(), some_text(50))
    loaded = "matplotlib.pyplot" in sys.modules
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saturation_picture(tmp_path / "gates.png", found, "a $ and a $")
    assert (tmp_path / "gates.png").read_bytes()[1:4] == b"PNG"
    assert ("matplotlib.pyplot" in sys.modules) == loaded
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(SaveError, match=r"cannot write .*folder.svg"):
        saturation_picture(tmp_path / "folder.svg", found)
    with pytest.raises(ArgumentError, match=r"the suffix .png, .svg or .pdf"):
        saturation_picture(tmp_path / "gates.txt", found)


def test_errors():
    with pytest.raises(ArgumentError, match=r"model must be one with gates \(lstm, gru\), got 'RNNCell'"):
        saturation(handle("rnn"), "abc")
    with pytest.raises(ArgumentError, match=r"low must be less than high \(0.1\), got 0.2"):
        GateCounter(low=0.2, high=0.1)
    with pytest.raises(DataError, match="no gates have been captured; run"):
        GateCounter().result()
