"""Encode a corpus into training, validation and test splits on disk.

The text is streamed in chunks: once to count it and to build the vocabulary (twice if that depends on the training
split), and once to encode it. Memory holds one chunk and the counts of distinct words.

Splits are the parts of the corpus, if its publisher divided it. Otherwise they are cut *by character position* before
tokenization. So they have the same text for every vocabulary, and bits per character are comparable. Word and byte-pair
vocabularies are built from the training split only. The set of characters is taken from the whole text, as is
customary: otherwise characters that occur only in the test split would have probability zero.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, groupby
from pathlib import Path
from typing import Annotated, Any

from ..checks import checked
from ..errors import ArgumentError, DataError, SaveError
from .build import VOCAB_SIZE, build_vocabulary, check_options, vocabulary_from_json
from .characters import ByteVocabulary, CharacterCounts, CharVocabulary
from .corpus import Corpus
from .derived import derived
from .extended import extended
from .pieces import Chunk, pieces
from .storage import Split, read_description, read_split, write_description, write_split
from .textfile import describe_changes
from .vocabulary import Vocabulary

FORMAT = 1  # version of the cache entries; increment it when their content changes
FRACTIONS = "three numbers from 0 to 1 that add up to 1, the first above 0"
SPLITS = ("train", "valid", "test")
BPE_TRAINING_CHARACTERS = 20_000_000  # maximum amount of training text for learning byte pairs


@dataclass(frozen=True)
class TextData:
    """An encoded corpus. ``digest`` is the SHA-256 of its text in UTF-8; for a corpus in parts, of training and
    validation and their sizes, so that a test part can be added later."""

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
    base: Vocabulary | None = None,
    where: str = "",
) -> TextData:
    """Encode ``corpus``, or load the encoding from the cache if neither text nor options have changed.

    Args:
        corpus: the text, see `open_corpus`.
        cache: the cache folder; by default that of all derived data (see `derived`).
        kind: of the vocabulary, see `build_vocabulary`.
        min_count: see `build_vocabulary`.
        vocab_size: see `build_vocabulary`.
        fractions: fractions of the characters for training, validation and test, of sum 1; unused for a corpus in
            parts.
        base: a vocabulary of the same kind, which the tokens of the text extend.
        where: the model that ``base`` is from, for messages.

    Raises:
        ArgumentError: an option is invalid.
        DataError: the corpus is empty or cannot be read.
        SaveError: the cache cannot be written.
    """
    check_options(kind, min_count, vocab_size)
    shares = _shares(fractions)
    division = list(map(str, shares)) if corpus.parts is None else ["parts", *corpus.parts]
    options: list[Any] = [FORMAT, kind, min_count, vocab_size if kind == "bpe" else 0, division]
    if base is not None:
        options.append(base.to_json())

    def make(folder: Path) -> None:
        write_description(folder, _encode(corpus, folder, kind, min_count, vocab_size, shares, base, where))

    return _load(derived("encoded", [*options, corpus.fingerprint()], make, cache=cache), corpus.notes)


@checked
def encode_text(corpus: Corpus, vocabulary: Vocabulary, cache: Path | None = None) -> Split:
    """Encode all of ``corpus`` with an existing vocabulary, to evaluate a model on another text.

    Without ``cache`` the encoding is stored in an unlinked temporary file, freed with the `Split`.

    Raises:
        DataError: the text has characters that are not in the vocabulary, which has no unknown token.
        SaveError: the encoded text cannot be written.
    """

    def make(folder: Path) -> None:
        write_description(folder, write_split(folder, "whole", corpus.chunks(), vocabulary))

    if cache is not None:
        key = [FORMAT, "whole", vocabulary.to_json(), corpus.fingerprint()]
        return _load_whole(derived("encoded", key, make, cache=cache), vocabulary)
    try:
        with tempfile.TemporaryDirectory(prefix="unrolled-", ignore_cleanup_errors=True) as folder:
            make(Path(folder))
            return _load_whole(Path(folder), vocabulary)  # the memory map keeps the data
    except OSError as error:
        raise SaveError(
            f"cannot write the encoded text to {tempfile.gettempdir()}: {error.strerror or error}; free some space or "
            "set TMPDIR to another folder"
        ) from error


def _encode(
    corpus: Corpus,
    folder: Path,
    kind: str,
    min_count: int,
    vocab_size: int,
    shares: list[Fraction],
    base: Vocabulary | None,
    where: str,
) -> dict[str, Any]:
    digest, characters = hashlib.sha256(), CharacterCounts()
    sizes = [0, 0, 0]  # characters of each part
    changed: set[str] = set()
    for number, (text, _) in corpus.numbered(changed):
        if number < len(SPLITS) - 1:
            digest.update(text.encode("utf-8", "surrogatepass"))
        sizes[number] += len(text)
        if kind == "char":
            characters.add(text)
    total = sum(sizes)
    if total == 0:
        raise DataError(f"{corpus.name} has no text; give a file with text")
    if corpus.parts is None:
        ends = [int(shares[0] * total), int((shares[0] + shares[1]) * total), total]
    else:
        ends = list(accumulate(sizes))
        digest.update(f"\0{sizes[:2]}".encode())

    vocabulary: Vocabulary
    if kind == "char":
        vocabulary = CharVocabulary.from_counts(characters, min_count)
    elif kind == "byte":
        vocabulary = ByteVocabulary()
    elif kind == "bpe" and base is not None:
        vocabulary = base
    else:
        limit = ends[0] if kind != "bpe" else min(ends[0], BPE_TRAINING_CHARACTERS)
        texts = (piece.text for piece in pieces(chunk for _, chunk in _cut(corpus.chunks(), [limit])))
        vocabulary = build_vocabulary(kind, texts, min_count=min_count, vocab_size=vocab_size)

    if base is not None:
        vocabulary = extended(base, vocabulary, where)
    counts = {}
    for index, part in groupby(_cut(corpus.chunks(), ends), key=lambda numbered: numbered[0]):
        counts[SPLITS[index]] = write_split(folder, SPLITS[index], (chunk for _, chunk in part), vocabulary)
    for name in SPLITS:
        if name not in counts:  # an empty split
            counts[name] = write_split(folder, name, [], vocabulary)
    if sum(count["characters"] for count in counts.values()) != total:
        raise DataError(f"{corpus.name} was modified while it was read; start again when it is complete")
    return {
        "vocabulary": vocabulary.to_json(),
        "digest": digest.hexdigest(),
        "splits": counts,
        "changed": sorted(changed),
    }


def _cut(chunks: Iterable[Chunk], ends: list[int]) -> Iterator[tuple[int, Chunk]]:
    """Cut the chunks at the character positions ``ends``; yield them with the index of their split."""
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
    """Return the fractions as exact decimals, so that 0.9 of ten characters is nine."""
    try:
        shares = [Fraction(str(fraction)) for fraction in fractions]
    except ValueError:  # nan, or not a number
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
        changed = describe_changes(description.get("changed", ()), "; --line-ends keep keeps them")
        return TextData(vocabulary, train, valid, test, str(description["digest"]), [*notes, *changed])


def _load_whole(target: Path, vocabulary: Vocabulary) -> Split:
    with _readable(target):
        return read_split(target, "whole", read_description(target), vocabulary.dtype)


@contextlib.contextmanager
def _readable(target: Path) -> Iterator[None]:
    """Convert errors while reading a cache entry that was just verified: a context manager."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the encoded text in {target} was modified while in use; remove that folder") from error
