"""``unrolled evaluate`` for the task ``tag``: how many entities were found, of each type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...data.columns import Sentence
from ...errors import ArgumentError
from ...results import Pairs, Part, Progress, Report, Table
from ..common.evaluated_examples import EvaluatedExamples, with_reading_notes, with_reading_options
from ..common.excerpts import excerpts
from .config import OF_FILES

if TYPE_CHECKING:
    from .trained import TrainedTagger


@dataclass(frozen=True, kw_only=True)
class Evaluate(EvaluatedExamples):
    """Which sentences, and how their file is read."""

    data: str | None = None
    """other tagged text: a file with a word and its tag on each line, or a named set"""
    token_column: int | None = None
    """the column of words, counted from 0, or with negative numbers from the end"""
    tag_column: int | None = None
    """the column of tags"""
    scheme: Literal["auto", "iob1", "bio", "iobes", "plain"] | None = None
    """how the file spells entities"""
    repair: bool | None = None
    """read tags that break their scheme as the CoNLL script does, instead of refusing them"""
    of_files: ClassVar[tuple[str, ...]] = OF_FILES


def evaluation(model: TrainedTagger, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    if model.tags.plain and options.scheme not in (None, "plain"):
        raise ArgumentError("scheme", "left out for a tagger of plain tags", options.scheme)
    how: list[str] = []
    sentences = with_reading_options(model, options).sentences(options.data, options.part, how)
    if options.data is not None:
        how += excerpts(map(spelled, sentences))
    with with_reading_notes(how), progress(sum(map(len, sentences)), "words") as done:
        found = model.figures(sentences, done)
    name = options.data or f"{model.config.data.data}, {options.part}"
    parts: list[Part] = [
        Pairs(
            [
                ("text", name),
                ("loss", f"{found['loss']:.4f} nats per word"),
                ("accuracy", f"{found['accuracy']:.4f}"),
            ]
        )
    ]
    if not model.tags.plain:
        parts.append(_by_type(found))
    return Report({"text": name, **found}, tuple(parts), tuple(how))


def spelled(sentence: Sentence) -> str:
    """``Teddy/B-person Lee/I-person was/O``."""
    return " ".join(map("/".join, zip(sentence.words, sentence.tags, strict=True)))


def _by_type(found: dict[str, Any]) -> Table:
    figures = ("precision", "recall", "f1")
    every = {name: found[name] for name in figures}
    types: Iterable[tuple[str, dict[str, Any]]] = found["types"].items()
    total = sum(one["entities"] for _, one in types)
    rows = [
        (name, f"{one['entities']:,}", *(f"{one[figure]:.4f}" for figure in figures))
        for name, one in [*types, ("all", {**every, "entities": total})]
    ]
    header = ("type", "entities", "precision", "recall", "F1")
    return Table("types", header, rows, right=header[1:])
