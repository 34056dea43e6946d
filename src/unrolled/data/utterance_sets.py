"""Resolve ``--data`` to training, validation and test sets of recordings; see utterance_lists.py for their forms.

All recordings are decoded once into a store in the cache (utterance_store.py). A part that is not given is split off by
a hash of the names; equal recordings are in one part. With ``by="group"`` a fold is a speaker or folder, or several.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ArgumentError, DataError
from ..results import Progress, silent
from .generated_speech import TITLE, USUAL, generated_sounds
from .hashed_parts import even_parts, fraction_of
from .joined_utterances import joined
from .line_texts import NormalForm, TextNotes, counted
from .sets import PARTS, Fractions, with_own
from .several_paths import several_paths
from .utterance_lists import DIGITS, TAKES, WORDS, list_utterances
from .utterance_sources import ListedUtterance, ListedUtterances
from .utterance_store import UtteranceStore
from .utterances import Utterances, UtteranceSets

GENERATED = "generated"
NAMES = {GENERATED: TITLE}
"""the named data sets → titles"""
HIGHEST = 16_000  # samples per second that recordings are converted to without a given rate
PEEKED = 20  # recordings that decide on the rate


@dataclass(frozen=True, kw_only=True)
class UtteranceLayout:
    """How recordings are read.

    Attributes:
        rate: samples per second that all are converted to; `None`: the most frequent rate, at most 16,000.
        form: the Unicode normal form of transcripts.
        case: ``lower`` and ``upper`` convert transcripts.
        spell_digits: replace digits in transcripts by their English words.
        pattern: a regular expression that finds in names the transcript (group ``text``) and the speaker (``group``).
        test_names: a regular expression; recordings whose names match are the test set.
        by: ``name``: folds by a hash of the names; ``group``: each group is in one fold.
        join: least and most recordings of a group to join to an utterance; `None`: none.
        skip: omit recordings that cannot be read.
        generated: training recordings of the named set that is generated.
    """

    rate: int | None = None
    form: NormalForm = "NFC"
    case: Literal["keep", "lower", "upper"] = "keep"
    spell_digits: bool = False
    pattern: str | None = None
    test_names: str | None = None
    by: Literal["name", "group"] = "name"
    join: tuple[int, int] | None = None
    skip: bool = False
    generated: int = USUAL


def open_utterances(
    spec: str,
    layout: UtteranceLayout,
    fractions: Fractions | None = None,
    test: str | None = None,
    folds: int = 0,
    fold: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> UtteranceSets:
    """Read the training, validation and test sets that ``spec`` names.

    Args:
        spec: paths of folders or files (several_paths.py), or ``generated``.
        layout: how recordings are read.
        fractions: fractions of the training data for training, validation and test (default 0.8, 0.1, 0.1).
        test: paths of the test set, instead of a fraction.
        folds: number of folds for cross-validation; 0: off. A separate test set is then not used.
        fold: the fold that is the test set.
        seed: seed of what is generated.
        progress: shows the progress of decoding.

    Raises:
        ArgumentError: there are fewer recordings or groups than folds, or an option of the layout is invalid.
        DataError: the data cannot be read, or a set would be empty.
        RunError: a recording is no WAV file, and soundfile is not installed.
    """
    listed, notes = _listed(spec, layout, seed), list[str]()
    rows = [row for source in listed for row in source.rows]
    if (test is not None or folds) and any(row.part == "test" for row in rows):
        notes.append(f"{spec}: its test part is not used, because {'--folds' if folds else '--test'} gives another")
        rows = [row for row in rows if row.part != "test"]
    rows = rows if folds or test is not None else _with_test(rows, layout, spec)
    separate = _test_rows(test, layout, seed) if test is not None else []
    for row in separate:
        row.part = "test"
    read, kept, more = _read([*rows, *separate], layout, progress)
    numbers = _divided(read, kept, layout, fractions, folds, fold)
    sets = {part: read.pick(numbers[part]) for part in PARTS}
    for part in PARTS[:2]:
        if not len(sets[part]):
            raise DataError(
                f"{spec} has {len(read):,} recordings: too few for training and validation sets; give more, or other "
                "--fractions"
            )
    if folds:
        how = "by a hash of the names" if layout.by == "name" else f"the groups {_groups(sets['test'])}"
        notes.append(f"the test set is fold {fold + 1} of {folds} (--fold {fold}), {how}")
    notes = [*notes, *(note for source in listed for note in source.notes), *more, *_repeated(sets)]
    if layout.join:
        sets = {part: joined(own, layout.join, seed, number) for number, (part, own) in enumerate(sets.items())}
    return UtteranceSets(**sets, notes=notes, how=[f"{source.path.name}: {source.how}" for source in listed])


def read_utterances(
    spec: str, layout: UtteranceLayout, seed: int = 0, progress: Progress = silent
) -> tuple[Utterances, list[str]]:
    """Return the utterances of ``spec`` to evaluate on, and notes: its test part, or else all.

    Raises:
        ArgumentError, DataError, RunError: see `open_utterances`.
    """
    read, _, notes = _read(_test_rows(spec, layout, seed), layout, progress)
    return (joined(read, layout.join, seed, 2) if layout.join else read), notes


def _listed(spec: str, layout: UtteranceLayout, seed: int) -> list[ListedUtterances]:
    """Return the recordings of each path; those of several paths are grouped by path, unless they have groups."""
    if spec == GENERATED:
        return [generated_sounds(seed, layout.generated)]
    pattern = _pattern("pattern", layout.pattern)
    if pattern is not None and "text" not in pattern.groupindex:
        raise ArgumentError("pattern", "a regular expression with the group (?P<text>…)", layout.pattern)
    listed = [list_utterances(path, pattern) for path in several_paths(spec, NAMES)]
    for source in listed if len(listed) > 1 else ():
        for row in source.rows:
            row.group = row.group or source.path.stem
    return listed


def _pattern(option: str, text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except (re.error, RecursionError) as error:
        raise ArgumentError(option, f"a regular expression ({error})", text) from error


def _with_test(rows: list[ListedUtterance], layout: UtteranceLayout, spec: str) -> list[ListedUtterance]:
    """Return the rows; those whose names are of the test set are in it."""
    given = _pattern("test_names", layout.test_names)
    names = [row.name.rpartition("/")[2] for row in rows]
    pattern = given or (TAKES if not layout.pattern and all(map(DIGITS.fullmatch, names)) else None)
    if pattern is None:
        return rows
    chosen = [row for row, name in zip(rows, names, strict=True) if pattern.search(name)]
    if given and not chosen:
        raise DataError(f"no name of {len(rows):,} recordings of {spec} matches --test-names {layout.test_names!r}")
    for row in chosen:
        row.part = "test"
    return rows


def _test_rows(spec: str, layout: UtteranceLayout, seed: int) -> list[ListedUtterance]:
    rows = [row for source in _listed(spec, layout, seed) for row in source.rows]
    parts = {row.part for row in rows}
    return [row for row in rows if row.part == next(part for part in ("test", "valid", "train", "") if part in parts)]


def _read(
    rows: list[ListedUtterance], layout: UtteranceLayout, progress: Progress
) -> tuple[Utterances, list[ListedUtterance], list[str]]:
    """Return the utterances with a transcript, their rows, and notes."""
    texts, empty, full = TextNotes(layout.form), list[str](), list[ListedUtterance]()
    for row in rows:
        row.text = _cased(texts.clean(row.text, row.name), layout)
        (full.append(row) if row.text else empty.append(row.name))
    notes = [counted("recording", empty, "without a transcript skipped", len(rows))] if empty else []
    if not full:
        raise DataError(f"none of {len(rows):,} recordings has a transcript; give the text of each")
    rate = layout.rate or _rate(full)
    store = UtteranceStore(full, rate, skip=layout.skip, progress=progress)
    kept = store.kept
    columns = ([row.text for row in kept], [row.group for row in kept], [row.name for row in kept])
    read = Utterances(store, np.arange(len(kept)), store.lengths, *columns, store.digests, rate)
    return read, kept, notes + texts.notes() + store.notes


def _cased(text: str, layout: UtteranceLayout) -> str:
    if layout.spell_digits:
        text = " ".join(re.sub(r"[0-9]", lambda digit: f" {WORDS[int(digit[0])]} ", text).split())
    return text if layout.case == "keep" else text.lower() if layout.case == "lower" else text.upper()


def _rate(rows: Sequence[ListedUtterance]) -> int:
    """Return the most frequent rate of some recordings, at most 16,000."""
    rates: Counter[int] = Counter()
    error: DataError | None = None
    for number in np.unique(np.linspace(0, len(rows) - 1, PEEKED).astype(int)).tolist():
        try:
            rates[rows[number].sound.audio().rate] += 1
        except DataError as reason:  # `UtteranceStore` names it, or skips it
            error = reason
    if not rates:
        raise error or DataError("there are no recordings; give some")
    return min(HIGHEST, rates.most_common(1)[0][0])


def _divided(
    read: Utterances,
    kept: list[ListedUtterance],
    layout: UtteranceLayout,
    fractions: Fractions | None,
    folds: int,
    fold: int,
) -> dict[str, list[int]]:
    """Return the numbers of the utterances of each part."""
    numbers = {part: [n for n, row in enumerate(kept) if row.part == part] for part in PARTS[1:]}
    pool = [n for n, row in enumerate(kept) if row.part in ("", "train")]
    shares = with_own(fractions, [part for part in PARTS[1:] if numbers[part]])
    if folds and layout.by == "group":
        groups = sorted({read.groups[n] for n in pool}, key=lambda group: (fraction_of(group), group))
        if not 2 <= folds <= len(groups):
            raise ArgumentError("folds", f"at most the number of groups, {len(groups):,} ({', '.join(groups)})", folds)
        held = {group for number, group in enumerate(groups) if number % folds == fold}
        numbers["test"] = [n for n in pool if read.groups[n] in held]
        pool, folds = [n for n in pool if read.groups[n] not in held], 0
        shares = (shares[0] + shares[2], shares[1], 0.0)
    names, keys = [read.names[n] for n in pool], [read.digests[n] for n in pool]
    if folds > len(set(keys)):
        raise ArgumentError("folds", f"at most the number of different recordings, {len(set(keys)):,}", folds)
    divided = even_parts(names, keys, [read.groups[n] for n in pool], shares, folds, fold)
    return {part: numbers.get(part, []) + [pool[n] for n in divided[part]] for part in PARTS}


def _groups(part: Utterances) -> str:
    return ", ".join(sorted(set(part.groups))[:5])


def _repeated(sets: dict[str, Utterances]) -> list[str]:
    """Return a note on recordings of the test set that are also in the training set."""
    seen = set(sets["train"].digests)
    same = sum(digest in seen for digest in sets["test"].digests)
    total = len(sets["test"])
    return [f"{same:,} of {total:,} test recordings are also training recordings; remove them"] if same else []
