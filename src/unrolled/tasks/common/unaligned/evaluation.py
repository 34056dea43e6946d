"""``unrolled evaluate`` of models that read texts: error rates, confusions, mistakes; α and β of a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....decoding.transcript import Transcript
from ....errors import ArgumentError
from ....results import Pairs, Progress, Report, Text
from ....results.records import SHOWN
from ..evaluated_examples import WithMistakes, mistakes
from ..seen import seen_in_training
from .decoding import DecodingOptions, Reading
from .measures import METRICS, Errors
from .trained import TrainedReader
from .tuning import tuned


@dataclass(frozen=True, kw_only=True)
class EvaluatedReading(DecodingOptions, WithMistakes):
    """The examples to evaluate on, and how their texts are found."""

    tune: bool = False
    """--lm: first try several weights α and β on the validation part"""

    def __post_init__(self) -> None:
        WithMistakes.__post_init__(self)
        DecodingOptions.__post_init__(self)
        if self.tune and self.lm is None:
            raise ArgumentError("tune", "omitted without --lm", True)


def evaluated(model: TrainedReader[Any], options: EvaluatedReading, progress: Progress) -> Report:
    """Return the report of ``unrolled evaluate``.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError, RunError: the data cannot be read, or have changed.
    """
    reading = Reading(model.alphabet, options)
    examples, notes = model.find(options.data, options.part)
    parts: list[Any] = []
    values: dict[str, Any] = {}
    if options.tune:
        reading, table, values["tuning"] = tuned(model, reading, progress)
        parts.append(table)
    with progress(len(examples), model.noun) as done:
        found = [best for best, *_ in model.transcripts(examples, examples.widths, reading, done)]
    read = [model.text(transcript) for transcript in found]
    errors = Errors(read, examples.texts, examples.groups)
    measures = {"loss": model.loss(examples), **errors.values()}
    name = options.data or f"{model.config.data.data}, {options.part}"
    rows = [(metric.label, f"{measures[metric.name]:{metric.format}}") for metric in METRICS] + errors.rows()
    wrong = [
        (name_, text, answer, confidence(transcript))
        for name_, text, answer, transcript in zip(examples.names, examples.texts, read, found, strict=True)
        if text != answer
    ]
    records = mistakes((model.noun[:-1], "text", "read", "confidence"), wrong, options)
    seen, more = seen_in_training(
        model, options.data, options.part, examples.digests, lambda: model.own_sets().train.digests, model.noun
    )
    unknown = model.alphabet.unknown_note(examples.texts, "the texts")
    if options.beam == 1:
        parts.append(Text(_beam_of_one(model, examples, read)))
    values = {model.noun: len(examples), "data": name, **measures, **values, "mistakes": records.objects(SHOWN), **seen}
    parts = [Pairs([("data", f"{name}, {len(examples):,} {model.noun}"), *rows]), *errors.parts(), *parts, records]
    return Report(values, tuple(parts), tuple(notes if options.data else ()), (*unknown, *more))


def confidence(transcript: Transcript) -> float:
    """Return the mean confidence of the symbols of a transcript; 0 without any."""
    pieces: Sequence[Any] = transcript.pieces
    return sum(piece.confidence for piece in pieces) / len(pieces) if pieces else 0.0


def _beam_of_one(model: TrainedReader[Any], examples: Any, read: Sequence[str]) -> str:
    """Return a text on the examples that greedy decoding reads otherwise than a beam of one prefix."""
    greedy = [model.text(best) for best, *_ in model.transcripts(examples, examples.widths)]
    count = sum(a != b for a, b in zip(greedy, read, strict=True))
    return (
        f"{count:,} of {len(read):,} texts differ from greedy decoding: a beam of 1 is not greedy, it keeps the prefix "
        f"whose alignments are likelier together, and greedy decoding the likeliest class of each frame"
    )
