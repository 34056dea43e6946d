"""Named sets of lines that are drawn on this machine: text in several scripts, and strings of digits.

generated       text in the scripts for which this machine has fonts; the test set has fonts that training has not
digits          strings of 5 to 10 digits of MNIST, each part from the digits of its part
drawn-digits    the same of built-in digits, which need no files
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import PIL
from PIL import features

from ..errors import ArgumentError
from ..results import Progress, silent
from . import digit_strings
from .digits import mnist
from .line_drawings import drawn_lines
from .line_words import SCRIPTS
from .pictures import Pixels
from .rendered_lines import UNUSUAL, LineRenderer, LineStyle, available_scripts, fonts_of
from .sets import PARTS
from .system_fonts import matching
from .transcribed_lines import Lines, LineSets

GENERATED, DIGITS, DRAWN_DIGITS = "generated", "digits", "drawn-digits"
NAMES = {
    GENERATED: "lines of text in six scripts, rendered with the fonts of this machine (generated)",
    DIGITS: "strings of 5 to 10 handwritten digits (MNIST)",
    DRAWN_DIGITS: "strings of 5 to 10 drawn digits (generated)",
}
UNSEEN = (
    *("DejaVuSerif-Bold", "NotoSerif-Italic", "DejaVuSansCondensed"),
    *("NotoSerifHebrew-Bold", "NotoSansHebrew-Regular", "NotoNaskhArabic-Bold", "NotoSansArabic-Regular"),
    *("NotoSansDevanagari-Bold", "NotoSerifDevanagari-Regular"),
)
"""the fonts of the test set, where they are installed"""
LINES, VALID, TEST = 4_000, 300, 600
SEEDS = {"train": 1, "valid": 2, "test": 3}
VERSION = 1  # of the text and the drawing of lines


@dataclass(frozen=True, kw_only=True)
class GeneratedLayout:
    """What is drawn.

    Attributes:
        lines: number of training lines.
        scripts: names of scripts; empty: all for which this machine has fonts.
        unseen_fonts: patterns of names of fonts that only the test set has; empty: `UNSEEN`.
    """

    lines: int = LINES
    scripts: Sequence[str] = ()
    unseen_fonts: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.lines <= 10_000_000:
            raise ArgumentError("lines", "1 to 10,000,000", self.lines)


def generated_lines(
    name: str, height: int, layout: GeneratedLayout | None = None, progress: Progress = silent
) -> LineSets:
    """Return a named set.

    Args:
        name: one of `NAMES`.
        height: pixels of each line.
        layout: what is drawn.
        progress: shows the progress of drawing, which happens once.

    Raises:
        ArgumentError: an unknown script, or a height out of range.
        DataError: no font for a script; a script that needs Raqm, which is missing; MNIST cannot be read.
    """
    layout = layout or GeneratedLayout()
    counts = dict(zip(PARTS, (layout.lines, VALID, TEST), strict=True))
    if name == GENERATED:
        return _rendered(counts, height, layout, progress)
    sets = {part: _digits(name, part, counts[part], height, progress) for part in PARTS}
    return LineSets(**sets, notes=[], how=[f"{name}: {NAMES[name]}"])


def _digits(name: str, part: str, count: int, height: int, progress: Progress) -> Lines:
    built_in = name == DRAWN_DIGITS
    if not built_in:
        mnist(part)  # an error before anything is drawn

    def draw(number: int) -> tuple[Pixels, str, str]:
        return *digit_strings.digit_string(part, number, height, built_in=built_in), ""

    key = {"part": part, "built_in": built_in, "version": digit_strings.VERSION, "pillow": PIL.__version__}
    return drawn_lines(f"{name} {part}", key, draw, count, height, progress)


def _rendered(counts: dict[str, int], height: int, layout: GeneratedLayout, progress: Progress) -> LineSets:
    scripts = tuple(layout.scripts) or tuple(available_scripts())
    notes = []
    if missing := [script for script in SCRIPTS if script not in scripts and not layout.scripts]:
        notes.append(
            f"no {', '.join(missing)} lines: this machine lacks their fonts (Debian: fonts-noto-core) or Pillow's "
            "layout Raqm (libfribidi0)"
        )
    LineStyle(scripts=scripts, height=height)  # checks the names
    kept, shared = _unseen(scripts, layout.unseen_fonts)
    if shared:
        notes.append(f"test lines in {', '.join(shared)} have fonts of training: too few are installed to keep some")
    seen = [font.name for script in shared for font in fonts_of(script)]
    styles = {
        part: LineStyle(scripts=scripts, height=height, fonts=[*kept, *seen], exclude=UNUSUAL)
        if part == "test" and kept
        else LineStyle(scripts=scripts, height=height, exclude=[*UNUSUAL, *kept])
        for part in PARTS
    }
    sets = {part: _part(part, counts[part], styles[part], progress) for part in PARTS}
    how = [f"generated: {', '.join(scripts)}; fonts of the test set: {', '.join(sorted(kept)) or 'those of training'}"]
    return LineSets(**sets, notes=notes, how=how)


def _part(part: str, count: int, style: LineStyle, progress: Progress) -> Lines:
    renderer = LineRenderer(style, SEEDS[part])
    fonts = {script: [(font.name, _size(font.path)) for font in found] for script, found in renderer.fonts.items()}
    versions = [VERSION, PIL.__version__, *(str(features.version(name)) for name in ("freetype2", "raqm", "harfbuzz"))]
    key: dict[str, Any] = {"part": part, "seed": renderer.seed, "fonts": fonts, "versions": versions}
    return drawn_lines(f"generated {part}", key, partial(_draw, renderer), count, style.height, progress)


def _draw(renderer: LineRenderer, number: int) -> tuple[Pixels, str, str]:
    line = renderer(number)
    return line.pixels, line.text, line.script


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _unseen(scripts: Sequence[str], patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of the fonts that are kept for the test set, and the scripts that have too few.

    Without patterns, a script without any of `UNSEEN` keeps the last two of at least four fonts.
    """
    kept: set[str] = set()
    for script in scripts:
        names = [font.name for font in fonts_of(script)]
        chosen = {name for name in names if matching(name, patterns or UNSEEN)}
        if patterns and names and chosen == set(names):
            raise ArgumentError(
                "unseen_fonts", f"patterns that leave a font for training {script} lines", ", ".join(patterns)
            )
        if not patterns and not chosen and len(names) >= 4:
            chosen = set(names[-2:])
        if len(chosen) < len(names):
            kept |= chosen
    few = [script for script in scripts if kept.isdisjoint(font.name for font in fonts_of(script))]
    return sorted(kept), few
