"""Decoding: sampling, generation and beam search on a ``step`` function or a frozen model; CTC decoding of logits."""

from .beam import beam_search
from .ctc import CTCDecoder, CTCSearch, CTCStream
from .ctc_greedy import ctc_greedy
from .ctc_lm import CharacterModel
from .frozen import frozen_chunks, generate_frozen
from .generate import TextWriter, generate
from .greedy import greedy
from .sampling import Sampling, SamplingOptions
from .search import Hypothesis, Search, SearchStep
from .session import Session
from .transcript import Piece, Transcript

__all__ = [
    "CTCDecoder",
    "CTCSearch",
    "CTCStream",
    "CharacterModel",
    "Hypothesis",
    "Piece",
    "Sampling",
    "SamplingOptions",
    "Search",
    "SearchStep",
    "Session",
    "TextWriter",
    "Transcript",
    "beam_search",
    "ctc_greedy",
    "frozen_chunks",
    "generate",
    "generate_frozen",
    "greedy",
]
