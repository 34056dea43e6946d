"""Named sets of lines: ``generated``, rendered in several scripts with the fonts of this machine.

Line n of a part is a pure function of the part, n, the options and the fonts. Its picture has the same normal form as
lines that are read (line_pictures.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, __version__

from ..errors import ArgumentError
from ..results import Progress, silent
from .line_drawings import Draw, drawn_lines
from .line_pictures import HEIGHT, check_height, normal_line
from .line_pictures import VERSION as FORM
from .pictures import Pixels
from .rendered_lines import BUILT_IN, LENGTHS, UNUSUAL, LineRenderer, LineStyle, has_raqm
from .sets import PARTS
from .transcribed_lines import Lines

GENERATED = "generated"
NAMES = {GENERATED: "lines of printed text in several scripts (generated)"}
"""the named data sets → titles"""
LINES = 4_000  # training lines of each script
SHARES = {"train": 1.0, "valid": 0.1, "test": 0.1}
SEEDS = {"train": 1, "valid": 2, "test": 3}
VERSION = 1  # of the renderer
MOST = 1_000_000  # training lines


@dataclass(frozen=True, kw_only=True)
class LineDrawing:
    """Which lines are generated.

    Attributes:
        scripts: their names; see line_words.py.
        count: training lines of each script; validation and test set have a tenth of it each.
        lengths: fewest and most characters of a line.
        unseen: patterns of the names of fonts that only test lines are rendered in; empty: all sets have all fonts.

    Raises:
        ArgumentError: ``count`` is out of range.
    """

    scripts: tuple[str, ...] = ("latin",)
    count: int = LINES
    lengths: tuple[int, int] = LENGTHS
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 20 <= self.count * len(self.scripts) <= MOST or self.count < 20:
            raise ArgumentError("count", f"at least 20, and at most {MOST:,} for all scripts together", self.count)


def named_lines(drawing: LineDrawing, height: int = HEIGHT, progress: Progress = silent) -> dict[str, Lines]:
    """Return the generated training, validation and test sets by the names in `PARTS`.

    Args:
        drawing: which lines are generated.
        height: H.
        progress: shows the progress of drawing.

    Raises:
        ArgumentError: an option is invalid.
        DataError: there is no font for a script, or a script needs a layout engine that Pillow lacks.
    """
    check_height(height)
    return {part: _part(part, drawing, height, progress) for part in PARTS}


def _part(part: str, drawing: LineDrawing, height: int, progress: Progress) -> Lines:
    only_test = drawing.unseen if part == "test" else ()
    style = LineStyle(
        scripts=drawing.scripts,
        height=max(height, HEIGHT),
        lengths=drawing.lengths,
        fonts=only_test,
        exclude=UNUSUAL if part == "test" else (*UNUSUAL, *drawing.unseen),
    )
    render = LineRenderer(style, SEEDS[part])
    fonts = {script: [(font.name, _size(font.path)) for font in found] for script, found in render.fonts.items()}
    machine = {"pillow": __version__, "raqm": has_raqm(), "fonts": fonts}
    key = {**asdict(style), **machine, "seed": SEEDS[part], "versions": [VERSION, FORM]}
    count = round(drawing.count * len(drawing.scripts) * SHARES[part])
    return drawn_lines(f"{GENERATED}, {part}", key, _drawing(render, height), count, height, progress)


def _drawing(render: LineRenderer, height: int) -> Draw:
    def draw(number: int) -> tuple[Pixels, str, str]:
        line = render(number)
        return normal_line(Image.fromarray(line.pixels), height).pixels, line.text, line.script

    return draw


def _size(path: str) -> int:
    return 0 if path == BUILT_IN else Path(path).stat().st_size
