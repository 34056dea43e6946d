"""Metrics of segments, against numbers worked out by hand."""

import numpy as np
import pytest

from unrolled.tasks.video.segments import as_row, counts, edit_score, right, segments, summary

TRUE = np.array([0] * 10 + [1] * 10 + [2] * 10)


def test_segments():
    assert [tuple(part) for part in segments(np.array([3, 3, 1, 3]))] == [(0, 2, 3), (2, 3, 1), (3, 4, 3)]
    assert [tuple(part) for part in segments(np.array([5]))] == [(0, 1, 5)]


def test_edit_score_counts_labels_of_segments():
    assert edit_score([0, 1, 2], [0, 1, 2]) == 100
    assert edit_score([0, 1, 2], [0, 1, 0, 1, 2]) == pytest.approx(60)  # two insertions of five
    assert edit_score([0], [1]) == 0


def test_right_segments_by_overlap():
    predicted = np.array([0] * 4 + [1] * 16 + [2] * 10)
    parts = segments(TRUE), segments(predicted)
    # 0: 4 of 10 frames; 1: 10 of 16; 2: all
    assert [right(*parts, share) for share in (0.1, 0.4, 0.5, 0.7)] == [3, 3, 2, 1]


def test_a_true_segment_is_found_once():
    predicted = np.array([0] * 5 + [9] + [0] * 4 + [1] * 10 + [2] * 10)
    found = counts(TRUE, predicted)
    assert (found.true, found.predicted, found.right) == (3, 5, (3, 3, 3))
    assert found.hits == 29


def test_sums_over_clips():
    rows = np.array([as_row(counts(TRUE, TRUE)), as_row(counts(TRUE, np.zeros(30, np.int64)))])
    accuracy, edit, *f1 = summary(rows.sum(0)).tolist()
    assert accuracy == pytest.approx(40 / 60)
    assert edit == pytest.approx((100 + 100 / 3) / 2)
    assert f1 == pytest.approx([2 * 4 / 10, 2 * 4 / 10, 2 * 3 / 10])  # 1/3 of the frames: right at 0.1 and 0.25
