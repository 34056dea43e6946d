"""``unrolled evaluate`` for the task ``caption``: scores of one or several runs, beside captions without training."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ...analysis.intervals import Interval, as_json, known, wilson
from ...data.captioned import Captioned
from ...results import Comparison, Pairs, Part, Progress, Report, Table, Text, silent
from ..common.evaluated_examples import EvaluatedExamples, same_examples
from ..common.search_options import SearchOptions
from .baselines import baselines
from .captions import Caption, on_object
from .pictures import mean_features
from .scores import ATTENTION, METRICS, QUALITY, Scores, bleu4_interval, score

if TYPE_CHECKING:
    from .trained import TrainedCaptioner

BLIND = "METEOR and SPICE are not computed: they need Java and downloads"


@dataclass(frozen=True, kw_only=True)
class Evaluate(SearchOptions, EvaluatedExamples):
    """The pictures to evaluate on and the options of the search."""

    data: str | None = None
    """other pictures: a file of captions, or a named data set"""
    images: str | None = None
    """folder of the pictures of --data (default: found beside it)"""
    baselines: bool = False
    """also score captions without training: random, one for all, of neighbours"""
    of_files: ClassVar[tuple[str, ...]] = ("images",)

    def __post_init__(self) -> None:
        SearchOptions.__post_init__(self)
        EvaluatedExamples.__post_init__(self)


@dataclass(frozen=True)
class Measures:
    """The captions of pictures and their scores.

    Attributes:
        captions: the best caption of each picture.
        scores: their scores.
        attention: the mean attention on the named object, of generated scenes; else nan.
    """

    captions: list[Caption]
    scores: Scores
    attention: float

    def summary(self) -> dict[str, float]:
        """Return the metrics by name."""
        own = {} if math.isnan(self.attention) else {ATTENTION.name: self.attention}
        return {**self.scores.summary(), **own}


class Measured(NamedTuple):
    """Results of one captioner: loss, measures, intervals, and ``rate`` in pictures per second."""

    loss: dict[str, float]
    measures: Measures
    intervals: dict[str, Interval]
    rate: float


def measured(captions: list[Caption], captioned: Captioned) -> Measures:
    """Score the best caption of each picture."""
    attention = on_object(captions, captioned.captions, captioned.named) if captioned.named else float("nan")
    return Measures(captions, score([caption.text for caption in captions], captioned.captions), attention)


def evaluation(model: TrainedCaptioner, options: Evaluate, progress: Progress = silent) -> Report:
    """See `Trained.evaluation`."""
    (report,), together = compare({"": model}, options, progress)
    return replace(together, values=report.values)


def compare(models: Mapping[str, TrainedCaptioner], options: Evaluate, progress: Progress = silent) -> Comparison:
    """See `Task.compare`."""
    for model in models.values():
        options.check(model.model)
    captioned, notes = same_examples(models, options)
    model = next(iter(models.values()))
    results = {run: _measured(model, captioned, options, progress) for run, model in models.items()}
    plain = _baselines(model, captioned, progress) if options.baselines else {}
    where = options.data or f"{model.config.data.data}, {options.part}"
    reports = [Report(_values(where, captioned, result, plain)) for result in results.values()]
    return Comparison(reports, Report({}, tuple(_parts(results, plain)), (), tuple(notes)))


def _measured(model: TrainedCaptioner, captioned: Captioned, options: Evaluate, progress: Progress) -> Measured:
    arrays = model.reader.read_all(captioned, progress)
    begin = time.perf_counter()
    with progress(len(captioned), "pictures") as done:
        measures = model.measures(captioned, arrays, done, **options.given())
    rate = len(captioned) / (time.perf_counter() - begin)
    texts = [caption.text for caption in measures.captions]
    exact = round(measures.scores.exact * len(texts))
    intervals = known({"bleu4": bleu4_interval(texts, captioned.captions), "exact": wilson(exact, len(texts))})
    return Measured(model.loss(captioned, arrays), measures, intervals, rate)


def _baselines(model: TrainedCaptioner, captioned: Captioned, progress: Progress) -> dict[str, Scores]:
    """Return the scores of captions that need no training, by name."""
    train = model.own_sets().train
    own, others = (mean_features(model.reader.read_all(part, progress)) for part in (train, captioned))
    return {name: score(texts, captioned.captions) for name, texts in baselines(train, own, others).items()}


def _values(where: str, captioned: Captioned, result: Measured, plain: Mapping[str, Scores]) -> dict[str, Any]:
    """Return the values for JSON."""
    values: dict[str, Any] = {
        "text": where,
        "pictures": len(captioned),
        **result.loss,
        **result.measures.summary(),
        "intervals": as_json(result.intervals),
        "rate": result.rate,
    }
    if plain:
        values["baselines"] = {name: scores.summary() for name, scores in plain.items()}
    return values


def _parts(results: Mapping[str, Measured], plain: Mapping[str, Scores]) -> Sequence[Part]:
    summaries = {run: {**result.loss, **result.measures.summary()} for run, result in results.items()}
    metrics = [metric for metric in METRICS if all(metric.name in summary for summary in summaries.values())]
    named = len(results) > 1 or bool(plain)
    columns = (*("loss" if metric.name == "loss" else metric.label for metric in metrics), "pictures/s")
    rows = [
        (*((run or "this run",) if named else ()), *(f"{summary[m.name]:{m.format}}" for m in metrics),
         f"{results[run].rate:,.0f}")
        for run, summary in summaries.items()
    ]  # fmt: skip
    for name, scores in plain.items():
        found = scores.summary()
        cells = [f"{found[m.name]:{m.format}}" if m in QUALITY else "" for m in metrics]
        rows.append((name, *cells, ""))
    intervals = []
    for run, result in results.items():
        exact, bleu = result.intervals["exact"], result.intervals.get("bleu4")
        text = "" if bleu is None else f"of BLEU-4 {bleu[0]:.2f} to {bleu[1]:.2f}, "
        intervals.append((run or "95 % interval", f"{text}of exact captions {exact[0]:.2%} to {exact[1]:.2%}"))
    header = (("run",) if named else ()) + columns
    return [Table("scores", header, rows, right=columns), Pairs(intervals), Text(BLIND)]
