"""Random changes of pictures are pure functions of seed and step, and what they say they are."""

import numpy as np
import pytest

from unrolled.data.augmentation import Changes, augmented
from unrolled.data.shuffled import Shuffled
from unrolled.errors import ArgumentError

PIXELS = (np.arange(40 * 12 * 12 * 3).reshape(40, 12, 12, 3) * 7 % 256).astype(np.uint8)
MEAN = np.array([10.0, 20.0, 30.0])


def changed(step=3, seed=1, **changes):
    return augmented(PIXELS, Changes(**changes), MEAN, seed, step)


@pytest.mark.parametrize("changes", [{"shift": 2, "flip": True, "cutout": 4}, {"crop": 0.5, "rotate": 20.0}])
def test_pure_functions(changes):
    assert (changed(**changes) == changed(**changes)).all()
    assert (changed(**changes) != changed(step=4, **changes)).any()
    assert (changed(**changes) != changed(seed=2, **changes)).any()
    assert changed(**changes).shape == PIXELS.shape
    assert changed(**changes).dtype == np.uint8


def test_none():
    assert changed() is PIXELS


def test_flip():
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(changed(flip=True), PIXELS, strict=True)]
    same = [(a == b).all() for a, b in zip(changed(flip=True), PIXELS, strict=True)]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 8 < sum(mirrored) < 32


def test_shift_mirrors_the_border():
    found = set()
    for picture, before in zip(changed(shift=2), PIXELS, strict=True):
        around = np.pad(before, ((2, 2), (2, 2), (0, 0)), "reflect")
        places = [(y, x) for y in range(5) for x in range(5) if (around[y : y + 12, x : x + 12] == picture).all()]
        assert places
        found.add(places[0])
    assert len(found) > 10


def test_cutout_covers_a_square_with_the_mean_colour():
    for picture, before in zip(changed(cutout=4), PIXELS, strict=True):
        covered = (picture != before).any(2)
        assert 0 < covered.sum() <= 16
        assert (picture[covered] == MEAN).all()


def test_crop_of_a_constant_is_constant():
    flat = np.full((8, 12, 12, 3), 77, np.uint8)
    assert (augmented(flat, Changes(crop=0.3, rotate=45.0), MEAN, 0, 0) == 77).all()


@pytest.mark.parametrize("wrong", [{"crop": 0.0}, {"rotate": 200.0}, {"shift": -1}, {"cutout": -1}])
def test_wrong(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Changes(**wrong)


def test_every_example_once_an_epoch():
    order = Shuffled(10, 4, 0)
    drawn = np.concatenate([order[step] for step in range(5)])
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert (drawn[:10] != drawn[10:]).any()
    assert (Shuffled(10, 4, 0)[3] == order[3]).all()
    assert order.per_epoch == 2.5
