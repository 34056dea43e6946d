"""Where else the units are on that are on here (LSTMVis: Strobelt, Gehrmann, Pfister and Rush 2018).

    on_t   = {(u, +): s_t[u] > τ} ∪ {(u, −): s_t[u] < −τ}                                                  (1)
    S      = ∩_{a ≤ t < b} on_t  −  on_{a−1}  −  on_b            the units that are on in [a, b) and only there (2)
    match  = a longest stretch at each of whose positions at least a share of S is on                     (3)
    R      = ∩ on_t of the match,   X = (R − on_{before} − on_{after}) − S                                (4)
    score  = |S ∩ R| / (|S| + |X|)                                                                        (5)

A match counts for as many of the units as are on throughout, and the others that are too, but not around it, count
against it. Among equals the one of more similar length comes first, then the earlier one. With ``context=False`` it is
not asked what is on around a stretch, in (2) and (4). The corpus is read window by window; what is kept is which units
are on all through the stretch being read, and the best matches.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import check_size
from ..checks import Count, Size, checked
from ..data import Split
from ..errors import ArgumentError
from .text_windows import LanguageModelHandle, Progress, as_split, snippet, states

# T positions of a window, H units, 2H of them with a sign

On = npt.NDArray[np.bool_]
SignedUnit = tuple[int, int]
"""``(unit, +1 or −1)``"""


@dataclass(frozen=True)
class Selection:
    """What is searched for: units of one layer that are on in a stretch.

    Attributes:
        units: S, with their signs.
        length: b − a.
        threshold: τ.
        layer, leaf: whose.
        context: whether units on next to the stretch are left out, (2) and (4).
    """

    units: list[SignedUnit]
    length: int
    threshold: float
    layer: int
    leaf: str
    context: bool


@dataclass(frozen=True)
class Match:
    """A stretch of the corpus.

    Attributes:
        score: (5).
        start, length: in symbols.
        shared: how many of S are on throughout.
        others: |X|.
        before, text, after: what is written there.
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
        """Plain data."""
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
    """The units that are on while the symbols from ``begin`` up to ``end`` are read (2).

    Args:
        handle: a language model with recurrent layers.
        text: read from its beginning.
        begin: a, in symbols.
        end: b, in symbols.
        layer: whose units; −1 is the last.
        leaf: ``"h"``, or an LSTM's ``"c"``.
        threshold: τ.
        context: leave out those that are on just before or after.
        window: steps at once.
        progress: told how many symbols have been read; it ends with the stretch.

    Raises:
        ArgumentError: the stretch is not in the text, no such layer or leaf, or no unit is on there.
    """
    split = as_split(handle, text)
    if not 0 <= begin < end <= len(split):
        raise ArgumentError("begin, end", f"a stretch within 0 and {len(split)}", (begin, end))
    inside: On | None = None
    around = np.zeros(0, dtype=np.bool_)
    near = Split(split.tokens[: end + 1], split.starts[split.starts <= end], 0, 0)
    for position, on in _on(handle, near, layer, leaf, threshold, window, progress):
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
            remedy += ", or do not ask what is on around the stretch: --no-context, or context=False in Python"
        raise ArgumentError("threshold", "one that some unit exceeds all through the stretch", threshold, remedy)
    H = len(inside) // 2
    units = [(int(u % H), 1 if u < H else -1) for u in chosen]
    return Selection(units, end - begin, threshold, layer, leaf, context)


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
    """Stretches of a corpus in which the selected units are on, the most similar first.

    Args:
        handle: the model the selection was made with.
        corpus: a text, or encoded text of any length.
        selection: from `select`.
        share: of the units, on at every position of a match (3).
        most: how many are returned.
        around: symbols shown on either side.
        window: steps at once.
        progress: told how many symbols have been read.

    Raises:
        ArgumentError: a share not above 0 and at most 1, or a selection of another model.
    """
    if not 0 < share <= 1:
        raise ArgumentError("share", "above 0 and at most 1", share)
    check_size("most", most)
    split = as_split(handle, corpus)
    best: list[tuple[float, int, int, int, int, int]] = []  # a heap, the worst first
    for start, length, shared, others in _matches(handle, split, selection, share, window, progress):
        score = shared / (len(selection.units) + others)
        found = (score, -abs(length - selection.length), -start, length, shared, others)
        (heapq.heappush if len(best) < most else heapq.heappushpop)(best, found)
    matches = []
    for score, _, start, length, shared, others in sorted(best, reverse=True):
        before, text, after = snippet(handle, split, -start, -start + length, around)
        matches.append(Match(score, -start, length, shared, others, before, text, after))
    return matches


def _matches(
    handle: LanguageModelHandle,
    split: Split,
    selection: Selection,
    share: float,
    window: int,
    progress: Progress | None,
) -> Iterator[tuple[int, int, int, int]]:
    """(3) and (4): start, length, |S ∩ R|, |X|."""
    least = share * len(selection.units) - 1e-9
    wanted: On | None = None
    run: _Run | None = None
    previous: On | None = None  # what was on at the position before
    read = _on(handle, split, selection.layer, selection.leaf, selection.threshold, window, progress)
    for position, on in read:
        if wanted is None:
            wanted = _signed(selection.units, on.shape[1] // 2)
            previous = np.zeros_like(wanted)
        hits = on[:, wanted].sum(1) >= least  # (T,)
        for begin, end in _runs(hits):
            if run is not None and begin > 0:  # the one of the last window ended with it
                yield run.ended(wanted, on[0], selection.context)
                run = None
            if run is None:
                run = _Run(position + begin, on[begin - 1] if begin else previous)
            run.add(on[begin:end])
            if end < len(on):
                yield run.ended(wanted, on[end], selection.context)
                run = None
        if run is not None and not hits[-1]:
            yield run.ended(wanted, on[0], selection.context)
            run = None
        previous = on[-1]
    if run is not None and wanted is not None:
        yield run.ended(wanted, np.zeros_like(wanted), selection.context)


class _Run:
    """A match that is being read."""

    def __init__(self, start: int, before: On | None) -> None:
        assert before is not None
        self.start, self.length, self.before = start, 0, before
        self.throughout = np.ones_like(before)

    def add(self, on: On) -> None:
        self.length += len(on)
        self.throughout &= on.all(0)

    def ended(self, wanted: On, after: On, context: bool) -> tuple[int, int, int, int]:
        others = self.throughout & ~wanted
        if context:
            others &= ~self.before & ~after
        return self.start, self.length, int((self.throughout & wanted).sum()), int(others.sum())


def _runs(hits: On) -> list[tuple[int, int]]:
    """Where a row of true values begins and ends."""
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
    """(1): positions' units with their signs ``(T, 2H)``, window by window."""
    if threshold < 0:
        raise ArgumentError("threshold", "at least 0", threshold)
    for position, values in states(handle, split, layer, leaf=leaf, window=window, progress=progress):
        yield position, np.concatenate([values > threshold, values < -threshold], axis=1)


def _signed(units: list[SignedUnit], H: int) -> On:
    """``(2H,)``, true for the selected ones."""
    wanted = np.zeros(2 * H, dtype=np.bool_)
    for unit, sign in units:
        if not 0 <= unit < H:
            raise ArgumentError("selection", f"made with this model, whose layer has {H} units", f"unit {unit}")
        wanted[unit if sign > 0 else H + unit] = True
    return wanted
