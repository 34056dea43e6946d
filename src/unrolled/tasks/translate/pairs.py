"""The sentence pairs to evaluate a translator on: a part of the run's own data, or other files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...data.bitext import BitextLayout, Form
from ...data.rows import form_by_name
from ..common.evaluated_examples import EvaluatedTexts
from .config import OF_LAYOUT

if TYPE_CHECKING:
    from .trained import TrainedTranslator


@dataclass(frozen=True, kw_only=True)
class EvaluatedPairs(EvaluatedTexts):
    """The pairs to evaluate on and the format of other files."""

    data: str | None = None
    """other pairs: a file of pairs, of sources with --target, or a named data set"""
    target: str | None = None
    """target sentences, if they are in a separate file"""
    form: Form | None = None
    """file format (default: from the file name)"""
    source_column: str | None = None
    """name, key or number of the source column"""
    target_column: str | None = None
    """name, key or number of the target column"""
    header: bool | None = None
    """the first row contains the column names"""
    delimiter: str | None = None
    """column separator: one character, or tab"""
    of_files: ClassVar[tuple[str, ...]] = ("target", *OF_LAYOUT)


def layout_of(model: TrainedTranslator, data: str, target: str | None, options: dict[str, Any]) -> BitextLayout:
    """Return the layout of other files: from the options, else as in training unless their names imply another
    format."""
    own = model.config.data.layout()
    trained = own.form_of(model.config.data.data, model.config.data.target)
    named = "lines" if target is not None else form_by_name(Path(data), "tsv" if trained == "lines" else trained)
    layout = own if options.get("form", named) == trained else BitextLayout()
    return dataclasses.replace(layout, **{"encoding": own.encoding, "errors": own.errors, **options})
