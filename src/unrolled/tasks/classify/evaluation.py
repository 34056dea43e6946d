"""``unrolled evaluate`` for the task ``classify``: accuracy, F1, calibration, confusion matrix, baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...data.fasta import Case
from ...data.label_names import key
from ...data.labelled import Examples, Form
from ...results import Comparison, Part, Progress, Report, Table
from ...results.records import SHOWN
from ...training.comparison import side_by_side
from ..common.class_measures import METRICS, Measures, scores
from ..common.class_report import by_class, confusion, figure, measured, summary, wrong
from ..common.evaluated_examples import (
    EvaluatedTexts,
    WithMistakes,
    mistakes,
    with_reading_notes,
    with_reading_options,
)
from ..common.excerpts import excerpts
from ..common.seen import seen_in_training
from .baselines import baselines
from .config import OF_FILES
from .measures import true_classes

if TYPE_CHECKING:
    from .trained import TrainedClassifier


@dataclass(frozen=True, kw_only=True)
class Evaluate(WithMistakes, EvaluatedTexts):
    """The labelled texts to evaluate on and the format of their file."""

    data: str | None = None
    """other labelled texts: a file, a folder or a named data set"""
    form: Form | None = None
    """file format (default: as in training)"""
    text_column: str | None = None
    """column (or key) of the text; its number with --no-header"""
    label_column: str | None = None
    """column (or key) of the label"""
    header: bool | None = None
    """the first row contains the column names"""
    delimiter: str | None = None
    """column separator: one character, or tab"""
    case: Case | None = None
    """lower-case letters in FASTA: convert to upper case, or keep"""
    ambiguous: Literal["keep", "n"] | None = None
    """codes of several nucleotides in FASTA: keep, or read as N"""
    baselines: bool = False
    """also report random guessing, the majority class and a bag of words"""
    of_files: ClassVar[tuple[str, ...]] = OF_FILES


def evaluation(model: TrainedClassifier, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`."""
    examples, notes = with_reading_options(model, options).find(options.data, options.part)
    how = () if options.data is None else _how(options.data, examples, notes)
    with with_reading_notes(how):
        others = baselines(model.own_sets().train, examples, model.classes) if options.baselines else {}
        return report_on(model, examples, options, others, how, progress)


def report_on(
    model: TrainedClassifier,
    examples: Examples,
    options: Evaluate,
    others: Mapping[str, Measures],
    how: tuple[str, ...],
    progress: Progress,
    name: str | None = None,
) -> Report:
    """Return the report on labelled texts.

    Args:
        model: the classifier.
        examples: the texts and their labels.
        options: the options of ``unrolled evaluate``.
        others: results of baselines by name.
        how: how the file was read.
        progress: shows the progress.
        name: the name of the data (default: by the options).

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    true = true_classes(model, examples)
    with progress(len(examples), "texts") as done:
        probabilities = model.probabilities(examples.texts, done)
    measures = scores(probabilities, true, model.classes)
    given = options.data or name  # not the run's own data
    name = given or f"{model.config.data.data}, {options.part}"
    rows = [(examples.texts[row.number], *row[1:]) for row in wrong(probabilities, examples.labels, model.classes)]
    records = mistakes(("text", "label", "predicted", "probability"), rows, options)
    own = model.config.data
    seen, notes = seen_in_training(
        model,
        given,
        options.part,
        examples.texts,
        lambda: model.own_sets().train.texts,
        "texts",
        remedy=own.remedy,
        key=key,
    )
    values = {
        "text": name,
        "texts": len(examples),
        **measured(measures),
        "mistakes": records.objects(SHOWN),
        **seen,
    }
    if others:
        values["baselines"] = {name: baseline.summary() for name, baseline in others.items()}
    parts: list[Part] = [
        summary(measures, name, "texts"),
        by_class(measures, "texts"),
        records,
    ]
    if others:
        parts.insert(2, _baseline_table({"this run": measures, **others}))
    return Report(values, (*parts, *confusion(measures, name, "texts")), how, notes)


def compare(models: Mapping[str, Any], options: Evaluate, progress: Progress) -> Comparison:
    """See `Task.compare`; the baselines, which are the same for all runs, follow the runs."""
    reports, together = side_by_side(METRICS, models, options, progress)
    table = together.parts[0]
    assert isinstance(table, Table)
    others = reports[0].values.get("baselines", {})
    rows = [(name, *(figure(values[m.name], m.format) for m in METRICS)) for name, values in others.items()]
    table = Table(table.name, table.header, [*table.rows, *rows], table.right)
    return Comparison(reports, Report(together.values, (table,), together.how))


def _how(data: str, examples: Examples, notes: list[str]) -> tuple[str, ...]:
    """Return how a file was read, and its first examples."""
    how = [f"{data}: {examples.how}"] if examples.how else []
    first = (f"{label} ← {text}" for text, label in zip(examples.texts, examples.labels, strict=True))
    return (*how, *notes, *excerpts(first))


def _baseline_table(models: Mapping[str, Measures]) -> Table:
    figures = ("accuracy", "macro F1", "log loss")
    rows = [
        (name, *(figure(value, ".4f") for value in (measures.accuracy, measures.macro_f1, measures.loss)))
        for name, measures in models.items()
    ]
    return Table("baselines", ("", *figures), rows, right=figures)
