"""The page: one HTML file with the text, the units and a script, which asks for nothing from anywhere.

The text of a corpus, and the symbols of a model, stand in it as JSON whose ``<``, ``>`` and ``&`` are escaped, so that
no text can end the element it stands in. The page's own script is the only one that its content security policy lets
run (by its hash), and it puts text on the page as text.
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

from ..errors import ArgumentError
from .packing import in_base64, levels, scale
from .scores import Numbers
from .shown import Shown

MOST_CELLS = 14  # with more, a page of 100,000 characters would be over 5 MB
MOST_CHARACTERS = 100_000
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Cell:
    """A unit on the page: the hypothesis it goes by, and what is told of it in a line."""

    hypothesis: str
    told: str


def page(title: str, about: str, text: str, cells: Sequence[Cell], shown: Shown, spell: Callable[[int], str]) -> str:
    """The page's source.

    Args:
        title, about: its head.
        text: of at most `MOST_CHARACTERS` characters.
        cells: at most `MOST_CELLS`; ``shown`` has their values in this order.
        shown: see there.
        spell: what a symbol of the model's looks like.

    Raises:
        ArgumentError: too much of something.
    """
    if len(text) > MOST_CHARACTERS:
        raise ArgumentError("text", f"at most {MOST_CHARACTERS:,} characters for a page", len(text))
    if not 1 <= len(cells) <= MOST_CELLS:
        raise ArgumentError("cells", f"from 1 to {MOST_CELLS} for a page", len(cells))
    data = {
        "text": text,
        "cells": [
            {"hypothesis": cell.hypothesis, "told": cell.told, **_packed(values)}
            for cell, values in zip(cells, shown.values, strict=True)
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
    found = source
    for mark in ("@HASH@", "@STYLE@", "@SCRIPT@"):
        found = found.replace(mark, parts[mark])
    before, rest = found.split("@DATA@")
    for mark in ("@TITLE@", "@ABOUT@"):  # last, and each in its place only: what comes from outside may hold marks
        before = parts[mark].join(before.split(mark))
    return _SURROGATES.sub("\ufffd", before + parts["@DATA@"] + rest)  # they are no characters, and no UTF-8


def harmless(data: Any) -> str:
    """JSON that can stand in a script element whatever the strings in it are."""
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
