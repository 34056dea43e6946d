"""Labelled pictures: folders, tables, idx and CIFAR files, in three parts; what cannot be read is named."""

import gzip
import json

import numpy as np
import pytest
from PIL import Image

from unrolled.data.picture_files import TableLayout
from unrolled.data.picture_sets import PictureLayout, open_pictures, read_test
from unrolled.errors import DataError


def save(path, shade, size=(10, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, shade).save(path)


@pytest.fixture
def folders(tmp_path):
    for n in range(10):
        save(tmp_path / "red" / f"{n}.png", (200, n, 0))
        save(tmp_path / "blue" / "more" / f"{n}.png", (0, n, 200))
    return tmp_path


def opened(path, layout=PictureLayout(), **options):  # noqa: B008
    return open_pictures(str(path), layout, **options)


def test_a_folder_per_class(folders):
    (folders / "red" / "notes.txt").write_text("x")
    (folders / "green").mkdir()
    sets = opened(folders)
    assert [len(part) for part in (sets.train, sets.valid, sets.test)] == [16, 2, 2]
    assert sets.classes("x") == ["blue", "red"]
    assert sets.train.pixels.shape == (16, 10, 10, 3)
    assert (sets.kind, sets.given) == ("photographs", False)
    assert any("without pictures: green" in note for note in sets.notes)
    assert any("1 file that is not a picture skipped" in note for note in sets.notes)
    for label, pixels in zip(sets.train.labels, sets.train.pixels, strict=True):
        assert pixels[0, 0, 0 if label == "red" else 2] == 200
    assert opened(folders).digest() == sets.digest()


def test_equal_pictures_are_in_one_part(tmp_path):
    for n in range(40):
        save(tmp_path / "a" / f"{n}.png", (n // 4, 0, 0))
        save(tmp_path / "b" / f"{n}.png", (0, n, 0))
    sets = opened(tmp_path)
    parts = [set(part.digests) for part in (sets.train, sets.valid, sets.test)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_splits_by_folder(folders, tmp_path_factory):
    root = tmp_path_factory.mktemp("split")
    for part in ("train", "test"):
        for label in ("a", "b"):
            for n in range(10):
                save(root / part / label / f"{n}.png", (n, 200 * (label == "a"), part == "test"))
    sets = opened(root)
    assert [len(part) for part in (sets.train, sets.valid, sets.test)] == [18, 2, 20]
    assert sets.given
    assert len(read_test(str(root), PictureLayout())[0]) == 20
    save(root / "test" / "c" / "1.png", (9, 9, 9))
    with pytest.raises(DataError, match="the class 'c' of the test pictures has no training pictures"):
        opened(root).classes("x")


def test_a_table_of_paths(folders):
    rows = [f"red/{n}.png,warm" for n in range(10)] + [f"blue/more/{n},cold" for n in range(10)]
    table = folders / "labels.csv"
    table.write_text("filename,label\n" + "\n".join(rows) + "\n,none\n")
    sets = opened(table)
    assert sets.classes("x") == ["cold", "warm"]
    assert any("1 rows without" in note for note in sets.notes)
    table.write_text("picture,kind\n" + "\n".join(rows))
    assert opened(table, PictureLayout(table=TableLayout(label_column="kind"))).classes("x") == ["cold", "warm"]
    table.write_text("filename,label\nred/1.png,a\nred/none.png,b\n")
    with pytest.raises(DataError, match=r"do not exist: 'red/none.png' \(line 3\)"):
        opened(table)


def test_size_and_channels_by_the_data(tmp_path):
    for n in range(6):
        save(tmp_path / "a" / f"{n}.png", 10 * n, (70, 50), "L")
        save(tmp_path / "b" / f"{n}.png", 10 * n + 5, (50, 90), "L")
    sets = opened(tmp_path)
    assert sets.train.pixels.shape[1:] == (48, 48, 1)
    assert sets.kind == "digits"
    assert opened(tmp_path, PictureLayout(size=16, channels=3)).train.pixels.shape[1:] == (16, 16, 3)


def idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_idx(tmp_path):
    pictures = np.arange(20 * 64).reshape(20, 8, 8) % 251
    idx(tmp_path / "train-images-idx3-ubyte.gz", pictures)
    idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(20) % 2)
    idx(tmp_path / "t10k-images-idx3-ubyte", pictures[:4])
    idx(tmp_path / "t10k-labels-idx1-ubyte", np.arange(4) % 2)
    sets = opened(tmp_path)
    assert sets.train.pixels.shape[1:] == (8, 8, 1)
    assert len(sets.test) == 4
    assert (sets.test.pixels[..., 0] == pictures[:4]).all()
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="needs its labels beside it, t10k-labels-idx1-ubyte"):
        opened(tmp_path)


def test_cifar(tmp_path):
    records = np.arange(10 * 3073).reshape(10, 3073) % 256
    records[:, 0] = np.arange(10) % 2
    records.astype(np.uint8).tofile(tmp_path / "data_batch_1.bin")
    records[:2].astype(np.uint8).tofile(tmp_path / "test_batch.bin")
    (tmp_path / "batches.meta.txt").write_text("airplane\nbird\n")
    sets = opened(tmp_path)
    assert len(sets.train) + len(sets.valid) == 10
    assert sets.test.labels == ["airplane", "bird"]
    assert sets.test.pixels[0, 1, 2].tolist() == [records[0, 1 + c * 1024 + 34] for c in range(3)]
    (tmp_path / "data_batch_2.bin").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match=r"data_batch_2\.bin has 100 bytes"):
        opened(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(b"pickle")
    with pytest.raises(DataError, match=r"pickle, .*cifar-10-binary.tar.gz"):
        opened(tmp_path)


def test_damaged_pictures(folders):
    (folders / "red" / "3.png").write_bytes(b"")
    (folders / "red" / "4.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"3.png is empty.*one of 2 such files; --damaged skip"):
        opened(folders)
    sets = opened(folders, PictureLayout(skip=True))
    assert len(sets.train) + len(sets.valid) + len(sets.test) == 18
    assert any("2 pictures skipped" in note for note in sets.notes)


def test_other_data(folders, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(DataError, match="has no folders of classes"):
        opened(other)
    save(other / "1.png", 0)
    with pytest.raises(DataError, match="put the pictures of each class into a folder"):
        opened(other)
    (other / "set.tar").write_bytes(b"x")
    with pytest.raises(DataError, match=r"is an archive; unpack it \(mkdir FOLDER && tar -xf set.tar"):
        opened(other / "set.tar")
    with pytest.raises(DataError, match="single picture"):
        opened(other / "1.png")
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        opened("mnits")
    with pytest.raises(DataError, match="GiB, more than the limit"):
        opened(folders, PictureLayout(size=16_000))


def test_folds(folders):
    found = [opened(folders, folds=5, fold=fold).test.digests for fold in range(5)]
    assert len({digest for part in found for digest in part}) == 20


def test_objects_with_paths(folders):
    lines = [json.dumps({"path": f"red/{n}.png", "label": str(n % 2)}) for n in range(10)]
    (folders / "labels.jsonl").write_text("\n".join(lines))
    assert opened(folders / "labels.jsonl").classes("x") == ["0", "1"]
