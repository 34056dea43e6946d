"""Encoded text on disk: a folder with flat arrays and a description, memory-mapped for reading.

    FOLDER/description.json    counts and vocabulary
    FOLDER/NAME.tokens         token ids, in the dtype of the vocabulary      FOLDER/NAME.starts   int64

Such a folder is an entry of the cache of derived data, see `derived`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .pieces import Chunk, pieces
from .vocabulary import Vocabulary, outside_error

DESCRIPTION = "description.json"


@dataclass(frozen=True)
class Split:
    """A split of encoded text.

    Attributes:
        tokens: token ids ``(n,)``.
        starts: ascending positions of the first tokens of documents (0 only if the split starts with a document).
        characters: length of the text in characters.
        unknown: number of tokens that the unknown token replaces.
    """

    tokens: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    characters: int
    unknown: int

    def __len__(self) -> int:
        return len(self.tokens)


def join(a: Split, b: Split) -> Split:
    """Concatenate two splits, without a boundary unless ``b`` starts with a document."""
    return Split(
        np.concatenate([a.tokens, b.tokens]),
        np.concatenate([a.starts, b.starts + len(a)]),
        a.characters + b.characters,
        a.unknown + b.unknown,
    )


def head(split: Split, tokens: int, vocabulary: Vocabulary) -> Split:
    """Return the first ``tokens`` tokens of a split."""
    ids = split.tokens[:tokens]
    characters = tokens if vocabulary.one_per_character else len(vocabulary.decode(ids))
    unknown = min(split.unknown, int((ids == vocabulary.unknown).sum())) if split.unknown else 0
    return dataclasses.replace(
        split, tokens=ids, starts=split.starts[split.starts < tokens], characters=characters, unknown=unknown
    )


def write_split(folder: Path, name: str, chunks: Iterable[Chunk], vocabulary: Vocabulary) -> dict[str, int]:
    """Encode ``chunks`` into two files; return the counts for `read_split`."""
    characters = tokens = documents = unknown = 0
    with (
        (folder / f"{name}.tokens").open("wb") as ids_file,
        (folder / f"{name}.starts").open("wb") as starts_file,
    ):
        for text, starts in chunks if vocabulary.one_per_character else _by_document(chunks):
            try:
                ids = vocabulary.encode(text)
            except DataError:
                outside = {c: characters + at for c, at in vocabulary.outside(text).items()}
                raise outside_error(vocabulary, outside) from None
            ids_file.write(ids.data)
            starts_file.write((np.array(starts, dtype=np.int64) + tokens).tobytes())
            unknown += vocabulary.replaced(text, ids)
            characters, tokens, documents = characters + len(text), tokens + len(ids), documents + len(starts)
    return {"tokens": tokens, "starts": documents, "characters": characters, "unknown": unknown}


def _by_document(chunks: Iterable[Chunk]) -> Iterable[Chunk]:
    """Split chunks into pieces that can be encoded separately; documents start only at the start of a piece."""
    return (Chunk(piece.text, (0,) if piece.begins else ()) for piece in pieces(chunks))


def read_split(folder: Path, name: str, counts: dict[str, int], dtype: np.dtype[Any]) -> Split:
    """Memory-map the arrays written by `write_split`. Raise ValueError or OSError if they do not match ``counts``."""
    tokens = _map(folder / f"{name}.tokens", dtype, counts["tokens"])
    starts = _map(folder / f"{name}.starts", np.dtype(np.int64), counts["starts"])
    return Split(tokens, starts, int(counts["characters"]), int(counts["unknown"]))


def _map(path: Path, dtype: np.dtype[Any], length: int) -> npt.NDArray[Any]:
    if path.stat().st_size != length * dtype.itemsize:
        raise ValueError(f"{path} has the wrong size")
    if length == 0:
        return np.zeros(0, dtype=dtype)  # an empty file cannot be mapped
    return np.memmap(path, dtype=dtype, mode="r", shape=(length,))


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write the description of ``folder``."""
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def read_description(target: Path) -> dict[str, Any]:
    """Read the description in ``target``. Raise ValueError or OSError if it is missing or damaged."""
    description = json.loads((target / DESCRIPTION).read_text(encoding="utf-8"))
    if not isinstance(description, dict):
        raise ValueError("the description is not a JSON object")
    return description
