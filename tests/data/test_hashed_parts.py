"""Parts by a hash of file names: exact fractions of each class, whatever the order; equal files together."""

from unrolled.data.hashed_parts import even_parts, fraction_of


def parts(names, classes=None, keys=None, **options):
    found = even_parts(names, keys or names, classes or [""] * len(names), (0.8, 0.1, 0.1), **options)
    return {part: sorted(names[n] for n in numbers) for part, numbers in found.items()}


def test_fractions_of_each_class():
    names = [f"{label}/{n}.mp4" for label, count in (("a", 100), ("b", 50)) for n in range(count)]
    found = parts(names, [name[0] for name in names])
    for part, share in (("train", 0.8), ("valid", 0.1), ("test", 0.1)):
        assert [sum(name[0] == label for name in found[part]) for label in "ab"] == [share * 100, share * 50]
    assert parts(names[::-1], [name[0] for name in names[::-1]]) == found


def test_names_decide():
    names = [f"{n}.mp4" for n in range(20)]
    order = sorted(names, key=fraction_of)
    assert parts(names)["test"] == sorted(order[:2])
    assert parts([f"else/{name}" for name in names])["test"] == sorted(f"else/{name}" for name in order[:2])


def test_folds_and_equal_files():
    names = [f"{n}.mp4" for n in range(30)]
    keys = [n // 2 for n in range(30)]
    tests = [parts(names, keys=keys, folds=5, fold=fold)["test"] for fold in range(5)]
    assert sorted(name for test in tests for name in test) == sorted(names)
    assert [len(test) for test in tests] == [6] * 5
    for test in tests:
        assert len({int(name[:-4]) // 2 for name in test}) == 3
