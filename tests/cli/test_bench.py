"""unrolled bench, on cases small enough for a test."""

import json
from types import SimpleNamespace

import pytest
import torch

from unrolled.kernels import extension
from unrolled.lab import bench
from unrolled.lab.bench import measure


@pytest.fixture
def small(monkeypatch):
    """Two cases of each kind, on a clock that goes only while a work is done: ours takes half as long."""
    clock = [0.0]

    def work(seconds):
        def done():
            clock[0] += seconds

        return done

    def cases(groups, quick):
        def works():
            return {"unrolled": work(0.005), "torch": work(0.01)}

        for group in groups:
            yield bench.Case(group, "GRU", "training step", (4, 8, 16), works, flops=1e6)
            yield bench.Case(group, "GRU", "training step", (4, 9, 16), works, size=1e4)

    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(bench, "all_cases", cases)
    monkeypatch.setattr(bench.report, "sgemm", lambda: (work(0.001), 123e6))
    monkeypatch.setattr(bench.report, "reading", lambda size: (work(0.01), size))


def test_table_json_and_picture(unrolled, tmp_path, small):
    before = torch.get_num_threads()
    said = unrolled("bench", "--what", "layers", "--turns", "3", "--threads", "1", "--out", str(tmp_path / "found"))
    assert said.status == 0
    assert torch.get_num_threads() == before
    assert "123 GFLOP/s" in said.out
    assert "1 threads" in said.out
    assert "4×8×16" in said.out
    assert "GRU training step, 2 shapes of many lanes: " in said.out
    assert "ratio         median over the rounds of their time / ours" in said.out
    assert "of the limit  our rate relative to this machine's sgemm" in said.out
    about, rows = bench.read((tmp_path / "found.json").read_text(), "found.json")
    assert [row.shape for row in rows] == [(4, 8, 16), (4, 9, 16)]
    assert all(row.ratio == pytest.approx(2) for row in rows)
    assert about["threads"] == 1
    assert json.loads((tmp_path / "found.json").read_text())["machine"] == about


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--what", "layer"], "--what must be of layers, variants, writing, got 'layer'; did you mean 'layers'?"),
        (["--turns", "2"], "--turns must be an integer of at least 3, got 2"),
        (["--threads", "0"], "--threads must be an integer of at least 1, got 0"),
        (["--out", "there/is/none"], "--out must be in a folder that exists, got 'there/is/none'"),
    ],
)
def test_bad_input(unrolled, words, message, small):
    said = unrolled("bench", *words)
    assert said.status == 2
    assert message in said.err


def test_without_kernels_nothing_is_frozen(unrolled, monkeypatch, small):
    monkeypatch.setattr(extension, "missing", "not compiled")
    said = unrolled("bench")
    assert said.status == 2
    assert "--what must be without writing, got 'layers,variants,writing'; not compiled" in said.err
