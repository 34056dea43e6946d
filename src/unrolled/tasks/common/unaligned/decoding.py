"""The options of decoding: greedy, or prefix beam search with a language model, known words and hot words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....cells import check_size
from ....decoding import CTCDecoder, CTCSearch, ctc_greedy
from ....decoding.search import WIDEST
from ....decoding.transcript import Transcript
from ....errors import ArgumentError
from ....results import Input
from ...opening import open_model
from ..character_model import LanguageModelReader
from ..writer import Writer
from .alphabet import Alphabet
from .examples import BLANK

BEAM = 25
ONLY_BEAM = ("lm", "lm_weight", "length_bonus", "words", "unknown_word", "hot_words", "symbols_per_frame")


@dataclass(frozen=True, kw_only=True)
class DecodingOptions:
    """How the text is found."""

    beam: int | None = None
    """beam size (default: greedy decoding; 25 with a language model or words)"""
    lm: str | None = None
    """run of a language model of characters, which helps to decide"""
    lm_weight: float | None = None
    """--lm: weight α of its log-probabilities (default: 0.5)"""
    length_bonus: float | None = None
    """--lm: bonus β of each character (default: 0)"""
    words: str | None = None
    """file of known words, one on each line; others cost --unknown-word"""
    unknown_word: float | None = None
    """--words: added to the score for an unknown word (default: -10)"""
    hot_words: tuple[str, ...] = ()
    """words to prefer with their bonuses, such as Jena=4"""
    symbols_per_frame: int | None = None
    """most likely symbols of a frame that the beam search tries (default: all)"""

    def __post_init__(self) -> None:
        for name in ("beam", "symbols_per_frame"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        if self.beam is not None and self.beam > WIDEST:
            raise ArgumentError("beam", f"1..{WIDEST:,}", self.beam)
        for name in ("lm_weight", "length_bonus"):
            if getattr(self, name) is not None and self.lm is None:
                raise ArgumentError(name, "omitted without --lm", getattr(self, name))
        if self.unknown_word is not None and self.words is None:
            raise ArgumentError("unknown_word", "omitted without --words", self.unknown_word)
        self.bonuses()
        if self.searches:
            self.search()

    @property
    def searches(self) -> bool:
        """Whether the options need a beam search."""
        return self.beam is not None or any(getattr(self, name) not in (None, ()) for name in ONLY_BEAM)

    def search(self, n_best: int = 1) -> CTCSearch:
        """Return the options of the beam search."""
        names = {"lm_weight": "lm_weight", "length_bonus": "length_bonus", "unknown_word": "unknown_word"}
        given: dict[str, Any] = {to: value for name, to in names.items() if (value := getattr(self, name)) is not None}
        beam = max(self.beam or BEAM, n_best)
        return CTCSearch(beam=beam, n_best=n_best, symbols=self.symbols_per_frame or 0, **given)

    def bonuses(self) -> dict[str, float]:
        """Return the bonus of each hot word.

        Raises:
            ArgumentError: an entry is not a word and its bonus.
        """
        found = {}
        for entry in self.hot_words:
            word, _, bonus = entry.rpartition("=")
            try:
                found[word] = float(bonus)
            except ValueError:
                found[""] = 0.0
            if not word:
                raise ArgumentError("hot_words", "words with a bonus each, such as Jena=4", entry)
        return found


class Reading:
    """Finds the texts of logits; opens the language model and reads the words once.

    Args:
        alphabet: the classes of the network.
        options: how the text is found.
        n_best: the number of texts of each example.

    Raises:
        ArgumentError: the language model does not fit, or a word has other symbols.
        DataError, RunError: a file cannot be read.
    """

    def __init__(self, alphabet: Alphabet, options: DecodingOptions, n_best: int = 1) -> None:
        self.alphabet = alphabet
        self.decoder: CTCDecoder | None = None
        if n_best == 1 and not options.searches:
            return
        if options.lm is not None and any(map(_turned, alphabet.names)):
            expected = "omitted for scripts from right to left, which the network reads in the other order"
            raise ArgumentError("lm", expected, options.lm)
        self.lm = None if options.lm is None else language_model(options.lm)
        words = None if options.words is None else known_words(options.words)
        search, order = options.search(n_best), alphabet.order
        self._words = words and ["".join(order.symbols(word)) for word in words]
        self._hot = {"".join(order.symbols(word)): bonus for word, bonus in options.bonuses().items()}
        self.decoder = self._decoder(search)

    def _decoder(self, search: CTCSearch) -> CTCDecoder:
        return CTCDecoder(
            self.alphabet.symbols, blank=BLANK, search=search, lm=self.lm, words=self._words, hot_words=self._hot
        )

    def with_weights(self, lm_weight: float, length_bonus: float) -> Reading:
        """Return a copy with other weights of the language model."""
        assert self.decoder is not None
        other = object.__new__(Reading)
        other.__dict__.update(self.__dict__)
        other.decoder = self._decoder(replace(self.decoder.search, lm_weight=lm_weight, length_bonus=length_bonus))
        return other

    def transcripts(self, logits: Tensor, frames: Tensor | Sequence[int]) -> list[list[Transcript]]:
        """Return the best texts of each example, best first, of logits ``(T, B, C)``."""
        if self.decoder is None:
            return [[found] for found in ctc_greedy(logits, self.alphabet.symbols, torch.as_tensor(frames))]
        return self.decoder.decode(logits, torch.as_tensor(frames))


def language_model(run: str) -> LanguageModelReader:
    """Return a language model as the beam search reads it.

    Raises:
        ArgumentError: the run is not one of a language model of characters.
        RunError: it cannot be opened.
    """
    model = open_model(Path(run))
    if not isinstance(model, Writer):
        remedy = "train one: unrolled train lm --vocabulary char --data TEXT"
        raise ArgumentError("lm", "a run of a language model", f"one of the task {model.task}", remedy)
    return LanguageModelReader(model)


def known_words(file: str) -> list[str]:
    """Return the words of a file, one on each line.

    Raises:
        DataError: the file cannot be read.
    """
    return list(dict.fromkeys(Input(Path(file)).text().split()))


def _turned(symbol: str) -> bool:
    """Return whether a symbol belongs to a script from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in symbol)
