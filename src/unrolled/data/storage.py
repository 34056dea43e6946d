"""Encoded text on disk: a folder with flat arrays and a description, written once and then memory-mapped.

    FOLDER/description.json    what is in the folder, and the vocabulary
    FOLDER/NAME.tokens         the ids, in the vocabulary's dtype      FOLDER/NAME.starts   int64

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
    """A stretch of encoded text.

    ``tokens`` (n,) are the ids; ``starts`` the positions of tokens with which a document begins, ascending (0
    is among them only if the split begins where a document does); ``characters`` is the length of the text in
    characters, and ``unknown`` the number of tokens that stand for something not in the vocabulary.
    """

    tokens: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    characters: int
    unknown: int

    def __len__(self) -> int:
        return len(self.tokens)


def join(a: Split, b: Split) -> Split:
    """Two stretches one after the other; nothing marks the seam, unless ``b`` begins where a document does."""
    return Split(
        np.concatenate([a.tokens, b.tokens]),
        np.concatenate([a.starts, b.starts + len(a)]),
        a.characters + b.characters,
        a.unknown + b.unknown,
    )


def head(split: Split, tokens: int, vocabulary: Vocabulary) -> Split:
    """The first ``tokens`` symbols of a split."""
    kept = split.tokens[:tokens]
    characters = tokens if vocabulary.one_per_character else len(vocabulary.decode(kept))
    unknown = 0 if vocabulary.unknown is None else int((kept == vocabulary.unknown).sum())
    return dataclasses.replace(
        split, tokens=kept, starts=split.starts[split.starts < tokens], characters=characters, unknown=unknown
    )


def write_split(folder: Path, name: str, chunks: Iterable[Chunk], vocabulary: Vocabulary) -> dict[str, int]:
    """Encode ``chunks`` into two files, piece by piece; returns the counts that `read_split` needs."""
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
            if vocabulary.unknown is not None:
                unknown += int(np.count_nonzero(ids == vocabulary.unknown))
            characters, tokens, documents = characters + len(text), tokens + len(ids), documents + len(starts)
    return {"tokens": tokens, "starts": documents, "characters": characters, "unknown": unknown}


def _by_document(chunks: Iterable[Chunk]) -> Iterable[Chunk]:
    """Pieces that can be encoded by themselves; a document can only begin at the beginning of one."""
    return (Chunk(piece.text, (0,) if piece.begins else ()) for piece in pieces(chunks))


def read_split(folder: Path, name: str, counts: dict[str, int], dtype: np.dtype[Any]) -> Split:
    """Map the arrays that `write_split` wrote. ValueError or OSError if they are not what ``counts`` says."""
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
    """Say what is in ``folder``."""
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def read_description(target: Path) -> dict[str, Any]:
    """The description in ``target``. ValueError or OSError if it is missing or damaged."""
    description = json.loads((target / DESCRIPTION).read_text(encoding="utf-8"))
    if not isinstance(description, dict):
        raise ValueError("the description is not a JSON object")
    return description
