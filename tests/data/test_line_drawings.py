"""Lines that are drawn by a function of their number."""

import numpy as np
from line_making import line

from unrolled.data.line_drawings import drawn_lines


def test_lines_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    drawn = []

    def draw(number):
        drawn.append(number)
        return line(40 + number, 24, number), f"text {number}", "latin" if number % 2 else "greek"

    for _ in range(2):
        lines = drawn_lines("generated", {"seed": 1}, draw, 5, 24)
        assert lines.texts == [f"text {number}" for number in range(5)]
        assert lines.groups == ["greek", "latin"] * 2 + ["greek"]
        assert lines.names[4] == "generated, line 5"
        assert all(np.array_equal(lines[number], line(40 + number, 24, number)) for number in range(5))
    assert drawn == list(range(5))
    assert drawn_lines("generated", {"seed": 2}, draw, 5, 24).digest() == lines.digest()
    assert len(drawn) == 10
