"""Problems of remembering: their answers are right, and chance reaches what it must."""

import numpy as np
import pytest

from unrolled.data.generated_copies import BITS, SYMBOLS, Copies, Recall
from unrolled.data.generated_sums import CONSTANT, Sums
from unrolled.data.memory_problems import PROBLEMS, generated

LANES, FIRST = np.arange(2000), np.zeros(2000, np.int64)


@pytest.mark.parametrize("length", [2, 51, 200])
def test_a_sum_is_of_one_number_in_each_half(length):
    made = Sums(length, seed=1).make(LANES, FIRST)
    values, marks = made.inputs[..., 0], made.inputs[..., 1]
    half = length // 2
    assert (marks[:half].sum(0) == 1).all()
    assert (marks[half:].sum(0) == 1).all()
    np.testing.assert_allclose((values * marks).sum(0), made.targets[-1, :, 0], rtol=1e-6)
    assert (made.where.sum(0) == 1).all()
    assert made.where[-1].all()
    assert values.min() >= 0
    assert values.max() < 1


def test_the_constant_guess_of_a_sum_has_the_error_of_its_variance():
    targets = Sums(100, seed=0).make(np.arange(20_000), np.zeros(20_000, np.int64)).targets[-1]
    assert ((targets - 1) ** 2).mean() == pytest.approx(CONSTANT, abs=0.004)


def test_marks_are_anywhere_in_their_half():
    marks = Sums(10, seed=0).make(LANES, FIRST).inputs[..., 1].mean(1)
    np.testing.assert_allclose(marks, 0.2, atol=0.04)


def test_a_copy_is_what_was_read():
    episodes = Copies(7, seed=5, shortest=2)
    made = episodes.make(LANES, FIRST)
    counts = set()
    for n in range(200):
        end = int(np.flatnonzero(made.inputs[:, n, BITS])[0])
        counts.add(end)
        said = np.flatnonzero(made.where[:, n])
        np.testing.assert_array_equal(said, np.arange(end + 1, 2 * end + 1))
        np.testing.assert_array_equal(made.targets[said, n], made.inputs[:end, n, :BITS])
        assert not made.inputs[end + 1 :, n].any()
        assert made.lengths[n] == 2 * end + 1
    assert counts == set(range(2, 8))
    assert made.targets[made.where].mean() == pytest.approx(0.5, abs=0.01)
    assert made.lengths.mean() == pytest.approx(episodes.mean_length, rel=0.02)
    assert made.where.sum(0).mean() == pytest.approx(episodes.targets_per_episode, rel=0.02)


def test_a_repeated_copy_is_said_as_often_as_asked_and_then_ended():
    episodes = Copies(4, seed=5, shortest=1, repeats=3)
    made = episodes.make(LANES, FIRST)
    asked = set()
    for n in range(200):
        end = int(np.flatnonzero(made.inputs[:, n, BITS])[0])
        times = round(made.inputs[end, n, BITS + 1] * 10)
        asked.add((end, times))
        said = made.targets[made.where[:, n], n]
        np.testing.assert_array_equal(said[:-1, :BITS], np.tile(made.inputs[:end, n, :BITS], (times, 1)))
        np.testing.assert_array_equal(said[:, BITS], [0] * (end * times) + [1])
    assert asked == {(end, times) for end in range(1, 5) for times in range(1, 4)}
    assert made.lengths.mean() == pytest.approx(episodes.mean_length, rel=0.03)
    assert made.where.sum(0).mean() == pytest.approx(episodes.targets_per_episode, rel=0.03)


@pytest.mark.parametrize("count", [10, 1])
def test_symbols_are_recalled_in_order_after_the_delay(count):
    made = Recall(30, seed=0, count=count).make(LANES, FIRST)
    read = made.inputs.argmax(-1)
    assert (made.inputs.sum(-1) == 1).all()
    np.testing.assert_array_equal(made.targets[30 + count :], read[:count])
    assert (read[count : -count - 1] == SYMBOLS).all()
    assert (read[-count - 1] == SYMBOLS + 1).all()
    assert (read[-count:] == SYMBOLS).all()
    assert made.where.sum(0).tolist() == [count] * 2000
    assert made.where[-count:].all()
    np.testing.assert_allclose(
        np.bincount(read[:count].ravel(), minlength=SYMBOLS) / (2000 * count), 1 / 8, atol=0.03 / count**0.5
    )


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if one.length])
def test_episodes_are_a_function_of_seed_lane_and_number(name):
    lanes, numbers = np.array([4, 9, 4]), np.array([2, 2, 3])
    episodes = generated(name, 6, 1, 2, 3, "train", seed=7)
    together = episodes.make(lanes, numbers)
    for row in range(3):
        alone = episodes.make(lanes[row : row + 1], numbers[row : row + 1])
        steps = int(alone.lengths[0])
        assert steps == together.lengths[row] == episodes.lengths(lanes, numbers)[row]
        np.testing.assert_array_equal(alone.inputs[:, 0], together.inputs[:steps, row])
        np.testing.assert_array_equal(alone.targets[:, 0], together.targets[:steps, row])
        assert not together.where[steps:, row].any()
    other = generated(name, 6, 1, 2, 3, "train", seed=8).make(lanes, numbers)
    assert other.inputs.shape != together.inputs.shape or (other.inputs != together.inputs).any()
