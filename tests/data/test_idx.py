"""idx files: what is written is read, and what is wrong is said."""

import gzip

import numpy as np
import pytest

from unrolled.data.idx import read_idx
from unrolled.errors import DataError


def packed(path, array, *, cut=None, more=b"", head=None):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    data = ((head or header) + array.tobytes() + more)[:cut]
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["a.gz", "a"])
def test_what_is_written_is_read(tmp_path, name):
    np.testing.assert_array_equal(read_idx(packed(tmp_path / name, PICTURES), 3), PICTURES)


@pytest.mark.parametrize(("wrong", "said"), [
    ({"cut": 20}, "fewer"),
    ({"more": b"x"}, "more"),
    ({"cut": 3}, "not an idx file of bytes in 3 dimensions"),
    ({"head": bytes([0, 0, 9, 3]) + bytes(12)}, "not an idx file"),
    ({"head": bytes([0, 0, 8, 3]) + b"\xff" * 12}, "more than the maximum of 268,435,456"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["a.gz", "a"])
def test_what_is_wrong_is_said(tmp_path, wrong, said, name):
    with pytest.raises(DataError, match=said):
        read_idx(packed(tmp_path / name, PICTURES, **wrong), 3)


def test_another_number_of_dimensions_is_refused(tmp_path):
    with pytest.raises(DataError, match="1 dimension"):
        read_idx(packed(tmp_path / "a.gz", PICTURES), 1)


def test_damaged_packing_is_told(tmp_path):
    path = packed(tmp_path / "a.gz", np.random.RandomState(0).randint(0, 255, (9, 30, 30)).astype(np.uint8))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"plain", whole[:100] + b"xxxx" + whole[104:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"damaged|fewer"):
            read_idx(path, 3)
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path / "none.gz", 3)
