"""``unrolled data`` for the task ``caption``: a summary of captioned pictures; and pictures given in Python."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ...data.caption_files import read_captions
from ...data.caption_sets import NAMES, CaptionSets
from ...data.named_data import NamedData
from ...data.pictures import MOST_BYTES
from ...errors import ArgumentError, DataError
from ...results import Input, Pairs, Report
from ..common.description import LONGEST, SHOWN, first_lines, leaked
from ..common.given_data import rows_of
from .bleu import words
from .config import Captions

SNIFFED = 1 << 20  # bytes of a file that may be captions
MOST_LEAKED = 20_000  # pictures whose content is compared


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [NamedData(name, title) for name, title in NAMES.items()]


def likely(path: Path) -> bool:
    """Return whether ``path`` is a file of captions."""
    try:
        if not path.is_file() or path.suffix.lower() not in (".json", ".txt", ".csv", ".jsonl", ".token", ".tsv"):
            return False
        return path.stat().st_size <= SNIFFED and bool(read_captions(path).captions)
    except (DataError, OSError):
        return False


def describe(data: Captions) -> Report:
    """See `Task.describe`."""
    sets = data.read()
    parts = sets.parts()
    texts = [caption for captioned in parts.values() for _, caption in captioned.pairs()]
    lengths = sorted(len(words(text)) for text in texts)
    per = Counter(len(captions) for captioned in parts.values() for captions in captioned.captions)
    rows = [
        ("data", data.data),
        *((part, f"{len(captioned):,} pictures") for part, captioned in parts.items()),
        ("captions", f"{len(texts):,}, {len(set(texts)):,} different; " + _each(per)),
        ("words", f"median {lengths[len(lengths) // 2]}, maximum {lengths[-1]}"),
    ]
    train = sets.train
    first = (f"{name[:LONGEST]}\n    → {captions[0][:LONGEST]}"
             for name, captions in zip(train.names[:SHOWN], train.captions[:SHOWN], strict=True))  # fmt: skip
    values = {"name": data.data, "captions": len(texts), **{part: len(captioned) for part, captioned in parts.items()}}
    return Report(
        values, (Pairs(rows), first_lines(first)), how=tuple(sets.how), notes=tuple(sets.notes), event="captions"
    )


def _each(counts: Counter[int]) -> str:
    """Return how many captions a picture has."""
    return ", ".join(f"{count:,} pictures with {number}" for number, count in sorted(counts.items())[:6])


def suspicious(sets: CaptionSets) -> list[str]:
    """Return notes on likely mistakes, such as one caption for many pictures."""
    texts = Counter(caption for _, caption in sets.train.pairs())
    caption, count = texts.most_common(1)[0]
    notes = []
    if count > 10 and count > len(texts) // 5:
        notes.append(f"{count:,} of {texts.total():,} training captions are {caption[:LONGEST]!r}")
    short = sum(len(words(text)) < 2 for text in texts)
    if short:
        notes.append(f"{short:,} different training captions have fewer than two words")
    return notes


def leaked_pictures(sets: CaptionSets) -> list[str]:
    """Return notes on validation and test pictures that are training pictures too, by their content."""
    parts = sets.parts()
    if isinstance(sets.train.pictures, np.ndarray) or sum(map(len, parts.values())) > MOST_LEAKED:
        return []
    digests = {
        part: [hashlib.sha256(Input(Path(file)).data(MOST_BYTES)).hexdigest() for file in captioned.pictures]
        for part, captioned in parts.items()
    }
    names = {d: name for part in parts for d, name in zip(digests[part], parts[part].names, strict=True)}
    return leaked({part: [names[d] for d in found] for part, found in digests.items()}, "pictures")


def write_captions(name: str, data: Any, folder: Path) -> Path:
    """Write rows (image, caption) as JSON lines; return the path.

    Raises:
        ArgumentError: there are no rows, or a row is not the path of a picture and its captions.
    """
    path, count = folder / f"{name}.jsonl", 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for count, row in enumerate(rows_of(name, data, ("image", "caption")), 1):
            image, caption = row.get("image"), row.get("caption")
            texts = [caption] if isinstance(caption, str) else caption
            if not isinstance(image, str | Path):
                raise ArgumentError(f"{name}[{count - 1}] (image)", "the path of a picture", image)
            if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
                raise ArgumentError(f"{name}[{count - 1}] (caption)", "text, or a list of texts", caption)
            place = str(Path(image).expanduser().absolute())
            file.write(json.dumps({"image": place, "captions": list(texts)}) + "\n")
    if not count:
        raise ArgumentError(name, "a list with at least one row", data)
    return path
