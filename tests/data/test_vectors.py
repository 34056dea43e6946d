"""Word vectors from files and from a corpus."""

import gzip
import struct

import numpy as np
import pytest

from unrolled.data.vectors import matrix, read_vectors, train_vectors
from unrolled.errors import DataError

WORDS = ["the", "naïve", "missing"]
PLAIN = "the 0.5 -1 2\nnaïve 1 2 3\nother 9 9 9\n. . 4 5 6\n"


@pytest.mark.parametrize(("name", "head"), [("glove.txt", ""), ("w2v.txt", "4 3\n"), ("glove.txt.gz", "")])
def test_text_files(tmp_path, name, head):
    data = (head + PLAIN).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    vectors, width = read_vectors(tmp_path / name, [*WORDS, ". ."])
    assert width == 3
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "the": [0.5, -1, 2],
        "naïve": [1, 2, 3],
        ". .": [4, 5, 6],
    }


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_a_mark(tmp_path, ends, last):
    path = tmp_path / "vectors.txt"
    rows = ["one 1 2", "two 3 4", "", "three 5 6"]
    path.write_bytes(b"\xef\xbb\xbf" + (ends.join(rows) + ends * last).encode())
    vectors, width = read_vectors(path, {"one", "two", "three"})
    assert width == 2
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "one": [1, 2],
        "two": [3, 4],
        "three": [5, 6],
    }


def test_binary_files(tmp_path):
    body = b"".join(
        w.encode() + b" " + struct.pack("<3f", *v) + b"\n" for w, v in [("the", (1, 2, 3)), ("x", (4, 5, 6))]
    )
    path = tmp_path / "w2v.bin"
    path.write_bytes(b"2 3\n" + body)
    vectors, width = read_vectors(path, WORDS)
    assert (width, vectors["the"].tolist(), list(vectors)) == (3, [1, 2, 3], ["the"])
    path.write_bytes(b"2 3\n" + body[:-4])
    with pytest.raises(DataError, match="ends at word 2 of 2"):
        read_vectors(path, WORDS)
    path.write_bytes(b"no header\n")
    with pytest.raises(DataError, match="does not start with the number of words"):
        read_vectors(path, WORDS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("the 1 2 3\nnaïve 1 2\n", "line 2 has 2 numbers instead of 3"),
        ("the 1 x 3\n", "line 1 has a value that is not a number"),
        ("the 1 nan 3\n", "line 1 has a number that is not finite"),
        ("", "is empty"),
        ("word\n", "does not look like word vectors"),
        ("the 1 2 3\n" + "x" * 200_000, "line 2 is longer than any vector"),
    ],
)
def test_files_that_are_none(tmp_path, content, expected):
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=expected):
        read_vectors(path, WORDS)


def test_latin_bytes_are_named(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"the 1 2\ncaf\xe9 1 2\n")
    with pytest.raises(DataError, match="line 2 is not UTF-8"):
        read_vectors(path, WORDS)


def test_damaged_files(tmp_path):
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress(b"the 1 2\n" * 1000)[:12] + b"\xff" * 40)
    with pytest.raises(DataError, match="cannot read"):
        read_vectors(path, WORDS)
    path = tmp_path / "vectors.bin"
    path.write_bytes(b"1 2\nthe " + np.array([1, np.nan], dtype="<f4").tobytes())
    with pytest.raises(DataError, match="word 1 has a number that is not finite"):
        read_vectors(path, WORDS)


def test_words_without_a_vector_are_drawn():
    vectors = {str(n): np.random.default_rng(n).normal(0, 3, 50).astype(np.float32) for n in range(100)}
    rows = matrix([*vectors, "new", "newer"], vectors, 50, np.random.default_rng(0))
    assert rows[:100].tolist() == np.array(list(vectors.values())).tolist()
    assert 2 < rows[100:].std() < 4
    assert not np.array_equal(rows[100], rows[101])


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_word2vec_puts_like_words_together(algorithm):
    pytest.importorskip("gensim", reason="gensim is not installed (pip install gensim)")
    draw = np.random.default_rng(0)
    animals, cities = ["cat", "dog", "cow"], ["rome", "oslo", "lima"]
    sentences = []
    for _ in range(400):
        group, verbs = (animals, ["eats", "sleeps"]) if draw.random() < 0.5 else (cities, ["votes", "grows"])
        sentences.append(["the", str(draw.choice(group)), str(draw.choice(verbs)), "today"])
    one = train_vectors(sentences, 16, algorithm=algorithm, window=2)
    again = train_vectors(sentences, 16, algorithm=algorithm, window=2)
    assert all(np.array_equal(one[word], again[word]) for word in one)

    def like(a, b):
        return float(one[a] @ one[b] / np.linalg.norm(one[a]) / np.linalg.norm(one[b]))

    assert like("cat", "dog") > like("cat", "rome")
    assert like("rome", "oslo") > like("oslo", "cow")
