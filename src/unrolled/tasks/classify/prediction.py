"""``unrolled predict`` for the task ``classify``: the class of each text, or ``unsure``, and the next best classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...data.input_table import TextLayout
from ...data.labelled_lines import TEXT_NAMES
from ...data.rows import Column
from ...errors import ArgumentError
from ...results import Input, Prediction, is_blank
from ..common.explained_texts import ExplainedTexts
from ..common.explained_texts import predictions as of_texts
from ..common.prediction import readable
from ..common.ranked import Ranked, answered
from ..common.table_inputs import Note, TableInputs

if TYPE_CHECKING:
    from .trained import TrainedClassifier


@dataclass(frozen=True, kw_only=True)
class Predict(TableInputs, ExplainedTexts, Ranked):
    """The texts to classify, and the answers."""

    text_column: str | None = None
    """column (or key) of the text in a table (default: as in training)"""
    unknown: Literal["read", "skip"] = "read"
    """words outside the vocabulary: read as the unknown token, or skip"""

    def __post_init__(self) -> None:
        super().__post_init__()
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
    options.check(model.classes)
    for chunk in inputs:
        texts, error = readable(chunk, Input.text)
        for prediction in model.predict(texts, explain=options.explain, unknown=options.unknown):
            yield prediction if is_blank(prediction.text) else answered(prediction, options)
        if error is not None:
            raise error
