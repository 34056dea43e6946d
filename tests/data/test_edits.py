"""Distances and alignments against the recursion written out."""

import random

from unrolled.data.edits import align, distance


def table(a, b):
    rows = [list(range(len(b) + 1))]
    for i, item in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (item != other)))
        rows.append(row)
    return rows[-1][-1]


def test_distance_and_alignment_are_those_of_the_recursion():
    draw = random.Random(3)
    for size in [3] * 300 + [12] * 200 + [90] * 6:
        a, b = ("".join(draw.choices("abcd", k=draw.randrange(size + 1))) for _ in range(2))
        expected = table(a, b)
        assert distance(a, b) == expected
        edits = align(a, b)
        assert [edit.first for edit in edits if edit.first is not None] == list(range(len(a)))
        assert [edit.second for edit in edits if edit.second is not None] == list(range(len(b)))
        different = [edit for edit in edits if None in edit or a[edit.first] != b[edit.second]]
        assert len(different) == expected
