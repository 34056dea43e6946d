"""``unrolled evaluate`` for the task ``translate``: loss, BLEU and chrF, of several runs side by side, and BLEU by the
length of the sentences."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...analysis.length_picture import Bucket, check_length_picture, length_picture
from ...analysis.picture import check_picture, drawn
from ...data.bitext import Pairs
from ...errors import RunError
from ...results import Comparison, Part, Picture, Progress, Report, Table, Text, silent
from ...training.metrics import LOSS
from ..common.evaluated_examples import with_reading_notes
from ..common.excerpts import excerpts
from .metrics import METRICS, Measures
from .pairs import EvaluatedPairs
from .scores import buckets, by_length
from .searching import Searching

if TYPE_CHECKING:
    from .trained import TrainedTranslator

COLUMNS = (*("loss" if one is LOSS else one.label for one in METRICS), "sentences/s")


@dataclass(frozen=True, kw_only=True)
class Evaluate(Searching, EvaluatedPairs):
    """Which pairs, and how they are translated."""

    picture: str | None = None
    """draw BLEU by the length of the sentence into this file: .png, .svg or .pdf"""

    def __post_init__(self) -> None:
        EvaluatedPairs.__post_init__(self)
        Searching.__post_init__(self)


class Measured(NamedTuple):
    """What was found of one translator; ``rate``: sentences per second."""

    measures: Measures
    lengths: list[Bucket]
    rate: float


def evaluation(model: TrainedTranslator, options: Evaluate, progress: Progress = silent) -> Report:
    """See `Trained.evaluation`."""
    (alone,), together = compare({"": model}, options, progress)
    return replace(together, values=alone.values)


def compare(models: Mapping[str, TrainedTranslator], options: Evaluate, progress: Progress = silent) -> Comparison:
    """See `Task.compare`; of a single model the tables name no run."""
    if options.picture is not None:
        check_picture(Path(options.picture))
    for model in models.values():
        options.check(model.model)
    pairs, notes = _same_pairs(models, options)
    how: list[str] = []
    if options.data is not None:
        how = [f"{options.data}: {pairs.how}"] if pairs.how else []
        how += excerpts(f"{a} → {b}" for a, b in zip(pairs.source, pairs.target, strict=True))
    with with_reading_notes(how):
        if options.picture is not None:
            check_length_picture(Path(options.picture), [len(some) for some in buckets(pairs.source).values()])
        found = {run: _measured(model, pairs, options, progress) for run, model in models.items()}
    reports = [Report(_values(model, options, pairs, found[run])) for run, model in models.items()]
    return Comparison(reports, Report({}, tuple(_parts(found, options)), tuple(how), tuple(notes)))


def _same_pairs(models: Mapping[str, TrainedTranslator], options: Evaluate) -> tuple[Pairs, list[str]]:
    """What all are measured on, and notes on other pairs than their own.

    Raises:
        RunError: the runs' own pairs are not the same.
    """
    (first, model), *others = models.items()
    pairs, notes = options.find(model)
    for run, other in others:
        if options.find(other)[0] != pairs:
            told = f"{first} and {run} have not the same {options.part} pairs"
            raise RunError(f"{told}; say with --data on which pairs to compare them")
    if options.data is None:
        return pairs, []
    some = pairs.source[:200]
    if 2 * sum(map(model.reads_like_target, some)) > len(some):
        what = "--data and --target" if options.target else "its columns"
        told = f"the sources in {options.data} read like the language that is translated into"
        notes = [*notes, f"{told}: are {what} exchanged?"]
    return pairs, notes


def _measured(model: TrainedTranslator, pairs: Pairs, options: Evaluate, progress: Progress) -> Measured:
    begin = time.perf_counter()
    with progress(len(pairs), "sentences") as done:
        measures = model.evaluate(pairs, progress=done, **options.given())
    rate = len(pairs) / (time.perf_counter() - begin)
    return Measured(measures, by_length(measures.translations, pairs.target, pairs.source), rate)


def _values(model: TrainedTranslator, options: Evaluate, pairs: Pairs, found: Measured) -> dict[str, Any]:
    """What a program reads."""
    return {
        "text": options.data or f"{model.config.data.data}, {options.part}",
        "pairs": len(pairs),
        **found.measures.summary(),
        "signatures": _signatures(found),
        "by_length": [dict(zip(("low", "high", "count", "bleu"), one, strict=True)) for one in found.lengths],
    }


def _parts(found: Mapping[str, Measured], options: Evaluate) -> Iterator[Part]:
    """What a person reads of each run, by name."""
    several = len(found) > 1
    rows = [((run,) if several else ()) + _row(one) for run, one in found.items()]
    yield Table("scores", (("run",) if several else ()) + COLUMNS, rows, right=COLUMNS)
    names = _names([*found]) if several else ["BLEU"]
    lengths = {name: one.lengths for name, one in zip(names, found.values(), strict=True)}
    yield _lengths(lengths)
    signatures = _signatures(next(iter(found.values())))
    yield Text("\n".join(f"{name}: {signature}" for name, signature in signatures.items()))
    if options.picture is not None:
        path = Path(options.picture)
        yield Picture("lengths", lambda: drawn(lambda to: length_picture(to, lengths), path.suffix), path=path)


def _signatures(found: Measured) -> dict[str, str]:
    """How each score was made."""
    scores = found.measures.scores
    return {
        "BLEU": scores.bleu_signature,
        "BLEU cased": scores.cased_bleu_signature,
        "chrF": scores.chrf_signature,
    }


def _row(found: Measured) -> tuple[str, ...]:
    summary = found.measures.summary()
    return (*(f"{summary[one.name]:{one.format}}" for one in METRICS), f"{found.rate:,.0f}")


def _lengths(lengths: Mapping[str, list[Bucket]]) -> Table:
    """BLEU of each run, by how many words the source has."""
    bleus = [{low: bleu for low, _, _, bleu in one} for one in lengths.values()]
    rows = [
        (f"{low}-{high}", f"{count:,}", *(f"{one[low]:.2f}" for one in bleus))
        for low, high, count, _ in next(iter(lengths.values()))
    ]
    header = ("words", "sentences", *lengths)
    return Table("lengths", header, rows, right=header)


def _names(runs: Sequence[str]) -> list[str]:
    """A short name for each run, no two alike."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    return [name if name and short.count(name) == 1 else run for run, name in zip(runs, short, strict=True)]
