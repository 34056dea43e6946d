"""``unrolled evaluate`` for the task ``tag``: loss, accuracy, and precision, recall and F1 by entity type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...analysis.intervals import as_json, with_interval
from ...data.columns import Sentence
from ...errors import ArgumentError
from ...results import Pairs, Part, Progress, Report, Table
from ...results.records import SHOWN
from ..common.evaluated_examples import (
    EvaluatedTexts,
    WithMistakes,
    mistakes,
    with_reading_notes,
    with_reading_options,
)
from ..common.excerpts import excerpts
from ..common.seen import seen_in_training
from .config import OF_FILES
from .measures import measure

if TYPE_CHECKING:
    from .trained import TrainedTagger


@dataclass(frozen=True, kw_only=True)
class Evaluate(WithMistakes, EvaluatedTexts):
    """The tagged sentences to evaluate on and the format of their file."""

    data: str | None = None
    """other tagged text: a file with a word and its tag per line, or a named data set"""
    token_column: int | None = None
    """column of the words, counted from 0; negative numbers count from the end"""
    tag_column: int | None = None
    """column of the tags"""
    scheme: Literal["auto", "iob1", "bio", "iobes", "plain"] | None = None
    """tagging scheme of the file"""
    repair: bool | None = None
    """accept tags that violate the scheme and read them as the CoNLL script does"""
    of_files: ClassVar[tuple[str, ...]] = OF_FILES


def evaluation(model: TrainedTagger, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    if model.tags.plain and options.scheme not in (None, "plain"):
        raise ArgumentError("scheme", "omitted for a tagger of plain tags", options.scheme)
    how: list[str] = []
    sentences = with_reading_options(model, options).sentences(options.data, options.part, how)
    if options.data is not None:
        how += excerpts(map(spelled, sentences))
    with with_reading_notes(how), progress(sum(map(len, sentences)), "words") as done:
        result = measure(model, sentences, done, probabilities=True)
    name = options.data or f"{model.config.data.data}, {options.part}"
    metrics, intervals = result.figures(), result.intervals()
    header = ("sentence", "line", "word" if result.plain else "entity", "label", "predicted", "probability")
    wrong = mistakes(header, result.mistakes(), options)
    words = map(text_of, sentences)
    seen, notes = seen_in_training(
        model, options.data, options.part, words, lambda: map(text_of, model.sentences(split="train")), "sentences"
    )
    scores = ("accuracy",) if result.plain else ("accuracy", "precision", "recall", "f1")
    labels = {"f1": "F1"}
    rows = [(labels.get(m, m), with_interval(f"{metrics[m]:.4f}", intervals.get(m), ".4f")) for m in scores]
    parts: list[Part] = [Pairs([("text", name), ("loss", f"{metrics['loss']:.4f} nats per word"), *rows])]
    if not result.plain:
        parts.append(_by_type(metrics))
    values = {
        "text": name,
        **metrics,
        "intervals": as_json(intervals),
        "mistakes": wrong.objects(SHOWN),
        **seen,
    }
    return Report(values, (*parts, wrong), tuple(how), notes)


def text_of(sentence: Sentence) -> str:
    """Return the words of a sentence as text, to be compared with others."""
    return " ".join(sentence.words)


def spelled(sentence: Sentence) -> str:
    """Return the sentence as text: ``Teddy/B-person Lee/I-person was/O``."""
    return " ".join(map("/".join, zip(sentence.words, sentence.tags, strict=True)))


def _by_type(metrics: dict[str, Any]) -> Table:
    figures = ("precision", "recall", "f1")
    overall = {name: metrics[name] for name in figures}
    types: Iterable[tuple[str, dict[str, Any]]] = metrics["types"].items()
    total = sum(scores["entities"] for _, scores in types)
    rows = [
        (name, f"{scores['entities']:,}", *(f"{scores[figure]:.4f}" for figure in figures))
        for name, scores in [*types, ("all", {**overall, "entities": total})]
    ]
    header = ("type", "entities", "precision", "recall", "F1")
    return Table("types", header, rows, right=header[1:])
