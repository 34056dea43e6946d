"""``unrolled evaluate`` for the task ``classify``: how often it is right, and what it takes for what."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ...analysis.confusion_picture import MOST_CLASSES, confusion_picture
from ...data.labelled import Examples, Form
from ...results import Comparison, Pairs, Part, Picture, Progress, Report, Table
from ...training.comparison import side_by_side
from ..common.evaluated_examples import EvaluatedExamples, with_reading_notes, with_reading_options
from ..common.excerpts import excerpts
from .baselines import baselines
from .config import OF_FILES
from .measures import METRICS, Measures, measure

if TYPE_CHECKING:
    from .trained import TrainedClassifier

MOST_ROWS = 30  # classes in the table


@dataclass(frozen=True, kw_only=True)
class Evaluate(EvaluatedExamples):
    """Which texts, and how their file is read."""

    data: str | None = None
    """other labelled texts: a file, a folder, or a named set"""
    form: Form | None = None
    """how the file is written (default: as in training)"""
    text_column: str | None = None
    """name of the column (or key) with the text; its number with --no-header"""
    label_column: str | None = None
    """name of the column with the label"""
    header: bool | None = None
    """whether the first row names the columns"""
    delimiter: str | None = None
    """what separates columns: one character, or tab"""
    baselines: bool = False
    """print beside it what chance, the commonest class and a bag of words reach"""
    of_files: ClassVar[tuple[str, ...]] = OF_FILES


def evaluation(model: TrainedClassifier, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    examples, notes = with_reading_options(model, options).find(options.data, options.part)
    how = () if options.data is None else _how(options.data, examples, notes)
    with with_reading_notes(how):
        others = baselines(model.own_sets().train, examples, model.classes) if options.baselines else {}
        with progress(len(examples), "texts") as done:
            measures = measure(model, examples, done)
    name = options.data or f"{model.config.data.data}, {options.part}"
    values = {
        "text": name,
        "texts": len(examples),
        **measures.summary(),
        "confusion": measures.confusion.tolist(),
        "classes": measures.classes,
    }
    if others:
        values["baselines"] = {other: one.summary() for other, one in others.items()}
    parts: list[Part] = [
        Pairs(
            [
                ("texts", f"{name}: {len(examples):,} of {len(model.classes)} classes"),
                ("accuracy", f"{measures.accuracy:.4f}"),
                ("macro F1", f"{measures.macro_f1:.4f}"),
                ("log loss", f"{measures.loss:.4f} nats"),
                ("calibration error", f"{measures.calibration_error:.4f}"),
            ]
        ),
        by_class(measures),
    ]
    if others:
        parts.append(_beside({"this run": measures, **others}))
    return Report(values, (*parts, *_picture(measures)), how)


def compare(models: Mapping[str, Any], options: Evaluate, progress: Progress) -> Comparison:
    """See `Task.compare`; the baselines, which are the same for all, stand below the runs."""
    reports, together = side_by_side(METRICS, models, options, progress)
    table = together.parts[0]
    assert isinstance(table, Table)
    others = reports[0].values.get("baselines", {})
    rows = [(other, *(_figure(one[m.name], m.format) for m in METRICS)) for other, one in others.items()]
    table = Table(table.name, table.header, [*table.rows, *rows], table.right)
    return Comparison(reports, Report(together.values, (table,), together.how))


def _how(data: str, examples: Examples, notes: list[str]) -> tuple[str, ...]:
    """How a file was read, and its first examples."""
    how = [f"{data}: {examples.how}"] if examples.how else []
    first = (f"{label} ← {text}" for text, label in zip(examples.texts, examples.labels, strict=True))
    return (*how, *notes, *excerpts(first))


def by_class(measures: Measures) -> Table:
    """Precision, recall and F1 of each class, the commonest first."""
    hits, there, said = measures.confusion.diagonal(), measures.confusion.sum(1), measures.confusion.sum(0)
    rows = []
    for number in sorted(range(len(measures.classes)), key=lambda n: -there[n])[:MOST_ROWS]:
        precision = hits[number] / said[number] if said[number] else math.nan
        recall = hits[number] / there[number] if there[number] else math.nan
        f1 = 2 * hits[number] / (there[number] + said[number]) if there[number] + said[number] else math.nan
        figures = (_figure(value, ".3f") for value in (precision, recall, f1))
        rows.append((measures.classes[number], f"{there[number]:,}", *figures))
    header = ("class", "texts", "precision", "recall", "F1")
    return Table("classes", header, rows, right=header[1:])


def _beside(models: Mapping[str, Measures]) -> Table:
    figures = ("accuracy", "macro F1", "log loss")
    rows = [
        (name, *(_figure(value, ".4f") for value in (one.accuracy, one.macro_f1, one.loss)))
        for name, one in models.items()
    ]
    return Table("baselines", ("", *figures), rows, right=figures)


def _figure(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "–"


def _picture(measures: Measures) -> Iterator[Picture]:
    """The confusion matrix, where it can be drawn and looked at."""
    if len(measures.classes) > MOST_CLASSES or importlib.util.find_spec("matplotlib") is None:
        return
    draw = partial(confusion_picture, measures.confusion, measures.classes, f"accuracy {measures.accuracy:.1%}")
    yield Picture("confusion", draw, "confusion matrix")
