"""Shared parts of the views of `unrolled inspect`: common options, the model, the text, and the table of views."""

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
    "saturation": "how often each gate is saturated: almost closed or open",
    "ablate": "hold units and measure the rise in loss, compared with random units",
    "lookback": "the effective context length of predictions",
    "similar": "passages where the same units are active",
    "compare": "two runs or checkpoints: what each predicts better",
}
LEAST = 2048  # tokens of a lane (a batch row), so that the warm-up is a small part of the work
MOST_LANES = 32


@dataclass(frozen=True, kw_only=True)
class View:
    """Common options: a language model and a text."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a language model's run folder, a model.safetensors file, or a checkpoint: RUN/checkpoints/step-N"""
    data: str | None = None
    """the text: a file, a folder, a pattern, "text:…" or a named corpus (default: the test part of the run's text)"""
    limit: int = 100_000
    """the most characters to read, from the beginning of the text"""
    cell: str | None = None
    """the model's cell, if it is a custom one (module:Class)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        check_size("limit", self.limit, least=2)
        picture = getattr(self, "picture", None)
        if picture is not None:
            check_picture(Path(picture))


def requested_view(argv: list[str]) -> Callable[[list[str]], int] | None:
    """Return the view named by the first argument, to run on the arguments after it; `None` if that names a run.

    Raises:
        UnrolledError: the first argument looks like a misspelled view.
    """
    if not argv or argv[0].startswith("-") or Path(argv[0]).exists():
        return None
    word, *rest = argv
    if word in VIEWS:
        run: Callable[[list[str]], int] = importlib.import_module(f".{word}", __package__).run
        return run
    near = clause(did_you_mean(word, VIEWS))
    if near and rest and not rest[0].startswith("-"):  # with a run, no second positional argument follows
        raise UnrolledError(f"unrolled inspect has no view {word!r}{near}")
    return None


def language_model(run: str, cell: str | None, *, recurrent: bool = True) -> Writer:
    """Load the language model of a run.

    Raises:
        RunError: the model is not a language model, or lacks the required recurrent layers.
    """
    model = api.load(run, cell=cell)
    if not isinstance(model, Writer):
        raise RunError(f"{run} is not a language model; give the run of one")
    if recurrent and not has_recurrent_layers(model.model):
        kind = type(model.model).__name__
        raise RunError(
            f"{run}: a {kind} has no recurrent layers, so there are no units; give the run of a recurrent model"
        )
    return model


def text_of(model: Writer, run: str, data: str | None, limit: int) -> tuple[str, Split]:
    """Return (name, tokens) of the first ``limit`` characters of a text.

    Raises:
        DataError: the text cannot be read, is too short, or cannot be encoded in the model's vocabulary.
        RunError: the run's own text has changed.
    """
    if data is None:
        name, split = model.own_text("test", run)
        lengths = np.array([max(1, len(model.vocabulary.decode([id]))) for id in range(len(model.vocabulary))])
        ends = np.cumsum(lengths[split.tokens[: limit + 1]])
        split = head(split, int(np.searchsorted(ends, limit, side="right")), model.vocabulary)
    else:
        name, split = data, _beginning(model, data, limit)
    if len(split) < 2:
        raise DataError(f"the text is too short: {name} must have at least 2 tokens, got {len(split)}; give more text")
    return name, split


def _beginning(model: Writer, data: str, limit: int) -> Split:
    text, starts = beginning(model, data, limit)
    read = tokenize(model.vocabulary, text, starts)
    unknown = model.vocabulary.unknown
    outside = 0 if unknown is None else int(np.count_nonzero(read.ids == unknown))
    return Split(read.ids, np.array(read.starts, dtype=np.int64), len(text), outside)


def side_by_side(split: Split, lanes: int | None) -> int:
    """Return the number of lanes (batch rows that carry their state) to read a text in."""
    return lanes or max(1, min(MOST_LANES, len(split) // LEAST))


def places(vocabulary: Vocabulary, split: Split) -> tuple[str, Any]:
    """Return the text and ``(N,)``, the position of each token's last character; for a byte, of its character."""
    if vocabulary.kind == "byte":
        text = vocabulary.decode(split.tokens)
        first = split.tokens.astype(np.uint8) & 0xC0 != 0x80  # bytes that begin a character
        if np.count_nonzero(first) == len(text):  # otherwise it is truncated or not UTF-8
            return text, np.maximum(np.cumsum(first) - 1, 0)
    decoder = StreamingDecoder(vocabulary)
    parts = [decoder.feed(int(id)) for id in split.tokens]
    ends = np.cumsum([len(part) for part in parts]) - 1
    return "".join(parts) + decoder.flush(), np.maximum(ends, 0)


def visible(text: str) -> str:
    """Return the text on one line, with visible line ends and tabs."""
    return text.replace("\n", "↵").replace("\t", "→")
