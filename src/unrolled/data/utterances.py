"""Recordings of speech as frames of log-mel energies, with their transcripts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .log_mel import Frames
from .sets import Sets

# N utterances, T frames of an utterance, 40 bands


class Recordings(Protocol):
    """The frames of some recordings, such as a store of decoded files, or a list of arrays in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Frames:
        """Return the frames ``(T, 40)`` of a recording."""


@dataclass
class Utterances:
    """Recordings of speech, and the words that are spoken in them.

    Attributes:
        frames: the recordings, of which these are some.
        places: ``(N,)``: the number of each utterance's recording.
        lengths: ``(N,)``: T of each utterance.
        texts: the transcript of each utterance.
        groups: the speaker or folder of each utterance, for figures per group.
        names: what each utterance is called in messages: its path in the data.
        digests: a digest of each recording; equal recordings have equal ones.
        rate: samples per second that the recordings were converted to.
    """

    frames: Recordings | Sequence[Frames]
    places: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    texts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    rate: int = 0

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Frames:
        """Return the frames ``(T, 40)`` of an utterance, not normalised."""
        return self.frames[int(self.places[number])]

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """The size of each utterance along time ``(N,)``: its frames."""
        return self.lengths

    def pick(self, indices: Iterable[int]) -> Utterances:
        """Return the utterances with these indices."""
        chosen = np.fromiter(indices, np.int64)
        columns = (self.texts, self.groups, self.names, self.digests)
        texts, groups, names, digests = ([column[i] for i in chosen.tolist()] for column in columns)
        places, lengths = self.places[chosen], self.lengths[chosen]
        return Utterances(self.frames, places, lengths, texts, groups, names, digests, self.rate)

    def digest(self) -> str:
        """Return a SHA-256 digest of all recordings and transcripts."""
        pairs = zip(self.digests, self.texts, strict=True)
        text = "\n".join([str(self.rate), *(f"{digest} {text}" for digest, text in pairs)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class UtteranceSets(Sets[Utterances]):
    """Training, validation and test sets of utterances."""
