"""The options of the task ``speech``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.audio import RATES
from ...data.folds import check_folds
from ...data.generated_speech import USUAL
from ...data.sets import check_fractions
from ...data.text_order import TextOrder
from ...data.utterance_changes import SoundChanges
from ...data.utterance_sets import UtteranceLayout, open_utterances, read_utterances
from ...data.utterances import Utterances, UtteranceSets
from ...errors import ArgumentError
from ...results import Progress, silent
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.recurrent import Recurrent
from ..common.unaligned.examples import TooLong


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """The recordings and their transcripts."""

    data: str = "generated"
    """recordings: a folder or archive with transcripts, a table or manifest of paths, or a name"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    sample_rate: int | None = None
    """samples per second (default: the most frequent rate, at most 16,000)"""
    normal_form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFC"
    """Unicode normal form of the transcripts"""
    case: Literal["keep", "lower", "upper"] = "keep"
    """letters of the transcripts"""
    spell_digits: bool = False
    """replace digits in transcripts by their English words"""
    pattern: str | None = None
    """regular expression for names that say transcript and speaker: (?P<text>…), (?P<group>…)"""
    test_names: str | None = None
    """regular expression: recordings whose names match are the test set"""
    join: tuple[int, int] | None = None
    """join this many recordings of a speaker to one, least and most, such as 3 7"""
    recordings: int = USUAL
    """--data generated: number of training recordings"""
    damaged: Literal["error", "skip"] = "error"
    """recordings that cannot be read: error or skip"""
    too_long: TooLong = "error"
    """transcripts with more characters than their recording has frames: an error, or skip"""
    fractions: tuple[float, float, float] | None = None
    """random split into training, validation and test set (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""
    by: Literal["name", "group"] = "name"
    """--folds: divide recordings by their names, or groups (speakers, folders)"""

    def __post_init__(self) -> None:
        check_folds(self.folds, self.fold, self.test)
        check_fractions(self.fractions)
        if self.sample_rate is not None and not RATES[0] <= self.sample_rate <= RATES[1]:
            raise ArgumentError("sample_rate", f"{RATES[0]:,} to {RATES[1]:,} samples per second", self.sample_rate)
        check_size("recordings", self.recordings)
        if self.by == "group" and not self.folds:
            raise ArgumentError("by", "omitted without --folds", self.by)

    def order(self) -> TextOrder:
        """Return the order of symbols in a transcript: that of the text."""
        return TextOrder("ltr")

    def layout(self, rate: int | None = None) -> UtteranceLayout:
        """Return how recordings are read; ``rate`` is that of a trained model."""
        return UtteranceLayout(
            rate=rate or self.sample_rate,
            form=self.normal_form,
            case=self.case,
            spell_digits=self.spell_digits,
            pattern=self.pattern,
            test_names=self.test_names,
            by=self.by,
            join=self.join,
            skip=self.damaged == "skip",
            generated=self.recordings,
        )

    def read(self, progress: Progress = silent) -> UtteranceSets:
        """Read the training, validation and test sets."""
        split = (self.fractions, self.test, self.folds, self.fold or 0)
        return open_utterances(self.data, self.layout(), *split, progress=progress)

    def read_test(self, data: str, rate: int) -> tuple[Utterances, list[str]]:
        """Return other utterances to evaluate on, and notes."""
        return read_utterances(data, self.layout(rate))


@dataclass(frozen=True, kw_only=True)
class SpeechNetwork:
    """The inputs of the recurrent layers."""

    stacked: int = 2
    """frames of 10 ms that make one input"""
    streaming: bool = False
    """read in one direction, so that text comes during speech"""

    def __post_init__(self) -> None:
        check_size("stacked", self.stacked)


@dataclass(frozen=True, kw_only=True)
class SpeechConfig:
    """Configuration of a speech recogniser and its training."""

    data: Recordings = field(default_factory=Recordings)
    augmentation: SoundChanges = field(default_factory=SoundChanges)
    sound: SpeechNetwork = field(default_factory=SpeechNetwork)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", hidden_size=128, num_layers=2, dropout=0.1))
    training: Training = field(default_factory=lambda: Training(epochs=20, min_steps=1500, batch_size=16, lr=3e-3))
    start: StartClasses = field(default_factory=StartClasses)
