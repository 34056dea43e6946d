"""Folders of classes, and which of them are parts."""

import pytest

from unrolled.data.labelled import Layout, read_labelled
from unrolled.data.labelled_sets import classes_of, open_labelled, read_test
from unrolled.errors import DataError


def folders(path, parts, classes=("neg", "pos"), count=20):
    for part in parts:
        for label in classes:
            (path / part / label).mkdir(parents=True)
            for n in range(count):
                (path / part / label / f"{n}.txt").write_text(f"{part} {label} {n}")
    return str(path)


def begins(examples):
    return {text.split()[0] for text in examples.texts}


@pytest.mark.parametrize("dev", ["valid", "Val", "dev", "VALIDATION"])
@pytest.mark.parametrize("test", ["test", "Test", None])
def test_parts_by_their_names(tmp_path, dev, test):
    data = folders(tmp_path, filter(None, ("Train", dev, test)))
    sets = open_labelled(data, Layout())
    assert classes_of(sets, data) == (["neg", "pos"], [])
    assert (begins(sets.train), begins(sets.valid), begins(sets.test)) == ({"Train"}, {dev}, {test or "Train"})
    assert (len(sets.train), len(sets.valid), len(sets.test)) == ((40, 40, 40) if test else (36, 40, 4))
    told = [f"{tmp_path / dev}: the validation set"] + ([f"{tmp_path / test}: the test set"] if test else [])
    assert sorted(sets.notes) == sorted(told)
    assert begins(read_test(data, Layout())[0]) == {test or dev}


def test_train_and_test_without_a_part_to_decide_by(tmp_path):
    data = folders(tmp_path, ("TRAIN", "TEST"))
    sets = open_labelled(data, Layout())
    assert (len(sets.train), begins(sets.valid), begins(sets.test)) == (36, {"TRAIN"}, {"TEST"})


def test_what_is_left_out_is_told(tmp_path):
    data = folders(tmp_path, ("train", "test", "extra"))
    other = folders(tmp_path / "own", ("more",))
    sets = open_labelled(data, Layout(), test=f"{other}/more")
    assert sets.notes == [
        f"{data}: folders skipped: extra, own",
        f"{data}/test: not used, because --test gives the test set",
    ]
    assert begins(sets.test) == {"more"}


def test_parts_that_are_not_clear(tmp_path):
    data = folders(tmp_path, ("train", "dev"), count=1)
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match="has two folders for valid, dev and val; remove one"):
        open_labelled(data, Layout())
    apart = folders(tmp_path / "folds", ("one", "two"), count=1)
    with pytest.raises(DataError, match=r"one, two all contain the same folders, neg, pos; .*/one, or name the splits"):
        open_labelled(apart, Layout())
    folders(tmp_path / "whole", ("train", "test"), count=1)
    with pytest.raises(DataError, match=r"all contain the same folders.* such as .*/test$"):
        read_labelled(tmp_path / "whole", Layout())
    fine = folders(tmp_path / "fine", ("neg", "pos"), ("texts",), count=1)
    assert sorted(read_labelled(tmp_path / "fine", Layout())[0].labels) == ["neg", "pos"], fine


def test_a_class_that_is_decided_by_only(tmp_path):
    data = folders(tmp_path, ("train", "valid"), count=9)
    (tmp_path / "valid" / "neg").rename(tmp_path / "valid" / "Neg")
    sets = open_labelled(data, Layout())
    with pytest.raises(DataError, match="the validation texts have the label 'Neg', which is not a label of"):
        classes_of(sets, data)


def test_files_of_an_older_encoding_are_counted(tmp_path):
    data = folders(tmp_path, ("neg", "pos"), ("texts",), count=2)
    next((tmp_path / "neg" / "texts").iterdir()).write_bytes(b"caf\xe9")
    examples, _ = read_labelled(tmp_path, Layout(encoding="auto"))
    assert "caf\xe9" in examples.texts, data
    assert examples.how.startswith("4 files, one folder per class; 1 of them read as Windows-1252")
