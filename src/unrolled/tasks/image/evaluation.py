"""``unrolled evaluate`` for the task ``image``: accuracy, F1, calibration, confusion matrix, mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...data.labelled_pictures import Pictures
from ...results import Picture, Progress, Report
from ...results.records import SHOWN
from ..common.class_measures import scores, true_classes
from ..common.class_report import Mistake, by_class, confusion, measured, summary, wrong
from ..common.evaluated_examples import EvaluatedTexts, WithMistakes, mistakes, with_reading_notes, with_reading_options
from ..common.seen import seen_in_training
from .config import OF_FILES
from .sheet import sheet

if TYPE_CHECKING:
    from .trained import TrainedImages

MOST_MISTAKES = 40  # pictures of mistakes


@dataclass(frozen=True, kw_only=True)
class Evaluate(WithMistakes, EvaluatedTexts):
    """The labelled pictures to evaluate on and the format of their table."""

    data: str | None = None
    """other labelled pictures: folder, table, idx, CIFAR or a named data set"""
    path_column: str | None = None
    """column (or key) of the paths in a table; its number with --no-header"""
    label_column: str | None = None
    """column (or key) of the labels in a table"""
    header: bool | None = None
    """the first row of a table contains the column names"""
    delimiter: str | None = None
    """column separator of a table: one character, or tab"""
    encoding: str | None = None
    """encoding of a table (default: as in training)"""
    damaged: str | None = None
    """pictures that cannot be read: error or skip (default: as in training)"""
    of_files: ClassVar[tuple[str, ...]] = (*OF_FILES, "damaged")


def evaluation(model: TrainedImages, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    pictures, notes = with_reading_options(model, options).find(options.data, options.part)
    how = () if options.data is None else tuple(notes)
    with with_reading_notes(how):
        true = true_classes(pictures.labels, pictures.names, model.classes)
        with progress(len(pictures), "pictures") as done:
            probabilities = model.probabilities(pictures.pixels, done)
    measures = scores(probabilities, true, model.classes)
    name = options.data or f"{model.config.data.data}, {options.part}"
    found = wrong(probabilities, pictures.labels, model.classes)
    rows = [(pictures.names[row.number], *row[1:]) for row in found]
    records = mistakes(("picture", "label", "predicted", "probability"), rows, options)
    seen, more = seen_in_training(
        model, options.data, options.part, pictures.digests, lambda: model.own_sets().train.digests, "pictures"
    )
    values = {"pictures": len(pictures), "data": name, **measured(measures), "mistakes": records.objects(SHOWN), **seen}
    parts = (summary(measures, name, "pictures"), by_class(measures, "pictures"), records)
    pictured = (*confusion(measures, name, "pictures"), *_pictured(pictures, found))
    return Report(values, (*parts, *pictured), how, more)


def _pictured(pictures: Pictures, found: list[Mistake]) -> Iterator[Picture]:
    """Yield a picture of the most confident mistakes."""
    shown = sorted(found, key=lambda row: -row.probability)[:MOST_MISTAKES]
    if shown:
        captions = [(label, f"not {guess}", f"{share:.0%}") for _, label, guess, share in shown]
        pixels = [pictures.pixels[number] for number, *_ in shown]
        yield Picture("mistakes", lambda: sheet(pixels, captions), f"the {len(shown)} most confident mistakes")
