"""What the views of `unrolled inspect` share: whose units, which text, and a table of the views."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from ... import api
from ...analysis.inspection import has_recurrent_layers
from ...analysis.picture import check_picture
from ...analysis.tokenized import tokenize
from ...cells import check_size
from ...data import Split, StreamingDecoder, Vocabulary
from ...data.storage import head
from ...errors import DataError, RunError, UnrolledError, clause, did_you_mean
from ...tasks.common.writer import Writer
from .text import beginning

VIEWS = {
    "saturation": "how much of the time each gate is shut, or open",
    "ablate": "hold units, and see the loss rise: beside random units",
    "lookback": "how far back predictions look",
    "similar": "where else in a text the same units are on",
    "compare": "two runs, or two checkpoints of one: what either predicts better",
}
LEAST = 2048  # symbols of a lane, so that little of the work is warm-up
MOST_LANES = 32


@dataclass(frozen=True, kw_only=True)
class View:
    """A language model and a text."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a language model's folder, a model.safetensors, or a checkpoint: RUN/checkpoints/step-N"""
    data: str | None = None
    """the text: a file, a folder, a pattern, "text:…" or a named corpus (default: the test part of the run's own)"""
    limit: int = 100_000
    """read so many characters at most, from the text's beginning"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        check_size("limit", self.limit, least=2)
        picture = getattr(self, "picture", None)
        if picture is not None:
            check_picture(Path(picture))


def asked_for(argv: list[str]) -> Callable[[list[str]], int] | None:
    """The view that a command line begins with, to be run on the words after it; `None` if it begins with a run.

    Raises:
        UnrolledError: a view is misspelled, by all appearances.
    """
    if not argv or argv[0].startswith("-") or Path(argv[0]).exists():
        return None
    word, *rest = argv
    if word in VIEWS:
        run: Callable[[list[str]], int] = importlib.import_module(f".{word}", __package__).run
        return run
    near = clause(did_you_mean(word, VIEWS))
    if near and rest and not rest[0].startswith("-"):  # a run has no second word beside it
        raise UnrolledError(f"unrolled inspect has no view {word!r}{near}")
    return None


def language_model(run: str, cell: str | None, *, recurrent: bool = True) -> Writer:
    """The language model of a run.

    Raises:
        RunError: there is none, or it has no recurrent layers and is to have some.
    """
    model = api.load(run, cell=cell)
    if not isinstance(model, Writer):
        raise RunError(f"{run} is no language model; this view is of language models only")
    if recurrent and not has_recurrent_layers(model.model):
        kind = type(model.model).__name__
        raise RunError(f"{run}: a {kind} has no recurrent layers, so there are no units; give a recurrent model's run")
    return model


def text_of(model: Writer, run: str, data: str | None, limit: int) -> tuple[str, Split]:
    """(its name, the first ``limit`` characters of a text in the model's vocabulary).

    Raises:
        DataError: it cannot be read, has nothing to predict, or cannot be written in the vocabulary.
        RunError: the run's own text is not what it was.
    """
    if data is None:
        name, split = model.own_text("test", run)
        lengths = np.array([max(1, len(model.vocabulary.decode([id]))) for id in range(len(model.vocabulary))])
        ends = np.cumsum(lengths[split.tokens[: limit + 1]])
        split = head(split, int(np.searchsorted(ends, limit, side="right")), model.vocabulary)
    else:
        name, split = data, _beginning(model, data, limit)
    if len(split) < 2:
        raise DataError(f"too little text: {name} has {len(split)} of the 2 symbols it takes; give more text")
    return name, split


def _beginning(model: Writer, data: str, limit: int) -> Split:
    text, starts = beginning(model, data, limit)
    read = tokenize(model.vocabulary, text, starts)
    unknown = model.vocabulary.unknown
    outside = 0 if unknown is None else int(np.count_nonzero(read.ids == unknown))
    return Split(read.ids, np.array(read.starts, dtype=np.int64), len(text), outside)


def side_by_side(split: Split, lanes: int | None) -> int:
    """In how many stretches side by side a text is read."""
    return lanes or max(1, min(MOST_LANES, len(split) // LEAST))


def places(vocabulary: Vocabulary, split: Split) -> tuple[str, Any]:
    """The text, and ``(N,)`` the place in it of each symbol's last character; of a byte, its character's."""
    if vocabulary.kind == "byte":
        text = vocabulary.decode(split.tokens)
        first = split.tokens.astype(np.uint8) & 0xC0 != 0x80  # bytes with which a character begins
        if np.count_nonzero(first) == len(text):  # otherwise it is cut, or no UTF-8
            return text, np.maximum(np.cumsum(first) - 1, 0)
    decoder = StreamingDecoder(vocabulary)
    parts = [decoder.feed(int(id)) for id in split.tokens]
    ends = np.cumsum([len(part) for part in parts]) - 1
    return "".join(parts) + decoder.flush(), np.maximum(ends, 0)


def visible(text: str) -> str:
    """On one line, with line ends and tabs to be seen."""
    return text.replace("\n", "↵").replace("\t", "→")
