"""Three sets of examples: their digest, how they are split off, and separate sets."""

import pytest

from unrolled.data.labelled import Examples
from unrolled.data.sets import Sets, check_fractions, divide
from unrolled.errors import ArgumentError, DataError

POOL = Examples([str(n) for n in range(1000)], ["a"] * 500 + ["b"] * 500)
OTHER = Examples(["other"], ["a"])


def divided(own=None, fractions=(0.7, 0.1, 0.2), pool=POOL, keys=None, **options):
    sets, notes = divide(pool, own or {}, keys or pool.texts, fractions, where="a.csv", noun="texts", **options)
    return Sets(**sets, notes=notes)


@pytest.mark.parametrize("group", [False, True])
def test_parts_are_random_but_always_the_same(group):
    sets = divided(group=group)
    assert [len(part) for part in sets.parts().values()] == [700, 100, 200]
    assert sorted(sets.train.texts + sets.valid.texts + sets.test.texts, key=int) == POOL.texts
    assert 80 < sets.test.labels.count("a") < 120  # a file sorted by class does no harm
    assert divided(group=group).digest() == sets.digest() != divided(fractions=(0.8, 0.1, 0.1)).digest()


def test_separate_sets_are_not_split_off():
    sets = divided({"test": OTHER})
    assert (len(sets.train), len(sets.valid), sets.test) == (900, 100, OTHER)
    sets = divided({"valid": OTHER}, None)
    assert (len(sets.train), sets.valid, len(sets.test)) == (900, OTHER, 100)
    sets = divided({"valid": OTHER}, None, folds=4, fold=1)
    assert (len(sets.train), sets.valid, len(sets.test)) == (750, OTHER, 250)


def test_folds_and_groups():
    sets = [divided(folds=5, fold=fold) for fold in range(5)]
    assert sorted(text for found in sets for text in found.test.texts) == sorted(POOL.texts)
    assert sets[3].notes == ["the test set is fold 4 of 5 (--fold 3)"]
    keys = [n // 10 for n in range(1000)]
    for options in ({}, {"folds": 3}):
        train, valid, test = (
            {int(text) // 10 for text in part.texts} for part in divided(keys=keys, **options).parts().values()
        )
        assert train.isdisjoint(valid | test)
        assert valid.isdisjoint(test)


def test_errors():
    few = POOL.pick([0, 1])
    with pytest.raises(DataError, match=r"a.csv has 2 labelled texts: too few .* 0.1; give more, or other --fractions"):
        divided(pool=few)
    with pytest.raises(ArgumentError, match=r"'a' \(1 different text\).*add texts with that label"):
        divided(pool=POOL.pick([0, 500, 501]), folds=2)
    check_fractions((0.5, 0.5, 0.0))
    for wrong in ((0.0, 0.5, 0.5), (0.5, 0.6, -0.1), (0.5, 0.1, 0.1)):
        with pytest.raises(ArgumentError, match="three fractions of at least 0 that sum to 1"):
            check_fractions(wrong)
