"""Search for segments with similar activations (LSTMVis: Strobelt, Gehrmann, Pfister and Rush 2018).

    on_t   = {(u, +): s_t[u] > τ} ∪ {(u, −): s_t[u] < −τ}                                                  (1)
    S      = ∩_{a ≤ t < b} on_t  −  on_{a−1}  −  on_b            the units that are on in [a, b) but not around (2)
    match  = a maximal segment at each of whose positions at least a share of S is on                     (3)
    R      = ∩ on_t of the match,   X = (R − on_{before} − on_{after}) − S                                (4)
    score  = |S ∩ R| / (|S| + |X|)                                                                        (5)

A unit is on where its value exceeds the threshold τ. The score of a match increases with the selected units that are on
throughout and decreases with other units that are on throughout but not around it. Ties are ordered by similarity of
length, then by position. With ``context=False``, (2) and (4) ignore the units around a segment. The corpus is read
window by window; only the units that are on throughout the current segment and the best matches are stored.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..cells import check_size
from ..checks import Count, Size, checked
from ..data import Split
from ..errors import ArgumentError
from .text_windows import LanguageModelHandle, Progress, as_split, snippet, states

# T positions of a window, H units, 2H signed units

On = npt.NDArray[np.bool_]
SignedUnit = tuple[int, int]
"""``(unit, +1 or −1)``"""


@dataclass(frozen=True)
class Selection:
    """The query of a search: units of one layer that are on in a segment.

    Attributes:
        units: S, the signed units.
        length: b − a, in tokens.
        threshold: τ.
        layer, leaf: the layer and the leaf of the state.
        context: whether units that are on next to the segment are excluded, (2) and (4).
    """

    units: list[SignedUnit]
    length: int
    threshold: float
    layer: int
    leaf: str
    context: bool


@dataclass(frozen=True)
class Match:
    """A matching segment of the corpus.

    Attributes:
        score: (5).
        start, length: in tokens.
        shared: number of units of S that are on throughout.
        others: |X|.
        before, text, after: text before, of and after the segment.
    """

    score: float
    start: int
    length: int
    shared: int
    others: int
    before: str
    text: str
    after: str

    def as_json(self) -> dict[str, Any]:
        """Return JSON data."""
        return dict(vars(self))


@checked
def select(
    handle: LanguageModelHandle,
    text: str | Split,
    begin: int,
    end: int,
    *,
    layer: int = -1,
    leaf: str = "h",
    threshold: float = 0.3,
    context: bool = True,
    window: Size = 1024,
    progress: Progress | None = None,
) -> Selection:
    """Select the units that are on in the segment of tokens from ``begin`` up to ``end`` (2).

    Args:
        handle: a language model with recurrent layers.
        text: the text, read from its beginning.
        begin: a, in tokens.
        end: b, in tokens.
        layer: layer of the units; −1 is the last.
        leaf: ``"h"``, or ``"c"`` of an LSTM.
        threshold: τ.
        context: exclude units that are on just before or after the segment.
        window: steps at once.
        progress: called with the number of tokens read so far, up to the end of the segment.

    Raises:
        ArgumentError: the segment is not in the text, the layer or leaf does not exist, or no unit is on.
    """
    split = as_split(handle, text)
    if not 0 <= begin < end <= len(split):
        raise ArgumentError("begin, end", f"a segment within 0 and {len(split)}", (begin, end))
    prefix = Split(split.tokens[: end + 1], split.starts[split.starts <= end], 0, 0)
    windows = _on(handle, prefix, layer, leaf, threshold, window, progress)
    units = units_on(windows, begin, end, threshold=threshold, context=context)
    return Selection(units, end - begin, threshold, layer, leaf, context)


def units_on(
    windows: Iterable[tuple[int, On]], begin: int, end: int, *, threshold: float, context: bool = True
) -> list[SignedUnit]:
    """Return S (2) for windows of signed units (1), given as (first position, ``(T, 2H)``), that contain the segment.

    Raises:
        ArgumentError: no unit is on.
    """
    inside: On | None = None
    around = np.zeros(0, dtype=np.bool_)
    for position, on in windows:
        if inside is None:
            inside, around = np.ones(on.shape[1], dtype=np.bool_), np.zeros(on.shape[1], dtype=np.bool_)
        here = np.arange(position, position + len(on))
        inside &= on[(begin <= here) & (here < end)].all(0)
        if context:
            around |= on[(here == begin - 1) | (here == end)].any(0)
    assert inside is not None
    chosen = np.flatnonzero(inside & ~around)
    if not len(chosen):
        remedy = "lower it"
        if context:
            remedy += ", or ignore the units around the segment with --no-context (context=False in Python)"
        raise ArgumentError("threshold", "exceeded by at least one unit throughout the segment", threshold, remedy)
    H = len(inside) // 2
    return [(int(u % H), 1 if u < H else -1) for u in chosen]


@checked
def similar(
    handle: LanguageModelHandle,
    corpus: str | Split,
    selection: Selection,
    *,
    share: float = 0.75,
    most: Size = 50,
    around: Count = 30,
    window: int = 1024,
    progress: Progress | None = None,
) -> list[Match]:
    """Search a corpus for segments in which the selected units are on, most similar first.

    Args:
        handle: the model of the selection.
        corpus: a text, or an encoded text of any length.
        selection: result of `select`.
        share: share of the units that must be on at every position of a match (3).
        most: maximum number of matches.
        around: tokens of context on either side.
        window: steps at once.
        progress: called with the number of tokens read so far.

    Raises:
        ArgumentError: the share is not in (0, 1], or the selection belongs to another model.
    """
    if not 0 < share <= 1:
        raise ArgumentError("share", "above 0 and at most 1", share)
    check_size("most", most)
    split = as_split(handle, corpus)
    windows = _on(handle, split, selection.layer, selection.leaf, selection.threshold, window, progress)
    matches = []
    for found in segments(windows, selection, share=share, most=most):
        before, text, after = snippet(handle, split, found.start, found.start + found.length, around)
        matches.append(Match(found.score, found.start, found.length, found.shared, found.others, before, text, after))
    return matches


class Segment(NamedTuple):
    """A matching segment without its text; the fields are those of `Match`."""

    score: float
    start: int
    length: int
    shared: int
    others: int


def segments(
    windows: Iterable[tuple[int, On]], selection: Selection, *, share: float = 0.75, most: int = 50
) -> list[Segment]:
    """Return the ``most`` best matches in windows of signed units (1), given as (first position, ``(T, 2H)``)."""
    best: list[tuple[float, int, int, int, int, int]] = []  # a heap, worst first
    for start, length, shared, others in _matches(windows, selection, share):
        score = shared / (len(selection.units) + others)
        entry = (score, -abs(length - selection.length), -start, length, shared, others)
        (heapq.heappush if len(best) < most else heapq.heappushpop)(best, entry)
    return [Segment(score, -start, *rest) for score, _, start, *rest in sorted(best, reverse=True)]


def _matches(
    windows: Iterable[tuple[int, On]], selection: Selection, share: float
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, length, |S ∩ R|, |X|) of every match, (3) and (4)."""
    minimum = share * len(selection.units) - 1e-9
    selected: On | None = None
    run: _Run | None = None
    previous: On | None = None  # on at the previous position
    for position, on in windows:
        if selected is None:
            selected = _signed(selection.units, on.shape[1] // 2)
            previous = np.zeros_like(selected)
        hits = on[:, selected].sum(1) >= minimum  # (T,)
        for begin, end in _runs(hits):
            if run is not None and begin > 0:  # it ended with the last window
                yield run.result(selected, on[0], selection.context)
                run = None
            if run is None:
                run = _Run(position + begin, on[begin - 1] if begin else previous)
            run.add(on[begin:end])
            if end < len(on):
                yield run.result(selected, on[end], selection.context)
                run = None
        if run is not None and not hits[-1]:
            yield run.result(selected, on[0], selection.context)
            run = None
        previous = on[-1]
    if run is not None and selected is not None:
        yield run.result(selected, np.zeros_like(selected), selection.context)


class _Run:
    """The match at the current position."""

    def __init__(self, start: int, before: On | None) -> None:
        assert before is not None
        self.start, self.length, self.before = start, 0, before
        self.throughout = np.ones_like(before)

    def add(self, on: On) -> None:
        """Extend the match by positions ``(t, 2H)``."""
        self.length += len(on)
        self.throughout &= on.all(0)

    def result(self, selected: On, after: On, context: bool) -> tuple[int, int, int, int]:
        """Return (start, length, |S ∩ R|, |X|)."""
        others = self.throughout & ~selected
        if context:
            others &= ~self.before & ~after
        return self.start, self.length, int((self.throughout & selected).sum()), int(others.sum())


def _runs(hits: On) -> list[tuple[int, int]]:
    """Return (begin, end) of every run of true values."""
    edges = np.diff(np.concatenate([[False], hits, [False]]).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def _on(
    handle: LanguageModelHandle,
    split: Split,
    layer: int,
    leaf: str,
    threshold: float,
    window: int,
    progress: Progress | None,
) -> Iterator[tuple[int, On]]:
    """Yield the signed units that are on (1) window by window: (first position, ``(T, 2H)``)."""
    if threshold < 0:
        raise ArgumentError("threshold", "at least 0", threshold)
    for position, values in states(handle, split, layer, leaf=leaf, window=window, progress=progress):
        yield position, signed(values, threshold)


def signed(values: npt.NDArray[np.float32], threshold: float) -> On:
    """Return ``(T, 2H)``: which units of ``values (T, H)`` are on (1), above the threshold and below its negative."""
    return np.concatenate([values > threshold, values < -threshold], axis=1)


def _signed(units: list[SignedUnit], H: int) -> On:
    """Return a mask ``(2H,)`` of signed units."""
    selected = np.zeros(2 * H, dtype=np.bool_)
    for unit, sign in units:
        if not 0 <= unit < H:
            raise ArgumentError("selection", f"a selection from this model, whose layer has {H} units", f"unit {unit}")
        selected[unit if sign > 0 else H + unit] = True
    return selected
