"""``unrolled data`` for the task ``speech``: a summary of recordings with transcripts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ...data.audio import is_audio
from ...data.log_mel import STEP
from ...data.named_data import NamedData
from ...data.utterance_sets import NAMES
from ...results import Pairs, Report
from ..common.description import ambiguous, counted
from .config import Recordings

LOOKED = 200  # files of a folder that are looked at


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [NamedData(name, title) for name, title in NAMES.items()]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be recordings with transcripts: a folder with files of sound."""
    try:
        if not path.is_dir():
            return False
        files = (file for number, file in enumerate(path.rglob("*")) if number < LOOKED)
        return any(is_audio(file) for file in files)
    except OSError:
        return False


def describe(data: Recordings) -> Report:
    """See `Task.describe`."""
    sets = data.read()
    parts = sets.parts()
    counts = Counter(group for part in parts.values() for group in part.groups)
    seconds = {part: float(own.lengths.sum()) * STEP for part, own in parts.items()}
    rows = [("data", data.data)]
    rows += [(part, f"{len(own):,} recordings, {seconds[part] / 60:,.1f} minutes") for part, own in parts.items()]
    rows += [("groups", counted(counts))] if len(counts) > 1 else []
    values: dict[str, Any] = {"name": data.data, **{part: len(own) for part, own in parts.items()}, "seconds": seconds}
    return Report(values, (Pairs(rows),), how=tuple(sets.how), notes=tuple(sets.notes), event="recordings")


def suspicious(sets: Any) -> list[str]:
    """Return notes on likely mistakes: equal recordings with different transcripts."""
    pairs = {name: list(zip(part.digests, part.texts, strict=True)) for name, part in sets.parts().items()}
    return ambiguous(pairs, "recordings", "transcript")
