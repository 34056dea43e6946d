"""metrics.jsonl: lines are added, and cut off where a checkpoint says."""

import json

import pytest

from unrolled.errors import ArgumentError, SaveError
from unrolled.training.log import MetricsFile


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_and_offsets(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.write(1, {"loss": 0.1 + 0.2})
    assert file.offset == path.stat().st_size
    offset = file.offset
    file.write(2, {"loss": 2.0, "split": "valid"})
    assert rows(path) == [{"step": 1, "loss": 0.1 + 0.2}, {"step": 2, "loss": 2.0, "split": "valid"}]
    with path.open("ab") as out:
        out.write(b'{"step": 3, "lo')  # killed while writing
    again = MetricsFile(path, offset)
    assert rows(path) == [{"step": 1, "loss": 0.1 + 0.2}]
    again.write(2, {"loss": 5.0})
    assert rows(path)[1:] == [{"step": 2, "loss": 5.0}]
    MetricsFile(path)  # a new run begins with an empty one
    assert rows(path) == []


def test_a_file_that_lost_its_end_goes_on_after_its_last_whole_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n{"st')
    file = MetricsFile(path, offset=1000)
    file.write(9, {})
    assert [row["step"] for row in rows(path)] == [1, 2, 9]
    path.unlink()
    MetricsFile(path, offset=1000).write(9, {})
    assert rows(path) == [{"step": 9}]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(SaveError, match="No such file or directory"):
        MetricsFile(tmp_path / "missing" / "metrics.jsonl")


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(
        ArgumentError, match=r"tensorboard must be off where TensorBoard .*pip install 'unrolled\[tensorboard\]'"
    ):
        MetricsFile(tmp_path / "metrics.jsonl", tensorboard=True)
