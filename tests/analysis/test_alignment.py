"""Attention as text, cell by cell, and as pictures."""

import struct
import sys
import warnings

import pytest
import torch

from unrolled.analysis.alignment import Alignment, alignment_text
from unrolled.analysis.alignment_picture import alignment_picture, alignments_picture
from unrolled.errors import ArgumentError, SaveError

WEIGHTS = torch.tensor([[0.9, 0.1, 0.0], [0.0, 0.4, 0.6], [0.2, 0.1, 0.7]])


def test_text():
    lines = [
        "    H   ",
        "    a   ",
        "  d l   ",
        "  i l   ",
        "  e o . ",
        "a ██· · ",
        "b · ▒▒▒▒",
        ". ░░· ▓▓",
    ]
    text = alignment_text(["die", "Hallo", "."], ["a", "b", "."], WEIGHTS)
    assert text.split("\n") == [line.rstrip() for line in lines]


def test_the_row_of_the_end():
    text = alignment_text(["x", "y", "z"], ["a", "b"], WEIGHTS)
    assert text.split("\n")[1:] == ["    a ██· ·", "    b · ▒▒▒▒", "(end) ░░· ▓▓"]


@pytest.mark.parametrize("width", [16, 30, 47, 80])
def test_text_is_no_wider_than_asked(width):
    n = 40
    text = alignment_text(["Schifffahrtsgesellschaft"] * n, ["translation"] * n, torch.eye(n), width)
    lines = text.split("\n")
    assert max(map(len, lines)) <= width
    assert len(lines) == 12 + n
    assert lines[11].split()[0].startswith("…")
    label = min(11, width // 3)
    assert lines[12].endswith("…") == (width < 11 + 1 + n)
    assert lines[12][label + 1] == "█"


def test_text_with_what_is_wide_and_what_would_steer_a_terminal():
    text = alignment_text(["猫", "x"], ["\x1b[2J", "犬"], torch.eye(2))
    assert "\x1b" not in text
    assert text.split("\n") == ["     猫x", "�[2J ██·", "  犬 · ██"]


def test_nothing_to_show():
    assert alignment_text([], [], torch.zeros(0, 0)) == ""


def test_errors():
    with pytest.raises(ArgumentError, match=r"weights must be 1 or 2 rows, 3 columns, got \(3, 3\); remove"):
        Alignment(["x", "y", "z"], ["a"], WEIGHTS)
    with pytest.raises(ArgumentError, match="width must be at least 16, got 15"):
        alignment_text(["x", "y", "z"], ["a", "b"], WEIGHTS, 15)


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    loaded = "matplotlib.pyplot" in sys.modules
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alignment_picture(tmp_path / "one.png", ["$5", "\x07y", "z_1^2"], ["a", "b"], WEIGHTS, "a $ and a $")
        many = [Alignment(["x"] * n, ["y" * n] * n, torch.eye(n)) for n in (3, 9, 1, 7, 2)]
        alignments_picture(tmp_path / "many.svg", many, ["one", "two " * 30])
    assert (tmp_path / "one.png").read_bytes()[1:4] == b"PNG"
    assert "<svg" in (tmp_path / "many.svg").read_text()
    assert ("matplotlib.pyplot" in sys.modules) == loaded


def test_pictures_that_cannot_be_written(tmp_path):
    pytest.importorskip("matplotlib")
    one = Alignment(["x"], ["a"], torch.ones(1, 1))
    with pytest.raises(ArgumentError, match=r"the suffix .png, .svg or .pdf"):
        alignments_picture(tmp_path / "one.txt", [one])
    with pytest.raises(ArgumentError, match="in an existing folder"):
        alignments_picture(tmp_path / "no" / "one.png", [one])
    with pytest.raises(ArgumentError, match="alignments must be a sequence with at least one alignment, got 0"):
        alignments_picture(tmp_path / "one.png", [])
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SaveError, match=r"cannot write .*folder.png: Is a directory"):
        alignments_picture(tmp_path / "folder.png", [one])


def test_a_picture_of_long_sentences_is_not_too_large(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("unrolled.analysis.alignment_picture.SIDES", 400)
    alignments = [Alignment(["word"] * 3, ["word"] * 30, torch.rand(30, 3)) for _ in range(2)]
    alignments_picture(tmp_path / "a.png", alignments)
    width, height = struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24])
    assert 100 < max(width, height) <= 450
