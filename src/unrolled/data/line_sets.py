"""Resolve ``--data`` to training, validation and test sets of lines of text.

The data are folders or tar archives of pairs of a picture and a text (line_pairs.py), tables (line_tables.py) or
arrays (line_arrays.py), several of them, or a named set (generated_lines.py). All lines are decoded once into a store
in the cache (line_store.py). A part that a folder does not have is split off within each of its groups, by a hash of
the lines' names; equal pictures are in one part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import ArgumentError, DataError
from ..results import Progress, silent
from .generated_lines import NAMES, GeneratedLayout, generated_lines
from .hashed_parts import even_parts
from .line_lists import list_lines
from .line_pictures import HEIGHT
from .line_sources import ListedLine, ListedLines
from .line_store import LineStore
from .line_texts import NormalForm, TextNotes, counted, order_notes, shape_notes
from .near import exists
from .picture_files import TableLayout
from .sets import PARTS, Fractions, with_own
from .several_paths import several_paths
from .transcribed_lines import Lines, LineSets

LONG = 10  # characters of a text whose repetition is no chance


@dataclass(frozen=True, kw_only=True)
class LineLayout:
    """How lines are read.

    Attributes:
        height: pixels of every line.
        form: the Unicode normal form of texts.
        table: the columns of a table, and the encoding of texts.
        skip: omit lines that cannot be read.
        generated: what is drawn if the data are a named set.
    """

    height: int = HEIGHT
    form: NormalForm = "NFC"
    table: TableLayout = field(default_factory=TableLayout)
    skip: bool = False
    generated: GeneratedLayout = field(default_factory=GeneratedLayout)


def open_lines(
    spec: str,
    layout: LineLayout,
    fractions: Fractions | None = None,
    test: str | None = None,
    folds: int = 0,
    fold: int = 0,
    progress: Progress = silent,
) -> LineSets:
    """Read the training, validation and test sets that ``spec`` names.

    Args:
        spec: a named set, or paths of folders or files; see several_paths.py.
        layout: how lines are read.
        fractions: fractions of the training data for training, validation and test (default 0.8, 0.1, 0.1).
        test: paths of the test set, instead of a fraction.
        folds: number of folds for cross-validation; 0: off. A separate test set is then not used.
        fold: the fold that is the test set.
        progress: shows the progress of decoding.

    Raises:
        ArgumentError: there are fewer lines than folds, or an option of the layout is out of range.
        DataError: the data cannot be read, or a set would be empty.
    """
    if spec in NAMES and not exists(spec):
        return _named(spec, layout, test, folds, progress)
    listed = _listed(spec, layout)
    notes = [note for source in listed for note in source.notes]
    separate = _test_rows(test, layout, notes) if test is not None else []
    if (separate or folds) and any(row.part == "test" for source in listed for row in source.rows):
        notes.append(f"{spec}: its test part is not used, because {'--folds' if folds else '--test'} gives another")
        for source in listed:
            source.rows = [row for row in source.rows if row.part != "test"]
    pools = [source.rows for source in listed if source.rows]
    lines, kept, more = _read([*(row for rows in pools for row in rows), *separate], layout, progress)
    notes += more
    if folds > len(set(lines.digests)):
        raise ArgumentError("folds", f"at most the number of different lines, {len(set(lines.digests)):,}", folds)
    numbers: dict[str, list[int]] = {part: [] for part in PARTS}
    given = {id(row): number for number, row in enumerate(kept)}
    for rows in pools:
        own = [given[id(row)] for row in rows if id(row) in given]
        for part, indices in _divided(own, kept, lines, fractions, bool(separate), folds, fold).items():
            numbers[part] += indices
    numbers["test"] += [given[id(row)] for row in separate if id(row) in given]
    sets = {part: lines.pick(numbers[part]) for part in PARTS}
    for part in PARTS[:2]:
        if not len(sets[part]):
            raise DataError(
                f"{spec} has {len(lines):,} lines: too few for training and validation sets; give more, or other "
                "--fractions"
            )
    if folds:
        notes.append(f"the test set is fold {fold + 1} of {folds} (--fold {fold}), by a hash of the lines' names")
    notes += _repeated(sets)
    return LineSets(**sets, notes=notes, how=[f"{source.path.name}: {source.how}" for source in listed])


def read_lines(spec: str, layout: LineLayout, progress: Progress = silent) -> tuple[Lines, list[str]]:
    """Return the lines of ``spec`` to evaluate on, and notes: its test parts, or else all.

    Raises:
        ArgumentError, DataError: see `open_lines`.
    """
    if spec in NAMES and not exists(spec):
        sets = generated_lines(spec, layout.height, layout.generated, progress)
        return sets.test, sets.notes
    notes: list[str] = []
    lines, _, more = _read(_test_rows(spec, layout, notes), layout, progress)
    return lines, notes + more


def _named(spec: str, layout: LineLayout, test: str | None, folds: int, progress: Progress) -> LineSets:
    if folds:
        raise ArgumentError("folds", f"0 with the data {spec}", folds, "its test set is given")
    sets = generated_lines(spec, layout.height, layout.generated, progress)
    if test is None:
        return sets
    lines, notes = read_lines(test, layout, progress)
    return replace(sets, test=lines, notes=[*sets.notes, *notes])


def _listed(spec: str, layout: LineLayout) -> list[ListedLines]:
    """Return the lines of each path; those of several paths are grouped by path."""
    listed = [list_lines(path, layout.table) for path in several_paths(spec, NAMES)]
    for source in listed if len(listed) > 1 else ():
        for row in source.rows:
            row.group = source.path.stem
    return listed


def _test_rows(spec: str, layout: LineLayout, notes: list[str]) -> list[ListedLine]:
    rows: list[ListedLine] = []
    for source in _listed(spec, layout):
        notes += source.notes
        parts = {row.part for row in source.rows}
        chosen = next(part for part in ("test", "valid", "train", "") if part in parts)
        rows += [row for row in source.rows if row.part == chosen]
    return rows


def _read(rows: list[ListedLine], layout: LineLayout, progress: Progress) -> tuple[Lines, list[ListedLine], list[str]]:
    """Return the lines with a text, their rows, and notes."""
    texts, empty = TextNotes(layout.form), list[str]()
    full = []
    for row in rows:
        row.text = texts.clean(row.text, row.name)
        (full.append(row) if row.text else empty.append(row.name))
    notes = [counted("line", empty, "without text skipped", len(rows))] if empty else []
    if not full:
        raise DataError(f"none of {len(rows):,} lines has a text; give the text of each line")
    store = LineStore(full, layout.height, skip=layout.skip, progress=progress)
    notes += [f"{len(store.skipped):,} lines skipped: {store.skipped[0]}"] if store.skipped else []
    kept = [full[number] for number in store.kept]
    lines = Lines(
        store.pixels,
        np.arange(len(kept)),
        store.pixels.widths,
        [row.text for row in kept],
        [row.group for row in kept],
        [row.name for row in kept],
        store.digests,
        layout.height,
    )
    shapes, odd = shape_notes(lines.texts, (store.pixels.widths / layout.height).tolist(), lines.names)
    if odd == len(lines) and odd:
        raise DataError(f"no picture is a single line of text: {shapes[0]}")
    notes += texts.notes() + shapes + order_notes(lines.texts, lines.names)
    if turned := [line for line, inverted in zip(lines.names, store.inverted, strict=True) if inverted]:
        notes.append(counted("picture", turned, "with light ink on dark paper: turned over", len(lines)))
    return lines, kept, notes


def _divided(
    own: list[int],
    kept: Sequence[ListedLine],
    lines: Lines,
    fractions: Fractions | None,
    separate: bool,
    folds: int,
    fold: int,
) -> dict[str, list[int]]:
    """Return the numbers of the lines of each part of a folder or file."""
    numbers = {part: [n for n in own if kept[n].part == part] for part in PARTS[1:]}
    pool = [n for n in own if kept[n].part in ("", "train")]
    given = [part for part in PARTS[1:] if numbers[part] or (part == "test" and separate)]
    names, keys, folders = (
        [lines.names[n] for n in pool],
        [lines.digests[n] for n in pool],
        [kept[n].folder for n in pool],
    )
    divided = even_parts(names, keys, folders, with_own(fractions, given), folds, fold)
    return {part: numbers.get(part, []) + [pool[n] for n in divided[part]] for part in PARTS}


def _repeated(sets: dict[str, Lines]) -> list[str]:
    """Return notes on pictures and texts of the test set that are also in the training set."""
    train, test = sets["train"], sets["test"]
    seen = set(train.digests)
    notes = []
    if same := sum(digest in seen for digest in test.digests):
        notes.append(f"{same:,} of {len(test):,} test pictures are also training pictures; remove them from one part")
    known = Counter(train.texts)
    long = [text for text in test.texts if len(text) >= LONG]
    if (again := sum(text in known for text in long)) > len(long) / 10:
        notes.append(
            f"{again:,} of {len(long):,} test texts of at least {LONG} characters are also training texts, so errors "
            "on other texts may be more frequent"
        )
    return notes
