"""Passages of the text with similar states: `analysis.similar` on the page's own traces, of any model that reads text.

Positions are characters here. The text is read in chunks from the saved states, so that other requests are answered in
between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...analysis.similar import On, Selection, segments, signed, units_on
from ...errors import ArgumentError
from ..scores import Numbers

THRESHOLD = 0.3  # a unit is on above this value, or below its negative
CHUNK = 3200  # characters read at once
SEARCHED = 200_000  # characters searched, around the passage
MOST, AROUND = 40, 24  # passages listed, characters on either side
SHOWN_UNITS = 12

Read = Callable[[int, int], Numbers]
"""Returns the values ``(end - begin, H)`` of a state for a range of characters."""


def similar(text: str, read: Read, begin: int, end: int, leaf: str) -> dict[str, Any]:
    """Return passages in which the units are on that are on throughout a passage and not beside it.

    Raises:
        ArgumentError: no unit is on throughout the passage.
    """
    first, last = max(0, begin - 1), min(len(text), end + 1)
    shift = min(max(0, (begin + end) // 2 - SEARCHED // 2), max(0, len(text) - SEARCHED))
    searched = shift, min(len(text), shift + SEARCHED)
    context = True
    try:
        units = units_on(_windows(read, first, last), begin, end, threshold=THRESHOLD)
    except ArgumentError:  # every unit that is on in the passage is also on beside it
        context = False
        try:
            units = units_on(_windows(read, first, last), begin, end, threshold=THRESHOLD, context=False)
        except ArgumentError:
            expected = f"a passage throughout which at least one unit of {leaf} is beyond ±{THRESHOLD}"
            raise ArgumentError("the selection", expected, f"{end - begin:,} characters", "select fewer") from None
    selection = Selection(units, end - begin, THRESHOLD, 0, leaf, context)
    matches = [
        {
            "score": round(found.score, 4), "begin": found.start, "end": found.start + found.length,
            "before": text[max(0, found.start - AROUND) : found.start],
            "text": text[found.start : found.start + found.length][: 4 * AROUND],
            "after": text[found.start + found.length :][:AROUND],
        }
        for found in segments(_windows(read, *searched), selection, most=MOST)
    ]  # fmt: skip
    names = [f"{leaf}[{unit}]{'' if sign > 0 else ' −'}" for unit, sign in units[:SHOWN_UNITS]]
    more = [f"{len(units) - SHOWN_UNITS} more"] if len(units) > SHOWN_UNITS else []
    return {"units": names + more, "begin": searched[0], "end": searched[1], "matches": matches}


def _windows(read: Read, begin: int, end: int) -> Iterator[tuple[int, On]]:
    for at in range(begin, end, CHUNK):
        yield at, signed(read(at, min(end, at + CHUNK)), THRESHOLD)
