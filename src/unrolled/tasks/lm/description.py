"""``unrolled data`` for the task ``lm``: a summary of a text."""

from __future__ import annotations

from pathlib import Path

from ...data import NAMED, named_corpora, open_corpus
from ...data.characters import CharacterCounts
from ...data.generated_dna import GENOME
from ...data.named_data import NamedData, named_data
from ...data.parts import PARTS
from ...data.published import PARTED
from ...data.textfile import TextFile, describe_changes
from ...results import Pairs, Report
from ..common.description import SHOWN, first_lines, text_by_name
from .text import Text

WIDTH = 110  # characters of a line
MOST_LETTERS = 12


def named() -> list[NamedData]:
    """Return the named corpora; the standard library is always available."""
    rows = []
    for name, title in named_corpora().items():
        if name == GENOME:
            rows.append(NamedData(name, title))
        elif name in NAMED or name in PARTED:
            files = [name] if name in NAMED else [f"{name}/{part}" for part in PARTS]
            rows.append(named_data(name, title, files[:2], files[2:]))
        else:
            own = open_corpus(name).files
            size = sum(file.path.stat().st_size for file in own if isinstance(file, TextFile))
            rows.append(NamedData(name, title, "PSF", size))
    return rows


def likely(path: Path) -> bool:
    """Return whether ``path`` may be text: any folder, and any file whose name does not imply another format."""
    return path.is_dir() or text_by_name(path)


def describe(data: Text) -> Report:
    """See `Task.describe`; the whole text is read once."""
    corpus = data.open()
    named = data.data in NAMED or data.data in PARTED
    places = [str(file.path) for file in corpus.files if isinstance(file, TextFile)] if named else []
    how = tuple(f"{data.data}: {place} (verified)" for place in places)
    changed: set[str] = set()
    counts, characters, documents, opening = CharacterCounts(), 0, 0, ""
    for text, starts in corpus.chunks(changed):
        counts.add(text)
        characters += len(text)
        documents += len(starts)
        if opening.count("\n") <= SHOWN and len(opening) < 10_000:
            opening += text[:10_000]
    symbols = int((counts.table > 0).sum())
    rare = int(((counts.table > 0) & (counts.table < 10)).sum())
    values = {
        "name": data.data,
        "files": len(corpus.files),
        "characters": characters,
        "symbols": symbols,
        "documents": documents,
        "rare": rare,
        "notes": [*corpus.notes, *describe_changes(changed)],
    }
    rows = [
        ("text", data.data),
        ("files", f"{len(corpus.files):,}{' (' + '; '.join(corpus.notes) + ')' if corpus.notes else ''}"),
        ("documents", f"{documents:,}"),
        ("characters", f"{characters:,}"),
        ("alphabet", f"{symbols:,} distinct characters" + (f", {rare:,} of them rare (fewer than 10)" if rare else "")),
        *([("letters", _shares(counts))] if all(file.separator for file in corpus.files) else []),
        *(("", note) for note in describe_changes(changed, "; --line-ends keep keeps them")),
    ]
    lines = (line[:WIDTH] for line in opening.removesuffix("\n").split("\n")[:SHOWN])
    return Report(values, (Pairs(rows), first_lines(lines)), how=how, event="text")


def _shares(counts: CharacterCounts) -> str:
    """Return the most frequent letters of sequences with their shares: ``A 29.9%, T 29.8%``."""
    letters = {chr(code): int(count) for code, count in enumerate(counts.table) if count and chr(code) != "\n"}
    total = sum(letters.values())
    ranked = sorted(letters.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_LETTERS]
    return ", ".join(f"{letter} {count / total:.1%}" for letter, count in ranked)
