"""What CTC decoders return: a text, its score, and the frames of each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A symbol of a transcript in the most likely alignment.

    Attributes:
        symbol: its name.
        start: its first frame.
        end: the frame after its last one.
        confidence: the mean probability of the symbol in these frames, 0..1.
    """

    symbol: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """A text read by CTC decoding.

    Attributes:
        pieces: its symbols.
        score: used for ranking: the log-probability, and the bonuses of language model and words.
        log_probability: log P(text | logits). Greedy decoding: of the best alignment. Beam search: summed over the
            alignments that the search kept, in which all prefixes are in the beam.
    """

    pieces: list[Piece]
    score: float
    log_probability: float

    @property
    def text(self) -> str:
        """The text."""
        return "".join(piece.symbol for piece in self.pieces)

    def words(self, separator: str = " ") -> list[Piece]:
        """Return its words as pieces, each with the least confidence of its symbols."""
        found: list[list[Piece]] = [[]]
        for piece in self.pieces:
            if piece.symbol == separator:
                found.append([])
            else:
                found[-1].append(piece)
        return [_joined(word) for word in found if word]


def _joined(pieces: Sequence[Piece]) -> Piece:
    text, least = "".join(piece.symbol for piece in pieces), min(piece.confidence for piece in pieces)
    return Piece(text, pieces[0].start, pieces[-1].end, least)
