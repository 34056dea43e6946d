"""The pairs that a trained translator is measured on: a part of its own, or those of other files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...data.bitext import BitextLayout, Form, Pairs
from ...data.bitext_sets import read_test
from ...data.rows import form_by_name
from ...errors import ArgumentError, DataError
from ..common.evaluated_examples import EvaluatedExamples
from ..common.own_data import own_data
from ..common.prediction import Part
from .config import OF_LAYOUT

if TYPE_CHECKING:
    from .trained import TrainedTranslator


@dataclass(frozen=True, kw_only=True)
class EvaluatedPairs(EvaluatedExamples):
    """Which pairs, and how other files are read."""

    data: str | None = None
    """a file of pairs, or of sentences whose translations are in --target; or a named set"""
    target: str | None = None
    """the translations of the sentences, if they are in another file"""
    form: Form | None = None
    """how the file is written (default: as its name tells)"""
    source_column: str | None = None
    """name, key or number of the source's column"""
    target_column: str | None = None
    """that of the target"""
    header: bool | None = None
    """whether the first row names the columns"""
    delimiter: str | None = None
    """what separates columns: one character, or tab"""
    of_files: ClassVar[tuple[str, ...]] = ("target", *OF_LAYOUT)

    def find(self, model: TrainedTranslator) -> tuple[Pairs, list[str]]:
        """See `TrainedTranslator.find`."""
        return model.find(self.data, self.part, **{"target": None, **self.reading()})


def find(
    model: TrainedTranslator, data: str | Path | None, split: Part, target: str | Path | None, layout: dict[str, Any]
) -> tuple[Pairs, list[str]]:
    """See `TrainedTranslator.find`."""
    if data is None and target is not None:
        raise ArgumentError("target", "left out without --data, the file of its sources", target)
    if data is not None:
        files = str(data), None if target is None else str(target)
        pairs, notes = read_test(*files, _layout(model, *files, layout))
    else:
        own = model.config.data
        sets = own_data(own.read, lambda sets: sets.digest(), model.fingerprint, what=own.data)
        pairs, notes = getattr(sets, split), sets.notes
    if not len(pairs):
        raise DataError(f"there are no {split} pairs; choose another --split, or pairs with --data")
    return pairs, notes


def _layout(model: TrainedTranslator, data: str, target: str | None, given: dict[str, Any]) -> BitextLayout:
    """How other files are taken to be written: as it is said, else as those of training unless their names tell
    another form."""
    own = model.config.data.layout()
    trained = own.form_of(model.config.data.data, model.config.data.target)
    told = "lines" if target is not None else form_by_name(Path(data), "tsv" if trained == "lines" else trained)
    same = own if given.get("form", told) == trained else BitextLayout()
    return dataclasses.replace(same, **{"encoding": own.encoding, "errors": own.errors, **given})
