"""``unrolled evaluate`` for the task ``translate``: loss, BLEU and chrF of one or several runs, BLEU by the length of
the source, and ROUGE of summaries beside that of the first words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...analysis.intervals import Interval, as_json, known, wilson
from ...analysis.length_picture import Bucket, check_length_picture, length_picture
from ...analysis.picture import check_picture, picture_bytes
from ...data import bitext
from ...results import Comparison, Pairs, Part, Picture, Progress, Report, Table, Text, silent
from ...training.metrics import LOSS
from ..common.evaluated_examples import same_examples, with_reading_notes
from ..common.excerpts import excerpts
from ..common.rouge import NAMES, Rouge
from ..common.search_options import SearchOptions
from ..common.seen import seen_in_training
from .lead import lead
from .metrics import METRICS, Measures
from .pairs import EvaluatedPairs
from .scores import bleu_interval, buckets, by_length

if TYPE_CHECKING:
    from .trained import TrainedTranslator


@dataclass(frozen=True, kw_only=True)
class Evaluate(SearchOptions, EvaluatedPairs):
    """The pairs to evaluate on and the options of the search."""

    picture: str | None = None
    """plot BLEU by source length to this file: .png, .svg or .pdf"""

    def __post_init__(self) -> None:
        EvaluatedPairs.__post_init__(self)
        SearchOptions.__post_init__(self)


class Measured(NamedTuple):
    """Results of one translator: metrics, intervals, BLEU by source length, and ``rate`` in sentences per second."""

    measures: Measures
    intervals: dict[str, Interval]
    lengths: list[Bucket]
    rate: float


def evaluation(model: TrainedTranslator, options: Evaluate, progress: Progress = silent) -> Report:
    """See `Trained.evaluation`."""
    (report,), together = compare({"": model}, options, progress)
    return replace(together, values=report.values)


def compare(models: Mapping[str, TrainedTranslator], options: Evaluate, progress: Progress = silent) -> Comparison:
    """See `Task.compare`; the tables of a single model have no column for the run."""
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
            check_length_picture(Path(options.picture), [len(bucket) for bucket in buckets(pairs.source).values()])
        results = {run: _evaluate(model, pairs, options, progress) for run, model in models.items()}
    summaries = any(result.measures.rouge is not None for result in results.values())
    baselines = lead(pairs.source, pairs.target) if summaries else {}
    reports = [Report(_values(model, options, pairs, results[run], baselines)) for run, model in models.items()]
    return Comparison(reports, Report({}, tuple(_parts(results, options, baselines)), tuple(how), tuple(notes)))


def _same_pairs(models: Mapping[str, TrainedTranslator], options: Evaluate) -> tuple[bitext.Pairs, list[str]]:
    """Return the pairs to evaluate all models on, and notes if they are not the runs' own.

    Raises:
        RunError: the runs' own pairs differ.
    """
    pairs, notes = same_examples(models, options)
    model = next(iter(models.values()))
    notes = [*(notes if options.data is not None else []), *_seen(model, options, pairs)]
    if options.data is None:
        return pairs, notes
    sample = pairs.source[:200]
    if 2 * sum(map(model.reads_like_target, sample)) > len(sample):
        sides = "--data and --target" if options.target else "its columns"
        notes = [*notes, f"the sources in {options.data} look like the target language: are {sides} swapped?"]
    return pairs, notes


def _seen(model: TrainedTranslator, options: Evaluate, pairs: bitext.Pairs) -> tuple[str, ...]:
    """Return a note on pairs that are training pairs of the model too."""
    own = model.own_sets
    return seen_in_training(model, options.data, options.part, pairs.texts(), lambda: own().train.texts(), "pairs")[1]


def _evaluate(model: TrainedTranslator, pairs: bitext.Pairs, options: Evaluate, progress: Progress) -> Measured:
    begin = time.perf_counter()
    with progress(len(pairs), "sentences") as done:
        measures = model.evaluate(pairs, progress=done, **options.given())
    rate = len(pairs) / (time.perf_counter() - begin)
    translations = measures.translations
    intervals = known(
        {
            "bleu": bleu_interval(translations, pairs.target),
            "exact": wilson(round(measures.scores.exact * len(pairs)), len(pairs)),
        }
    )
    if measures.rouge is not None:
        intervals |= measures.rouge.intervals()
    return Measured(measures, intervals, by_length(translations, pairs.target, pairs.source), rate)


def _values(
    model: TrainedTranslator, options: Evaluate, pairs: bitext.Pairs, result: Measured, baselines: Mapping[str, Rouge]
) -> dict[str, Any]:
    """Return the values for JSON."""
    values: dict[str, Any] = {
        "text": options.data or f"{model.config.data.data}, {options.part}",
        "pairs": len(pairs),
        **result.measures.summary(),
        "intervals": as_json(result.intervals),
        "signatures": _signatures(result),
        "by_length": [dict(zip(("low", "high", "count", "bleu"), bucket, strict=True)) for bucket in result.lengths],
    }
    if result.measures.rouge is not None:
        values["recall"] = result.measures.rouge.recall()
        values["baselines"] = {name: {**found.f1(), "recall": found.recall()} for name, found in baselines.items()}
    return values


def _parts(results: Mapping[str, Measured], options: Evaluate, baselines: Mapping[str, Rouge]) -> Iterator[Part]:
    """Yield the tables, texts and pictures of the results, by run name."""
    several = len(results) > 1
    summaries = [result.measures.summary() for result in results.values()]
    shown = [m for m in METRICS if m.name not in NAMES and all(m.name in summary for summary in summaries)]
    columns = (*("loss" if metric is LOSS else metric.label for metric in shown), "sentences/s")
    rows = [
        (*((run,) if several else ()), *(f"{summary[m.name]:{m.format}}" for m in shown), f"{result.rate:,.0f}")
        for (run, result), summary in zip(results.items(), summaries, strict=True)
    ]
    yield Table("scores", (("run",) if several else ()) + columns, rows, right=columns)
    if baselines:
        own = {run or "this run": result.measures.rouge for run, result in results.items()}
        yield _rouge_table({name: scores for name, scores in (own | dict(baselines)).items() if scores is not None})
    names = _names([*results]) if several else ["BLEU"]
    lengths = {name: result.lengths for name, result in zip(names, results.values(), strict=True)}
    yield _length_table(lengths)
    intervals = [(name, _interval(result)) for name, result in zip(names, results.values(), strict=True)]
    if baselines:
        intervals += [
            (
                f"{name} ROUGE-L".removeprefix("BLEU "),
                "95 % interval {:.2f} to {:.2f}".format(*result.intervals["rougeL"]),
            )
            for name, result in zip(names, results.values(), strict=True)
            if "rougeL" in result.intervals
        ]
    yield Pairs(intervals)
    signatures = _signatures(next(iter(results.values())))
    yield Text("\n".join(f"{name}: {signature}" for name, signature in signatures.items()))
    if options.picture is not None:
        path = Path(options.picture)
        yield Picture("lengths", lambda: picture_bytes(lambda to: length_picture(to, lengths), path.suffix), path=path)


def _interval(result: Measured) -> str:
    bleu, exact = result.intervals.get("bleu"), result.intervals["exact"]
    of_exact = f"of exact translations {exact[0]:.2%} to {exact[1]:.2%}"
    return f"95 % interval {of_exact if bleu is None else f'{bleu[0]:.2f} to {bleu[1]:.2f}, {of_exact}'}"


def _signatures(result: Measured) -> dict[str, str]:
    """Return the sacrebleu signature of each score."""
    scores = result.measures.scores
    return {
        "BLEU": scores.bleu_signature,
        "BLEU cased": scores.cased_bleu_signature,
        "chrF": scores.chrf_signature,
    }


def _rouge_table(scores: Mapping[str, Rouge]) -> Table:
    """Return a table of F1 and recall by the name of a run or a baseline, and the mean number of words."""
    header = ("", *NAMES.values(), *(f"recall {name[-1]}" for name in NAMES), "words")
    rows = [
        (name, *(f"{value:.2f}" for value in (*found.f1().values(), *found.recall().values())), f"{found.words:.1f}")
        for name, found in scores.items()
    ]
    return Table("rouge", header, rows, right=header[1:])


def _length_table(lengths: Mapping[str, list[Bucket]]) -> Table:
    """Return a table of the BLEU of each run by source length in words."""
    bleus = [{low: bleu for low, _, _, bleu in buckets} for buckets in lengths.values()]
    rows = [
        (f"{low}-{high}", f"{count:,}", *(f"{bleu[low]:.2f}" for bleu in bleus))
        for low, high, count, _ in next(iter(lengths.values()))
    ]
    header = ("words", "sentences", *lengths)
    return Table("lengths", header, rows, right=header)


def _names(runs: Sequence[str]) -> list[str]:
    """Return a short, unique name for each run."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    return [name if name and short.count(name) == 1 else run for run, name in zip(runs, short, strict=True)]
