"""Folds: every example once, equal texts together, classes divided evenly."""

import itertools
from collections import Counter

import numpy as np
import pytest

from unrolled.data.folds import check_classes, check_folds, grouped, split, stratified
from unrolled.data.labelled import Layout
from unrolled.data.labelled_sets import open_labelled
from unrolled.data.tagged import Source
from unrolled.errors import ArgumentError

LABELS = ["common"] * 40 + ["rare"] * 10 + ["rarest"] * 5
TEXTS = [f"text {n}" for n in range(55)]


def test_classes_are_divided_evenly():
    found = stratified(TEXTS, LABELS, 5)
    by_class = {name: Counter(found[np.array(LABELS) == name].tolist()) for name in set(LABELS)}
    assert {name: set(counts.values()) for name, counts in by_class.items()} == {
        "common": {8},
        "rare": {2},
        "rarest": {1},
    }
    assert found.tolist() == stratified(TEXTS, LABELS, 5).tolist()
    assert found.tolist() != stratified(TEXTS, LABELS, 5, seed=1).tolist()
    sizes = Counter(stratified(TEXTS[:53], [*LABELS[:48], *"abcde"], 5).tolist())
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_equal_texts_are_in_the_same_fold():
    texts = ["again"] * 7 + TEXTS
    labels = [*["common"] * 7, *LABELS]
    found = stratified(texts, labels, 5)
    assert len(set(found[:7].tolist())) == 1
    sizes = Counter(found.tolist())
    assert max(sizes.values()) - min(sizes.values()) <= 2
    train, valid, test = split(texts, labels, 5, int(found[0]), 1 / 9)
    assert {*range(7)} <= {*test}
    assert sorted([*train, *valid, *test]) == [*range(62)]
    assert not {texts[n] for n in train} & {texts[n] for n in valid}
    assert Counter(labels[n] for n in valid)["rarest"] == 0  # four remain for training
    assert Counter(labels[n] for n in valid)["common"] == 4
    assert split(texts, labels, 5, 0, 0.0)[1] == []


def test_too_many_folds_for_the_smallest_class():
    check_classes(TEXTS, LABELS, 5)
    message = "folds must be at most the number of texts of the smallest class, 'rarest' (5 different texts), got 6"
    with pytest.raises(ArgumentError) as caught:
        check_classes(TEXTS, LABELS, 6)
    assert str(caught.value) == f"{message}; add texts with that label, or leave it out"
    with pytest.raises(ArgumentError, match=r"'one' \(1 different text\)"):
        check_classes([*TEXTS, "same", "same"], [*LABELS, "one", "one"], 2)


@pytest.mark.parametrize(
    ("folds", "fold", "test", "message"),
    [
        (-2, None, None, "folds must be an integer of at least 2, or 0 for none, got -2"),
        (1, None, None, "fold must be less than folds"),
        (3, 3, None, "fold must be less than folds"),
        (3, -1, None, "fold must be less than folds"),
        (0, 1, None, "fold must be less than folds"),
        (3, 0, "x.csv", "test must be omitted with folds"),
    ],
)
def test_options_that_do_not_fit(folds, fold, test, message):
    check_folds(0, 0, "x.csv")
    check_folds(3, None, None)
    with pytest.raises(ArgumentError, match=message):
        check_folds(folds, fold, test)


def test_labelled_files_in_folds(tmp_path):
    path = tmp_path / "a.csv"
    rows = [*zip(TEXTS, LABELS, strict=True), ("text 0", "common")]
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    sets = [open_labelled(str(path), Layout(), folds=5, fold=fold) for fold in range(5)]
    assert sorted(text for one in sets for text in one.test.texts) == sorted(text for text, _ in rows)
    for one in sets:
        parts = [set(part.texts) for part in (one.train, one.valid, one.test)]
        assert all(a.isdisjoint(b) for a, b in itertools.combinations(parts, 2))
        assert set(one.test.labels) == {"common", "rare", "rarest"}
    assert "the test set is fold 3 of 5 (--fold 2)" in sets[2].notes


def test_equal_sentences_are_in_the_same_fold(tmp_path):
    path = tmp_path / "a.conll"
    sentences = [f"w{n % 12} B-x\nsaw O\n" for n in range(30)]
    path.write_text("\n".join(sentences))
    sets = [Source(str(path), folds=3, fold=fold, group_duplicates=True).read() for fold in range(3)]
    assert sum(len(one.test) for one in sets) == 30
    for one in sets:
        seen = {s.words for s in (*one.train, *one.valid)}
        assert not seen & {s.words for s in one.test}
    apart = Source(str(path), folds=3).read()
    assert {s.words for s in apart.train} & {s.words for s in apart.test}  # as in runs of earlier versions
    with pytest.raises(ArgumentError, match="folds must be at most the number of different sentences, 12, got 13"):
        Source(str(path), folds=13, group_duplicates=True).read()


def test_groups():
    assert grouped([("a",), ("b",), ("a",)]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("folds", [0, 4])
def test_texts_that_differ_in_case_and_white_space_are_in_one_part(tmp_path, folds):
    path = tmp_path / "a.csv"
    texts = [f"{'Text' if n % 2 else 'text '} {n // 2}" for n in range(80)]
    path.write_text("text,label\n" + "".join(f"{text},{'ab'[n // 2 % 2]}\n" for n, text in enumerate(texts)))

    def shared(duplicates):
        one = open_labelled(str(path), Layout(), folds=folds, duplicates=duplicates)
        parts = [{" ".join(text.lower().split()) for text in part.texts} for part in (one.train, one.valid, one.test)]
        assert sum(len(part) for part in (one.train, one.valid, one.test)) == 80
        assert all(parts)
        return any(a & b for a, b in itertools.combinations(parts, 2))

    assert not shared("group")
    assert shared("folds") == (folds == 0)
    assert shared("split")
