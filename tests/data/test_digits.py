"""Pictures of digits as sequences: every one once in a pass, in one order of pixels."""

import numpy as np
import pytest
import torch

from unrolled.data import digits
from unrolled.data.digits import Digits, DigitSequences, permutation, synthetic_digits
from unrolled.data.episodes import EpisodeStream
from unrolled.data.registry import present
from unrolled.errors import DataError

FEW = Digits(np.random.RandomState(0).randint(0, 255, (7, 28, 28)).astype(np.uint8), np.arange(7))


def test_the_order_of_the_pixels_is_one_permutation():
    order = permutation()
    np.testing.assert_array_equal(np.sort(order), np.arange(784))
    assert order[:5].tolist() == [319, 576, 323, 107, 355]


@pytest.mark.parametrize(("steps", "permuted"), [(28, False), (784, False), (784, True)])
def test_a_picture_is_read_whole(steps, permuted):
    made = DigitSequences(FEW, steps, permuted, 7, None).make(np.arange(7), np.zeros(7, np.int64))
    assert made.inputs.shape == (steps, 7, 784 // steps)
    flat = made.inputs.swapaxes(0, 1).reshape(7, 784)
    whole = FEW.pictures.reshape(7, 784) / np.float32(255)
    np.testing.assert_array_equal(flat, whole[:, permutation()] if permuted else whole)
    assert made.targets[made.where].tolist() == list(range(7))
    assert made.where.sum() == 7
    assert made.where[-1].all()


def test_every_picture_comes_once_in_a_pass_and_passes_differ():
    episodes = DigitSequences(FEW, 28, False, 2, seed=1)
    order = [int(episodes.chosen(np.array([b]), np.array([n]))[0]) for n in range(7) for b in range(2)]
    assert sorted(order[:7]) == sorted(order[7:]) == list(range(7))
    assert order[:7] != order[7:]
    again = DigitSequences(FEW, 28, False, 2, seed=1)
    assert again.chosen(np.array([1]), np.array([5])).tolist() == [order[11]]


def test_windows_of_pictures_are_their_rows():
    stream = EpisodeStream(DigitSequences(FEW, 28, False, 2, seed=1), 2, 7)
    rows = torch.cat([stream.batch(n).inputs for n in range(12)])
    begins = np.flatnonzero(torch.cat([stream.batch(n).resets for n in range(12)])[:, 0].numpy())
    made = stream.episodes.make(np.array([0]), np.array([0]))
    np.testing.assert_array_equal(rows[begins[1] : begins[2], 0].numpy(), made.inputs[:, 0])


def test_made_up_digits_are_of_every_class_and_alike_every_time():
    train = synthetic_digits("train")
    assert np.bincount(train.labels).min() > 300
    assert train.pictures.max() > 150
    assert (synthetic_digits("valid").pictures[:10] != train.pictures[:10]).any()
    np.testing.assert_array_equal(synthetic_digits.__wrapped__("test").pictures, synthetic_digits("test").pictures)


def test_the_published_files_are_read():
    if present("mnist/train-images") is None:
        pytest.skip("the files of MNIST are not here")
    sizes = {part: len(digits.mnist(part).labels) for part in ("train", "valid", "test")}
    assert sizes == {"train": 55_000, "valid": 5_000, "test": 10_000}
    assert digits.mnist("train").labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.mnist("test").labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_files_that_do_not_fit_together_are_refused(monkeypatch):
    arrays = {3: FEW.pictures, 1: np.arange(6, dtype=np.uint8)}
    monkeypatch.setattr(digits, "fetch", lambda name: name)
    monkeypatch.setattr(digits, "read_idx", lambda path, dimensions: arrays[dimensions])
    with pytest.raises(DataError, match="files do not match"):
        digits.mnist.__wrapped__("train")
