"""Data: read files, tokenize, and cut into windows.

    open_corpus("texts/") -> Corpus    prepare(corpus, cache=…) -> TextData    LaneStream(data.train, …)

Only the windows need torch. They are imported lazily, so that `unrolled --help` and the list of data sets load faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .build import build_vocabulary, vocabulary_from_json
from .characters import ByteVocabulary, CharVocabulary
from .corpus import Corpus
from .encoded import TextData, encode_text, prepare
from .locate import named_corpora, open_corpus
from .published import NAMED, NamedDataset
from .registry import cache_folder, fetch
from .storage import Split
from .subwords import BPEVocabulary
from .tokenized import TokenizedVocabulary
from .vocabulary import StreamingDecoder, Vocabulary
from .words import WordVocabulary

if TYPE_CHECKING:
    from .stream import LaneStream, Window, fresh, sequential

__all__ = [
    "NAMED",
    "BPEVocabulary",
    "ByteVocabulary",
    "CharVocabulary",
    "Corpus",
    "LaneStream",
    "NamedDataset",
    "Split",
    "StreamingDecoder",
    "TextData",
    "TokenizedVocabulary",
    "Vocabulary",
    "Window",
    "WordVocabulary",
    "build_vocabulary",
    "cache_folder",
    "encode_text",
    "fetch",
    "fresh",
    "named_corpora",
    "open_corpus",
    "prepare",
    "sequential",
    "vocabulary_from_json",
]


def __getattr__(name: str) -> Any:
    if name in ("LaneStream", "Window", "fresh", "sequential"):
        from . import stream

        return getattr(stream, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
