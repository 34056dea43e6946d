"""``unrolled predict`` for the task ``classify``: the class of each text, or ``unsure``, and the next best classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...cells import check_size
from ...data.input_table import TextLayout
from ...data.labelled_lines import TEXT_NAMES
from ...data.rows import Column
from ...errors import ArgumentError
from ...results import Input, Prediction, is_blank
from ...results.prediction import ranked_cells
from ..common.explained_texts import ExplainedTexts
from ..common.explained_texts import predictions as of_texts
from ..common.table_inputs import Note, TableInputs
from ..common.text_inputs import readable

if TYPE_CHECKING:
    from .trained import TrainedClassifier

UNSURE = "unsure"
RANKED = 2  # classes in a table, without --top-k


@dataclass(frozen=True, kw_only=True)
class Predict(TableInputs, ExplainedTexts):
    """The texts to classify, and the answers."""

    text_column: str | None = None
    """column (or key) of the text in a table (default: as in training)"""
    threshold: float | None = None
    """answer "unsure" where the most probable class has a lower probability"""
    top_k: int | None = None
    """number of classes to show, most probable first"""
    unknown: Literal["read", "skip"] = "read"
    """words outside the vocabulary: read as the unknown token, or skip"""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ArgumentError("threshold", "a probability from 0 to 1", self.threshold)
        if self.top_k is not None:
            check_size("top_k", self.top_k)
        if self.explain and self.unknown == "skip":
            raise ArgumentError("unknown", "omitted with --explain, which shows the influence of every word", "skip")


def inputs(model: TrainedClassifier, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
    """See `Trained.inputs`."""
    own = model.config.data
    alike = own.form != "folder" and Path(own.data).suffix == Path(options.file or "").suffix
    layout = TextLayout(
        column=Column("text", "--text-column", own.text_column, TEXT_NAMES),
        form=own.form if alike else "auto",
        header=own.header,
        delimiter=own.delimiter,
        encoding=own.encoding,
        errors=own.errors,
        fasta=own.layout().fasta,
    )
    return options.read(words, layout, note, options.text_column)


def predictions(
    model: TrainedClassifier, inputs: Iterable[Sequence[Input]], options: ExplainedTexts
) -> Iterator[Prediction]:
    """See `Trained.predictions`."""
    if not isinstance(options, Predict):
        yield from of_texts(model, inputs, options)
        return
    if options.threshold is not None and UNSURE in model.classes:
        raise ArgumentError("threshold", f"omitted for a model with a class named {UNSURE}", options.threshold)
    for chunk in inputs:
        texts, error = readable(chunk)
        for prediction in model.predict(texts, explain=options.explain, unknown=options.unknown):
            yield prediction if is_blank(prediction.text) else _answered(prediction, options)
        if error is not None:
            raise error


def _answered(prediction: Prediction, options: Predict) -> Prediction:
    """Return a prediction with the answer, the classes and the cells that the options select."""
    shown = prediction.ranked(options.top_k)
    sure = options.threshold is None or shown[0][1] >= options.threshold
    answer = prediction.answer if sure else UNSURE
    cells: dict[str, Any] = {"label": answer}
    cells |= {} if options.threshold is None else {"best": prediction.answer}
    cells |= ranked_cells(shown[: options.top_k or RANKED])
    if prediction.unknown is not None:
        count, total = prediction.unknown
        cells["unknown"] = round(count / total, 4)
    probabilities = prediction.probabilities if options.top_k is None else dict(shown)
    return replace(prediction, answer=answer, probabilities=probabilities, cells=cells)
