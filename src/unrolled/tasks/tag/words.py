"""The vocabularies of a tagger: words, characters and tags as ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...data.batches import pad
from ...data.columns import Sentence
from ...data.tags import OUTSIDE, Scheme, convert
from ...errors import DataError, RunError

# T words, B sentences, L characters, W distinct words

Ids = npt.NDArray[np.int64]
MAX_WORDS = 1 << 22  # limits on what a model file can make us allocate
MAX_TAGS, MAX_SPELLINGS = 1 << 12, 1 << 10  # plain tags; tags of a tagging scheme
CACHED = 1 << 16  # words whose character ids are cached
LETTERS = 20  # maximum characters of a word; of a longer word, the first and last 10 are used
UNKNOWN_LETTER = 1  # 0 is padding


class Sentences(NamedTuple):
    """A padded batch of sentences."""

    words: Tensor  # (T, B) int64
    lengths: Tensor  # (B,) int64
    letters: Tensor  # (L, W) int64: characters of the distinct words
    letter_lengths: Tensor  # (W,) int64
    spelling: Tensor  # (T, B) int64: index of the distinct word

    def to(self, device: torch.device | str) -> Sentences:
        """Return a copy on another device."""
        return Sentences(*(tensor.to(device) for tensor in self))


class Lexicon:
    """The vocabularies of words and characters; words are normalized by `normal`.

    Args:
        words: the words, by id from 1; id 0 is the unknown word.
        letters: the characters, by id from 2; id 0 is padding, 1 is an unknown character.
        lowercase: ignore the case of words.
    """

    def __init__(self, words: Iterable[str], letters: Iterable[str], lowercase: bool = False) -> None:
        self.words, self.letters, self.lowercase = list(words), list(letters), lowercase
        self._ids = {word: id for id, word in enumerate(self.words, 1)}  # 0: unknown
        self._letters = {letter: id for id, letter in enumerate(self.letters, UNKNOWN_LETTER + 1)}
        self._spelled: dict[str, npt.NDArray[np.int64]] = {}

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], *, lowercase: bool = False, min_count: int = 1) -> Lexicon:
        """Collect the words seen at least ``min_count`` times, most frequent first, and all characters."""
        seen = Counter(word for words in sentences for word in words)
        counts: Counter[str] = Counter()
        for word, count in seen.items():
            counts[normal(word, lowercase)] += count
        frequent = [word for word, count in counts.items() if count >= min_count]
        letters = sorted({letter for word in seen for letter in word})
        return cls(sorted(frequent, key=lambda word: (-counts[word], word))[:MAX_WORDS], letters, lowercase)

    def counts(self, sentences: Iterable[Sequence[str]]) -> npt.NDArray[np.int64]:
        """Return the number of occurrences of each word id."""
        counts = np.zeros(len(self.words) + 1, dtype=np.int64)
        for words in sentences:
            np.add.at(counts, self.ids(words), 1)
        return counts

    def ids(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the word ids ``(T,)``; 0 for unknown words."""
        get = self._ids.get
        return np.array([get(normal(word, self.lowercase), 0) for word in words], dtype=np.int64)

    def spell(self, word: str) -> npt.NDArray[np.int64]:
        """Return the character ids of a word; of a long word, those of its beginning and end."""
        ids = self._spelled.get(word)
        if ids is None:
            cut = word if len(word) <= LETTERS else word[: LETTERS // 2] + word[-(LETTERS // 2) :]
            get = self._letters.get
            ids = np.array([get(letter, UNKNOWN_LETTER) for letter in cut or " "], dtype=np.int64)
            if len(self._spelled) < CACHED:
                self._spelled[word] = ids
        return ids

    def rows(self, words: Sequence[str]) -> Tensor:
        """Return ``(T, 1 + LETTERS)``: the id of each word and its character ids, padded with 0."""
        rows = np.zeros((len(words), 1 + LETTERS), dtype=np.int64)
        rows[:, 0] = self.ids(words)
        for row, word in zip(rows, words, strict=True):
            letters = self.spell(word)
            row[1 : 1 + len(letters)] = letters
        return torch.from_numpy(rows)

    def read(self, sentences: Sequence[Sequence[str]]) -> Sentences:
        """Encode sentences as a padded batch."""
        words, lengths = pad([self.ids(sentence) for sentence in sentences])
        distinct = dict.fromkeys(word for sentence in sentences for word in sentence)
        index = {word: number for number, word in enumerate(distinct)}
        letters, letter_lengths = pad([self.spell(word) for word in index])
        spelling, _ = pad([np.array([index[word] for word in sentence], dtype=np.int64) for sentence in sentences])
        return Sentences(words, lengths, letters, letter_lengths, spelling)

    def to_json(self) -> dict[str, Any]:
        """Return the lexicon as JSON data for `from_json`."""
        return {"words": self.words, "letters": self.letters, "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Any) -> Lexicon:
        """Build a lexicon from the data of `to_json`, which is not trusted.

        Raises:
            RunError: the data is not a lexicon, or exceeds the limits.
        """
        data = data if isinstance(data, dict) else {}
        words = strings(data.get("words"), MAX_WORDS, "words")
        return cls(words, strings(data.get("letters"), 0x110000, "letters"), data.get("lowercase") is True)


class TagSet:
    """The tags of a model, in the order of its scores. Input and output tags are bio or plain.

    Args:
        tags: the tags.
        scheme: the tagging scheme of the model.
    """

    def __init__(self, tags: Sequence[str], scheme: Scheme) -> None:
        self.tags, self.scheme = list(tags), scheme
        self._numbers = {tag: number for number, tag in enumerate(self.tags)}

    @classmethod
    def of(cls, sentences: Iterable[Sentence], scheme: Scheme) -> TagSet:
        """Collect the tags of ``sentences`` if they are plain, else all tags of the scheme for their entity types.

        Raises:
            DataError: there are more tags than `most` allows.
        """
        names = sorted({tag for sentence in sentences for tag in sentence.tags})
        if scheme != "plain":
            types = sorted({tag.partition("-")[2] for tag in names if tag != OUTSIDE})
            prefixes = "BI" if scheme == "bio" else "BIES"
            names = [OUTSIDE, *(f"{prefix}-{type}" if type else prefix for type in types for prefix in prefixes)]
        if len(names) > most(scheme):
            raise DataError(
                f"there are {len(names):,} different tags, at most {most(scheme):,} are supported; select "
                "the column of the tags with --tag-column"
            )
        return cls(names, scheme)

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def plain(self) -> bool:
        """Whether the tags are independent of each other, without entities."""
        return self.scheme == "plain"

    @property
    def types(self) -> list[str]:
        """The entity types in alphabetical order."""
        return sorted({tag.partition("-")[2] for tag in self.tags if tag != OUTSIDE})

    def groups(self) -> dict[str, list[int]]:
        """Return the ids of the tags of each entity type, and of ``O``."""
        groups: dict[str, list[int]] = {}
        for number, tag in enumerate(self.tags):
            groups.setdefault(OUTSIDE if tag == OUTSIDE else tag.partition("-")[2], []).append(number)
        return groups

    def numbers(self, tags: Sequence[str]) -> Ids:
        """Return the ids of the tags of a sentence."""
        converted = tags if self.plain else convert(tags, self.scheme)
        return np.array([self._numbers[tag] for tag in converted], dtype=np.int64)

    def named(self, numbers: Ids) -> list[str]:
        """Return the tags with these ids."""
        tags = [self.tags[number] for number in numbers.tolist()]
        return tags if self.plain else convert(tags, "bio")

    def to_json(self) -> dict[str, Any]:
        """Return the tags as JSON data for `from_json`."""
        return {"tags": self.tags, "scheme": self.scheme}

    @classmethod
    def from_json(cls, data: Any) -> TagSet:
        """Build a tag set from the data of `to_json`, which is not trusted.

        Raises:
            RunError: the data is not a set of tags.
        """
        data = data if isinstance(data, dict) else {}
        tags, scheme = strings(data.get("tags"), MAX_TAGS, "tags"), data.get("scheme")
        if scheme not in ("plain", "bio", "iobes") or not 0 < len(tags) <= most(scheme):
            raise RunError("the model file does not list its tags; restore it or train anew")
        return cls(tags, scheme)


def most(scheme: Scheme) -> int:
    """Return the maximum number of tags."""
    return MAX_TAGS if scheme == "plain" else MAX_SPELLINGS


def normal(word: str, lowercase: bool) -> str:
    """Normalize a word for lookup: digits become 0, letters lower case if ``lowercase``."""
    if not word.isalpha():
        word = "".join("0" if letter.isdigit() else letter for letter in word)
    return word.lower() if lowercase else word


def strings(value: Any, limit: int, name: str) -> list[str]:
    """Check a list of distinct strings from a model file.

    Raises:
        RunError: ``value`` is not such a list, or is longer than ``limit``.
    """
    fits = isinstance(value, list) and len(value) <= limit and all(isinstance(item, str) for item in value)
    if not fits or len(set(value)) != len(value):
        raise RunError(f"the model file does not contain a valid list of {name}; restore it or train anew")
    return list(value)


def stretches(length: int, most: int) -> list[tuple[int, int]]:
    """Split a sentence of ``length`` words into (begin, end) of sequences of at most ``most`` words."""
    return [(at, min(at + most, length)) for at in range(0, length, most)]
