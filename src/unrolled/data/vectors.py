"""Word vectors: read GloVe and word2vec files, or train word2vec with gensim.

    word 0.12 -0.3 …            GloVe text
    400000 100                  word2vec text: this header, then lines as above
    400000 100                  word2vec binary (.bin): this header, then words with float32 numbers

Only vectors of requested words are kept.
"""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, DataError
from .textfile import TextFile

Vectors = dict[str, npt.NDArray[np.float32]]
WIDEST = 4096  # maximum dimension
LONGEST_WORD = 1000  # maximum bytes per word


def read_vectors(path: Path, words: Collection[str]) -> tuple[Vectors, int]:
    """Read the vectors of those of ``words`` that are in the file; return them and their dimension.

    Raises:
        DataError: the file cannot be read, or a line is not a word followed by the right number of numbers.
    """
    requested = frozenset(words)
    try:
        with TextFile(path).open() as file:
            if ".bin" in path.suffixes:
                return _read_binary(path, file, requested)
            return _read_text(path, file, requested)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _read_text(path: Path, file: BinaryIO, requested: frozenset[str]) -> tuple[Vectors, int]:
    found: Vectors = {}
    width = 0
    longest = WIDEST * 32
    for line, raw in enumerate(_lines(file, longest), 1):
        raw = raw.removeprefix(BOM_UTF8) if line == 1 else raw
        if not raw.endswith(b"\n") and len(raw) == longest:
            raise DataError(f"{path}, line {line} is longer than any vector; is it a file of word vectors?")
        if not (raw := raw.rstrip()):
            continue
        if not width:
            parts = raw.split()
            if len(parts) == 2 and all(part.isdigit() for part in parts):
                width = _checked_width(path, int(parts[1]))
                continue
            width = _checked_width(path, len(parts) - 1)
        gap = raw.count(b" ") + raw.count(b"\t") - width
        if gap < 0:
            raise DataError(f"{path}, line {line} has {gap + width} numbers instead of {width}; repair or remove it")
        word = raw.split(maxsplit=1)[0] if gap == 0 else b" ".join(raw.split()[:-width])
        try:
            key = word.decode()
        except UnicodeDecodeError:
            raise DataError(
                f"{path}, line {line} is not UTF-8; if it is a binary file, its name must end in .bin"
            ) from None
        if key in requested and key not in found:
            found[key] = _numbers(path, line, raw.split()[-width:])
    if not width:
        raise DataError(f"{path} is empty; give a file of word vectors")
    return found, width


def _lines(file: BinaryIO, longest: int) -> Iterator[bytes]:
    """Yield lines of at most ``longest`` bytes. If the first line has an ``\\r`` inside, lines end with ``\\r``."""
    end = b"\r" if b"\r" in file.readline(longest).rstrip(b"\r\n") else b"\n"
    file.seek(0)
    if end == b"\n":
        while line := file.readline(longest):
            yield line
        return
    held = b""
    while block := file.read(1 << 16):
        *whole, held = (held + block).split(end)
        yield from (line + b"\n" for line in whole)
        if len(held) > longest:
            yield held[:longest]  # raises an error in the caller
    if held:
        yield held


def _numbers(path: Path, line: int, parts: list[bytes]) -> npt.NDArray[np.float32]:
    try:
        vector = np.array([float(part) for part in parts], dtype=np.float32)
    except ValueError:
        raise DataError(f"{path}, line {line} has a value that is not a number; repair or remove it") from None
    if not np.isfinite(vector).all():
        raise DataError(f"{path}, line {line} has a number that is not finite; repair or remove it")
    return vector


def _read_binary(path: Path, file: BinaryIO, requested: frozenset[str]) -> tuple[Vectors, int]:
    header = file.readline(100).split()
    if len(header) != 2 or not all(part.isdigit() for part in header):
        raise DataError(
            f"{path} does not start with the number of words and the dimension, as word2vec binary files do"
        )
    count, width = int(header[0]), _checked_width(path, int(header[1]))
    found: Vectors = {}
    for number in range(count):
        word = bytearray()
        while (byte := file.read(1)) != b" ":
            if not byte or len(word) > LONGEST_WORD:
                raise DataError(f"{path} ends or is damaged at word {number + 1:,} of {count:,}; fetch it again")
            word += byte
        data = file.read(4 * width)
        if len(data) < 4 * width:
            raise DataError(f"{path} ends at word {number + 1:,} of {count:,}; fetch it again")
        key = bytes(word).strip().decode("utf-8", "replace")
        if key in requested and key not in found:
            found[key] = np.frombuffer(data, dtype="<f4").astype(np.float32)
            if not np.isfinite(found[key]).all():
                raise DataError(f"{path}, word {number + 1:,} has a number that is not finite; fetch it again")
    return found, width


def _checked_width(path: Path, width: int) -> int:
    if not 1 <= width <= WIDEST:
        raise DataError(f"{path} does not look like word vectors: its first line has {width} numbers")
    return width


def train_vectors(
    sentences: Sequence[Sequence[str]],
    size: int,
    *,
    algorithm: Literal["skip-gram", "cbow"] = "skip-gram",
    window: int = 5,
    min_count: int = 1,
    epochs: int = 20,
    seed: int = 0,
) -> Vectors:
    """Train word2vec (Mikolov et al. 2013) with negative sampling, using gensim. Deterministic.

    Raises:
        ArgumentError: gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise ArgumentError(
            "embeddings", "learned, one-hot or a file if gensim is not installed", "word2vec", "pip install gensim"
        ) from None
    model = Word2Vec(
        sentences,
        vector_size=size,
        window=window,
        min_count=min_count,
        sg=algorithm == "skip-gram",
        negative=5,
        epochs=epochs,
        seed=seed + 1,
        workers=1,  # several workers would be nondeterministic
    )
    return {word: model.wv[word] for word in model.wv.index_to_key}


def matrix(
    words: Sequence[str], vectors: Vectors, size: int, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return an embedding matrix ``(len(words), size)``; words without a vector are drawn from a normal distribution
    with the standard deviation of the others."""
    known = np.array([word in vectors for word in words])
    rows = np.zeros((len(words), size), dtype=np.float32)
    for at in map(int, np.flatnonzero(known)):
        rows[at] = vectors[words[at]]
    spread = float(rows[known].std()) if known.any() else 0.1
    rows[~known] = generator.normal(0, spread, (int((~known).sum()), size))
    return rows
