"""``unrolled evaluate`` for the task ``video``: metrics beside the best single frame and the majority, mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...analysis.intervals import as_json, with_interval
from ...data.labelled_clips import Clips
from ...results import Pairs, Part, Picture, Progress, Report, Table
from ...results.records import SHOWN
from ..common.class_report import by_class, confusion, measured, summary
from ..common.evaluated_examples import WithMistakes, mistakes, with_reading_notes, with_reading_options
from ..common.seen import seen_in_training
from .drawing import compared
from .measures import OF_SEGMENTS, Results, measure
from .segments import segments

if TYPE_CHECKING:
    from .trained import TrainedVideo

DRAWN = 6  # clips with the most wrong frames


@dataclass(frozen=True, kw_only=True)
class Evaluate(WithMistakes):
    """The labelled clips to evaluate on."""

    data: str | None = None
    """other labelled clips, as for training"""
    damaged: Literal["error", "skip"] | None = None
    """clips that cannot be read: error or skip (default: as in training)"""
    of_files: ClassVar[tuple[str, ...]] = ("damaged",)


def evaluation(model: TrainedVideo, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    clips, notes = with_reading_options(model, options).find(options.data, options.part)
    how = () if options.data is None else tuple(notes)
    with with_reading_notes(how), progress(len(clips), "clips") as done:
        results = measure(model, clips, done)
    name = options.data or f"{model.config.data.data}, {options.part}"
    noun = "frames" if clips.tracks else "clips"
    header = ("clip", "begin", "end", "label", "predicted", "probability")
    wrong = mistakes(header if clips.tracks else (header[0], *header[3:]), _wrong(model, clips, results), options)
    seen, more = seen_in_training(
        model, options.data, options.part, clips.digests, lambda: model.own_sets().train.digests, "clips"
    )
    majority = _majority(clips)
    values: dict[str, Any] = {
        "clips": len(clips),
        "frames": int(clips.lengths.sum()),
        "data": name,
        **measured(results.measures),
        **results.summary(),
        "intervals": as_json(results.intervals()),
        "majority": majority,
        "mistakes": wrong.objects(SHOWN),
        **seen,
    }
    overview = _of_frames(results, name) if clips.tracks else summary(results.measures, name, noun)
    parts: list[Part] = [overview, _beside(results, majority), by_class(results.measures, noun), wrong]
    parts += _drawn(model, clips, results) if clips.tracks else ()
    return Report(values, (*parts, *confusion(results.measures, name, noun)), how, more)


def _of_frames(results: Results, name: str) -> Pairs:
    """Return the metrics of labels of frames, with their intervals."""
    found, intervals = results.summary(), results.intervals()
    rows = [("frames", f"{name}: {sum(map(len, results.true)):,} of {len(results.true):,} clips")]
    rows.append(("accuracy", with_interval(f"{found['accuracy']:.4f}", intervals.get("accuracy"), ".4f")))
    rows += [
        (
            metric.label,
            with_interval(f"{found[metric.name]:{metric.format}}", intervals.get(metric.name), metric.format),
        )
        for metric in OF_SEGMENTS
    ]
    rows += [("macro F1", f"{found['macro_f1']:.4f}"), ("log loss", f"{found['loss']:.4f} nats per frame")]
    return Pairs(rows)


def _beside(results: Results, majority: float) -> Table:
    """Return the accuracy beside that of simpler answers."""
    rows = [("this run", f"{results.measures.accuracy:.4f}")]
    if results.single is not None:
        rows.append(("best single frame" if results.rows is None else "each frame by itself", f"{results.single:.4f}"))
    return Table("baselines", ("answers", "accuracy"), [*rows, ("majority class", f"{majority:.4f}")], ("accuracy",))


def _majority(clips: Clips) -> float:
    """Return the accuracy of the class that is most frequent in these clips."""
    labels = clips.every_label()
    return Counter(labels).most_common(1)[0][1] / len(labels)


def _wrong(model: TrainedVideo, clips: Clips, results: Results) -> Iterator[tuple[str | int | float, ...]]:
    """Yield the clips with a wrong class, or the predicted segments of which most frames are wrong."""
    for name, true, shares in zip(clips.names, results.true, results.probabilities, strict=True):
        if shares.ndim == 1:
            best = int(shares.argmax())
            if best != true:
                yield name, model.classes[int(true)], model.classes[best], float(shares[best])
            continue
        for begin, end, label in segments(shares.argmax(1)):
            own = true[begin:end]
            if 2 * int((own == label).sum()) < end - begin:
                most = Counter(own.tolist()).most_common(1)[0][0]
                sure = float(shares[begin:end, label].mean())
                yield name, begin, end, model.classes[most], model.classes[label], sure


def _drawn(model: TrainedVideo, clips: Clips, results: Results) -> Iterator[Picture]:
    """Yield the tracks of the clips with the most wrong frames."""
    found = [shares.argmax(1) for shares in results.probabilities]
    hits = [float((a == b).mean()) for a, b in zip(results.true, found, strict=True)]
    for number, at in enumerate(sorted(range(len(hits)), key=hits.__getitem__)[:DRAWN], 1):
        if hits[at] == 1:
            return
        yield compared(f"mistakes-{number}", clips, at, results.true[at], found[at], model.classes)
