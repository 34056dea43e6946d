"""The pairs that a trained translator is measured on: a part of its own, or those of other files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...data.parallel import Form, Pairs, ParallelLayout
from ...data.parallel_sets import read_test
from ...data.rows import form_by_name
from ...errors import ArgumentError, DataError
from ..common.own_data import own_data
from ..common.prediction import Part
from .config import OF_LAYOUT

if TYPE_CHECKING:
    from .trained import TrainedTranslator


@dataclass(frozen=True, kw_only=True)
class MeasuredPairs:
    """Which pairs, and how other files are read."""

    data: str | None = None
    """a file of pairs, or of sentences whose translations are in --target; or a named set"""
    target: str | None = None
    """the translations of the sentences, if they are in another file"""
    split: Part | None = None
    """part of the run's own pairs (default: test)"""
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
    encoding: str | None = None
    """encoding of --data (default: as in training)"""
    errors: Literal["strict", "replace", "ignore"] | None = None
    """what to do with bytes that are no text in that encoding (default: as in training)"""

    def __post_init__(self) -> None:
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "left out with --data, which is measured whole", self.split)
        for name, value in {"target": self.target, **self.layout()}.items():
            if self.data is None and value is not None:
                raise ArgumentError(name, "left out without --data", value)

    def layout(self) -> dict[str, Any]:
        """How --data is written, as far as it is said: options of `ParallelLayout`."""
        return {name: value for name in OF_LAYOUT if (value := getattr(self, name)) is not None}


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


def _layout(model: TrainedTranslator, data: str, target: str | None, given: dict[str, Any]) -> ParallelLayout:
    """How other files are taken to be written: as it is said, else as those of training unless their names tell
    another form."""
    own = model.config.data.layout()
    trained = own.form_of(model.config.data.data, model.config.data.target)
    told = "lines" if target is not None else form_by_name(Path(data), "tsv" if trained == "lines" else trained)
    same = own if given.get("form", told) == trained else ParallelLayout()
    return dataclasses.replace(same, **{"encoding": own.encoding, "errors": own.errors, **given})
