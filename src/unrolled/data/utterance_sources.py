"""Recordings that are listed but not yet decoded: their transcript, and where their sound is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .audio import LIMITS, Audio, read_audio
from .line_sources import FileBytes


class Sound(Protocol):
    """Where the sound of a recording is."""

    def digest(self) -> str:
        """Return a digest of the file; equal recordings have equal ones."""

    def audio(self) -> Audio:
        """Return the samples."""


@dataclass(frozen=True)
class FileSound:
    """A file, or a member of an archive."""

    file: FileBytes

    def digest(self) -> str:
        return hashlib.blake2b(self.file.data(LIMITS.bytes), digest_size=16).hexdigest()

    def audio(self) -> Audio:
        return read_audio(self.file.data(LIMITS.bytes), self.file.name)


@dataclass
class ListedUtterance:
    """A recording before it is decoded.

    Attributes:
        name: its path in the data.
        text: its transcript, as in the data.
        sound: where its samples are.
        part: ``train``, ``valid`` or ``test``; empty: not given.
        group: the speaker, or the folder.
    """

    name: str
    text: str
    sound: Sound
    part: str = ""
    group: str = ""


@dataclass
class ListedUtterances:
    """The recordings of a folder or file.

    Attributes:
        path: the folder or file.
        rows: the recordings.
        how: how they were found, for messages.
        notes: what was skipped, and what the user should know.
    """

    path: Path
    rows: list[ListedUtterance] = field(default_factory=list)
    how: str = ""
    notes: list[str] = field(default_factory=list)
