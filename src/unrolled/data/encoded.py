"""From a corpus to encoded train, validation and test splits on disk.

The text is read once to count and to build the vocabulary (twice where that depends on the training part),
and once to encode. Nothing longer than a chunk is held in memory; only distinct words are counted in it.

The splits are cut *by character position* before tokenising, so every vocabulary sees the same text in each
of them, and bits per character can be compared. Word and byte-pair vocabularies are built from the training
part alone. The set of characters is taken from the whole text, as is customary: else one character that
occurs only in the test part would have no probability at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from ..checks import checked
from ..errors import ArgumentError, DataError, SaveError
from .build import VOCAB_SIZE, build_vocabulary, check_options, vocabulary_from_json
from .characters import ByteVocabulary, CharacterCounts, CharVocabulary
from .corpus import Corpus
from .derived import derived
from .pieces import Chunk, pieces
from .storage import Split, read_description, read_split, write_description, write_split
from .textfile import told
from .vocabulary import Vocabulary

FORMAT = 1  # of the cached folders; raise it when what they hold changes
FRACTIONS = "three numbers from 0 to 1 that add up to 1, the first above 0"
SPLITS = ("train", "valid", "test")
BPE_TRAINING_CHARACTERS = 20_000_000  # byte pairs are learned from at most so much of the training part


@dataclass(frozen=True)
class TextData:
    """An encoded corpus. ``digest`` is the SHA-256 of its text (UTF-8): another text has another digest."""

    vocabulary: Vocabulary
    train: Split
    valid: Split
    test: Split
    digest: str
    notes: list[str]


@checked
def prepare(
    corpus: Corpus,
    *,
    cache: Path | None = None,
    kind: str = "char",
    min_count: int = 1,
    vocab_size: int = VOCAB_SIZE,
    fractions: Annotated[tuple[float, float, float], FRACTIONS] = (0.9, 0.05, 0.05),
) -> TextData:
    """Encode ``corpus``, or take the encoding from the cache if neither text nor options changed.

    Args:
        cache: a folder for encoded texts, each a subfolder; by default that of all derived data (see `derived`).
        kind: of the vocabulary, see `build_vocabulary`.
        min_count: see `build_vocabulary`.
        vocab_size: see `build_vocabulary`.
        fractions: of the characters for training, validation and test; they add up to 1.
    """
    check_options(kind, min_count, vocab_size)
    shares = _shares(fractions)
    options = [FORMAT, kind, min_count, vocab_size if kind == "bpe" else 0, list(map(str, shares))]

    def make(folder: Path) -> None:
        write_description(folder, _encode(corpus, folder, kind, min_count, vocab_size, shares))

    return _load(derived("encoded", [*options, corpus.fingerprint()], make, cache=cache), corpus.notes)


@checked
def encode_text(corpus: Corpus, vocabulary: Vocabulary, cache: Path | None = None) -> Split:
    """Encode the whole of ``corpus`` with an existing vocabulary, to evaluate a model on another text.

    Without ``cache`` the encoding is kept in an unnamed temporary file and vanishes with the `Split`.

    Raises:
        DataError: the text has characters that the vocabulary lacks, and there is no unknown symbol.
    """

    def make(folder: Path) -> None:
        write_description(folder, write_split(folder, "whole", corpus.chunks(), vocabulary))

    if cache is not None:
        key = [FORMAT, "whole", vocabulary.to_json(), corpus.fingerprint()]
        return _load_whole(derived("encoded", key, make, cache=cache), vocabulary)
    try:
        with tempfile.TemporaryDirectory(prefix="unrolled-", ignore_cleanup_errors=True) as folder:
            make(Path(folder))
            return _load_whole(Path(folder), vocabulary)  # the mapping keeps the data
    except OSError as error:
        raise SaveError(
            f"cannot write the encoded text to {tempfile.gettempdir()}: {error.strerror or error}; free some space or "
            "set TMPDIR to another folder"
        ) from error


def _encode(
    corpus: Corpus, folder: Path, kind: str, min_count: int, vocab_size: int, shares: list[Fraction]
) -> dict[str, Any]:
    digest, total, characters = hashlib.sha256(), 0, CharacterCounts()
    changed: set[str] = set()
    for text, _ in corpus.chunks(changed):
        digest.update(text.encode("utf-8", "surrogatepass"))
        total += len(text)
        if kind == "char":
            characters.add(text)
    if total == 0:
        raise DataError(f"{corpus.name} has no text in it; give a file with text in it")
    ends = [int(shares[0] * total), int((shares[0] + shares[1]) * total), total]

    vocabulary: Vocabulary
    if kind == "char":
        vocabulary = CharVocabulary.from_counts(characters, min_count)
    elif kind == "byte":
        vocabulary = ByteVocabulary()
    else:
        limit = ends[0] if kind == "word" else min(ends[0], BPE_TRAINING_CHARACTERS)
        texts = (piece.text for piece in pieces(chunk for _, chunk in _cut(corpus.chunks(), [limit])))
        vocabulary = build_vocabulary(kind, texts, min_count=min_count, vocab_size=vocab_size)

    counts = {}
    for index, part in groupby(_cut(corpus.chunks(), ends), key=lambda numbered: numbered[0]):
        counts[SPLITS[index]] = write_split(folder, SPLITS[index], (chunk for _, chunk in part), vocabulary)
    for name in SPLITS:
        if name not in counts:  # no text fell into it
            counts[name] = write_split(folder, name, [], vocabulary)
    if sum(count["characters"] for count in counts.values()) != total:
        raise DataError(f"{corpus.name} was changed while it was read; start again when it is complete")
    return {
        "vocabulary": vocabulary.to_json(),
        "digest": digest.hexdigest(),
        "splits": counts,
        "changed": sorted(changed),
    }


def _cut(chunks: Iterable[Chunk], ends: list[int]) -> Iterator[tuple[int, Chunk]]:
    """The chunks cut at the character positions ``ends``, numbered by part; nothing past the last."""
    index, position = 0, 0
    for text, starts in chunks:
        at = 0
        while at < len(text):
            while index < len(ends) and ends[index] <= position:
                index += 1
            if index == len(ends):
                return
            size = min(len(text) - at, ends[index] - position)
            inside = tuple(start - at for start in starts if at <= start < at + size)
            yield index, Chunk(text[at : at + size], inside)
            at, position = at + size, position + size


def _shares(fractions: tuple[float, float, float]) -> list[Fraction]:
    """The fractions as exact decimals, so that 0.9 of ten characters is nine."""
    try:
        shares = [Fraction(str(fraction)) for fraction in fractions]
    except ValueError:  # nan, or no number
        shares = []
    if (
        len(shares) != 3
        or min(shares) < Fraction(0)
        or shares[0] == 0
        or abs(sum(shares, Fraction(-1))) > Fraction(1, 10**6)
    ):
        raise ArgumentError("fractions", FRACTIONS, fractions)
    return shares


def _load(target: Path, notes: list[str]) -> TextData:
    with _readable(target):
        description = read_description(target)
        vocabulary = vocabulary_from_json(description["vocabulary"])
        train, valid, test = (
            read_split(target, name, description["splits"][name], vocabulary.dtype) for name in SPLITS
        )
        changed = told(description.get("changed", ()), "; --line-ends keep keeps them")
        return TextData(vocabulary, train, valid, test, str(description["digest"]), [*notes, *changed])


def _load_whole(target: Path, vocabulary: Vocabulary) -> Split:
    with _readable(target):
        return read_split(target, "whole", read_description(target), vocabulary.dtype)


@contextlib.contextmanager
def _readable(target: Path) -> Iterator[None]:
    """Within it an entry of the cache is read, which was whole a moment ago."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the encoded text in {target} was altered while it was in use; remove that folder") from error
