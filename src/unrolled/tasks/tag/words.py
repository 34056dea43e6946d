"""What the tagger reads and gives, as numbers: words, their letters, tags."""

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

# T words, B sentences, L letters, W distinct words

Ids = npt.NDArray[np.int64]
MAX_WORDS = 1 << 22  # bounds for what a model file may ask us to allocate
MAX_TAGS, MAX_SPELLINGS = 1 << 12, 1 << 10  # plain tags; tags of a scheme
REMEMBERED = 1 << 16  # words whose letters are looked up once
LETTERS = 20  # of a longer word its first and last 10 are read
UNKNOWN_LETTER = 1  # 0 is padding


class Sentences(NamedTuple):
    """Sentences as the model reads them."""

    words: Tensor  # (T, B) int64
    lengths: Tensor  # (B,) int64
    letters: Tensor  # (L, W) int64, of each distinct word once
    letter_lengths: Tensor  # (W,) int64
    spelling: Tensor  # (T, B) int64: which of the W words stands there

    def to(self, device: torch.device | str) -> Sentences:
        """The same on another device."""
        return Sentences(*(tensor.to(device) for tensor in self))


class Lexicon:
    """The words and letters a model knows. A word's digits count as zeros, and its case if not ``lowercase``."""

    def __init__(self, words: Iterable[str], letters: Iterable[str], lowercase: bool = False) -> None:
        self.words, self.letters, self.lowercase = list(words), list(letters), lowercase
        self._ids = {word: id for id, word in enumerate(self.words, 1)}  # 0: unknown
        self._letters = {letter: id for id, letter in enumerate(self.letters, UNKNOWN_LETTER + 1)}
        self._spelled: dict[str, npt.NDArray[np.int64]] = {}

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], *, lowercase: bool = False, min_count: int = 1) -> Lexicon:
        """The words seen at least ``min_count`` times, most frequent first, and every letter."""
        seen = Counter(word for words in sentences for word in words)
        counts: Counter[str] = Counter()
        for word, count in seen.items():
            counts[normal(word, lowercase)] += count
        kept = [word for word, count in counts.items() if count >= min_count]
        letters = sorted({letter for word in seen for letter in word})
        return cls(sorted(kept, key=lambda word: (-counts[word], word))[:MAX_WORDS], letters, lowercase)

    def counts(self, sentences: Iterable[Sequence[str]]) -> npt.NDArray[np.int64]:
        """How often each id occurs."""
        found = np.zeros(len(self.words) + 1, dtype=np.int64)
        for words in sentences:
            np.add.at(found, self.ids(words), 1)
        return found

    def ids(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """``(T,)``: the words' numbers, 0 for what is not known."""
        get = self._ids.get
        return np.array([get(normal(word, self.lowercase), 0) for word in words], dtype=np.int64)

    def spell(self, word: str) -> npt.NDArray[np.int64]:
        """The letters of a word, of a long one the first and last."""
        found = self._spelled.get(word)
        if found is None:
            cut = word if len(word) <= LETTERS else word[: LETTERS // 2] + word[-(LETTERS // 2) :]
            get = self._letters.get
            found = np.array([get(letter, UNKNOWN_LETTER) for letter in cut or " "], dtype=np.int64)
            if len(self._spelled) < REMEMBERED:
                self._spelled[word] = found
        return found

    def rows(self, words: Sequence[str]) -> Tensor:
        """``(T, 1 + LETTERS)``: each word's number and its letters', 0 past the last."""
        found = np.zeros((len(words), 1 + LETTERS), dtype=np.int64)
        found[:, 0] = self.ids(words)
        for row, word in zip(found, words, strict=True):
            letters = self.spell(word)
            row[1 : 1 + len(letters)] = letters
        return torch.from_numpy(found)

    def read(self, sentences: Sequence[Sequence[str]]) -> Sentences:
        """The sentences side by side; each distinct word is spelled once."""
        words, lengths = pad([self.ids(one) for one in sentences])
        place = {word: at for at, word in enumerate(dict.fromkeys(word for one in sentences for word in one))}
        letters, letter_lengths = pad([self.spell(word) for word in place])
        spelling, _ = pad([np.array([place[word] for word in one], dtype=np.int64) for one in sentences])
        return Sentences(words, lengths, letters, letter_lengths, spelling)

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` makes this lexicon again."""
        return {"words": self.words, "letters": self.letters, "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Any) -> Lexicon:
        """The reverse of `to_json`; it may come from anyone.

        Raises:
            RunError: it is no lexicon, or a larger one than any could be.
        """
        data = data if isinstance(data, dict) else {}
        words = strings(data.get("words"), MAX_WORDS, "words")
        return cls(words, strings(data.get("letters"), 0x110000, "letters"), data.get("lowercase") is True)


class TagSet:
    """The tags a model gives, in the order of its scores. Outside the model they are bio, or plain.

    Args:
        tags: all of them.
        scheme: how the model spells entities.
    """

    def __init__(self, tags: Sequence[str], scheme: Scheme) -> None:
        self.tags, self.scheme = list(tags), scheme
        self._numbers = {tag: number for number, tag in enumerate(self.tags)}

    @classmethod
    def of(cls, sentences: Iterable[Sentence], scheme: Scheme) -> TagSet:
        """Every tag that occurs, if they are plain; else every spelling of every type.

        Raises:
            DataError: there are more than any tagging has.
        """
        every = sorted({tag for one in sentences for tag in one.tags})
        if scheme != "plain":
            types = sorted({tag.partition("-")[2] for tag in every if tag != OUTSIDE})
            letters = "BI" if scheme == "bio" else "BIES"
            every = [OUTSIDE, *(f"{one}-{type}" if type else one for type in types for one in letters)]
        if len(every) > most(scheme):
            raise DataError(
                f"there are {len(every):,} different tags, more than the {most(scheme):,} that can be learned; say "
                "which column has the tags with --tag-column"
            )
        return cls(every, scheme)

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def plain(self) -> bool:
        return self.scheme == "plain"

    @property
    def types(self) -> list[str]:
        """The types of entities, in alphabetical order."""
        return sorted({tag.partition("-")[2] for tag in self.tags if tag != OUTSIDE})

    def numbers(self, tags: Sequence[str]) -> Ids:
        """The numbers of the tags of a sentence."""
        spelled = tags if self.plain else convert(tags, self.scheme)
        return np.array([self._numbers[tag] for tag in spelled], dtype=np.int64)

    def named(self, numbers: Ids) -> list[str]:
        """The tags with these numbers."""
        tags = [self.tags[number] for number in numbers.tolist()]
        return tags if self.plain else convert(tags, "bio")

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` makes this set again."""
        return {"tags": self.tags, "scheme": self.scheme}

    @classmethod
    def from_json(cls, data: Any) -> TagSet:
        """The reverse of `to_json`; it may come from anyone.

        Raises:
            RunError: it is no set of tags.
        """
        data = data if isinstance(data, dict) else {}
        tags, scheme = strings(data.get("tags"), MAX_TAGS, "tags"), data.get("scheme")
        if scheme not in ("plain", "bio", "iobes") or not 0 < len(tags) <= most(scheme):
            raise RunError("the model file does not say which tags it gives; restore it or train anew")
        return cls(tags, scheme)


def most(scheme: Scheme) -> int:
    """How many tags there may be."""
    return MAX_TAGS if scheme == "plain" else MAX_SPELLINGS


def normal(word: str, lowercase: bool) -> str:
    """How a word is looked up."""
    if not word.isalpha():
        word = "".join("0" if letter.isdigit() else letter for letter in word)
    return word.lower() if lowercase else word


def strings(value: Any, most: int, what: str) -> list[str]:
    """A list of distinct texts out of a model file.

    Raises:
        RunError: it is something else, or longer than any could be.
    """
    fits = isinstance(value, list) and len(value) <= most and all(isinstance(one, str) for one in value)
    if not fits or len(set(value)) != len(value):
        raise RunError(f"the model file does not hold a proper list of {what}; restore it or train anew")
    return list(value)


def stretches(length: int, most: int) -> list[tuple[int, int]]:
    """(begin, end) of the parts in which a sentence of ``length`` words is read."""
    return [(at, min(at + most, length)) for at in range(0, length, most)]
