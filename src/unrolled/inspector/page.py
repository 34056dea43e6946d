"""The static page: one self-contained HTML file with the text, the units' values and a script; it loads nothing.

The text and the model's tokens are embedded as JSON with ``<``, ``>`` and ``&`` escaped, so that no text can close its
element. The content security policy allows only the page's own script (by its hash), which inserts text as text nodes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .packing import in_base64, levels, scale
from .scores import Numbers
from .shown import Shown

MOST_UNITS = 14  # with more, a page of 100,000 characters would exceed 5 MB
MOST_CHARACTERS = 100_000
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class PageUnit:
    """A unit on the page.

    Attributes:
        hypothesis: the hypothesis's name.
        summary: the unit and its score, in one line.
        meaning: what its colours mean.
        truth: ``(n,)``: where the hypothesis is true; `None` for a numeric one.
        heading: the name of the entry, if it is not the hypothesis's.
    """

    hypothesis: str
    summary: str
    meaning: str = ""
    truth: npt.NDArray[np.bool_] | None = None
    heading: str = ""


def page(
    title: str, about: str, text: str, units: Sequence[PageUnit], shown: Shown, spell: Callable[[int], str]
) -> str:
    """Return the page's HTML source.

    Args:
        title, about: the page's heading and the paragraph below it.
        text: at most `MOST_CHARACTERS` characters.
        units: at most `MOST_UNITS`; ``shown.values`` has a row for each, in this order.
        shown: the units' values and the model's predictions.
        spell: token id → text.

    Raises:
        ArgumentError: the text is too long, or there are no units or too many.
    """
    if len(text) > MOST_CHARACTERS:
        raise ArgumentError("text", f"at most {MOST_CHARACTERS:,} characters for a page", len(text))
    if not 1 <= len(units) <= MOST_UNITS:
        raise ArgumentError("units", f"from 1 to {MOST_UNITS} for a page", len(units))
    data = {
        "text": text,
        "units": [
            {
                "hypothesis": unit.hypothesis,
                "heading": unit.heading or unit.hypothesis,
                "summary": unit.summary,
                "meaning": unit.meaning,
                "truth": None if unit.truth is None else in_base64(np.packbits(unit.truth)),
                **_packed(values),
            }
            for unit, values in zip(units, shown.values, strict=True)
        ],
        "guesses": _guesses(shown, spell),
    }
    static = resources.files(__package__) / "static"
    source = static.joinpath("cells.html").read_text("utf-8")
    style, script = (
        "".join(static.joinpath(name).read_text("utf-8") for name in (f"web/colours.{kind}", f"cells.{kind}"))
        for kind in ("css", "js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "@HASH@": f"sha256-{digest}",
        "@STYLE@": style,
        "@TITLE@": html.escape(title),
        "@ABOUT@": html.escape(about),
        "@SCRIPT@": script,
        "@DATA@": harmless(data),
    }
    for mark in ("@HASH@", "@STYLE@", "@SCRIPT@"):
        source = source.replace(mark, parts[mark])
    before, rest = source.split("@DATA@")
    for mark in ("@TITLE@", "@ABOUT@"):  # last, and only in the template: texts from outside may contain marks
        before = parts[mark].join(before.split(mark))
    return _SURROGATES.sub("\ufffd", before + parts["@DATA@"] + rest)  # not valid in UTF-8


def harmless(data: Any) -> str:
    """Return JSON that is safe inside a script element, whatever strings it contains."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for c in "<>&\u2028\u2029":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return text


def _packed(values: Numbers) -> dict[str, Any]:
    low, high = scale(values)
    return {"low": low, "high": high, "values": in_base64(levels(values, low, high))}


def _guesses(shown: Shown, spell: Callable[[int], str]) -> dict[str, Any] | None:
    if shown.guesses is None or shown.shares is None:
        return None
    used, which = np.unique(shown.guesses, return_inverse=True)
    wide = len(used) > 256
    ids = which.reshape(shown.guesses.shape).astype("<u2" if wide else np.uint8)
    return {
        "symbols": [spell(int(id)) for id in used],
        "wide": wide,
        "ids": in_base64(ids),
        "shares": in_base64(np.rint(shown.shares * 255).astype(np.uint8)),
    }
