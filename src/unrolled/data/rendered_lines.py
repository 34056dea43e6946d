"""Lines of text in several scripts, rendered with the fonts of this machine.

Line n is a pure function of the seed, n and the fonts: its script, font, text (line_words.py), size, margins, slant,
rotation, blur, grey levels and noise. A font is used for a script if it has every letter of it, and words with other
characters that it lacks are not drawn, so no line has a box in place of a glyph. Complex scripts and mixed directions
need Pillow's layout engine Raqm. A machine without any font has Latin lines in Pillow's built-in one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from ..errors import ArgumentError, DataError
from .counter import uniform
from .line_words import SCRIPTS, Draws, line_text
from .pictures import Pixels
from .system_fonts import Font, font_of, matching, system_fonts
from .text_order import TextOrder

HEIGHT = 48
LENGTHS = (10, 25)  # characters of a line
BUILT_IN = "built-in"  # Pillow's own font
UNUSUAL = ("*Nastaliq*", "*Rashi*", "*Math*", "*Nushu*", "*ExtraLight*", "*Symbols*")
"""fonts that are not used by default: their letters have other shapes or sizes"""
SAMPLES = {
    "latin": "Éjgp",
    "greek": "ΆΉβγφ",
    "cyrillic": "ЙЁщфр",
    "hebrew": "לקךם",
    "arabic": "أكمجعى",
    "devanagari": "र्कीत्रूँ",
}
"""tall and deep letters of each script, which determine the size of all lines of a font"""
_TRIAL, _NOISE = 40, 0x401E  # size at which texts are measured; random stream


class RenderedLine(NamedTuple):
    """A picture ``(H, W)``, the text in logical order, the name of the script, and that of the font."""

    pixels: Pixels
    text: str
    script: str
    font: str


@dataclass(frozen=True, kw_only=True)
class LineStyle:
    """Which lines are rendered.

    Attributes:
        scripts: names of scripts; see `line_words.SCRIPTS`.
        height: pixels, 16 to 256.
        lengths: fewest and most characters.
        fonts: patterns of the names of fonts that are used, such as ``NotoSerif-*``; empty: all.
        exclude: patterns of those that are not used.
        disturbed: whether lines are slanted, rotated, blurred and noisy.
    """

    scripts: Sequence[str] = tuple(SCRIPTS)
    height: int = HEIGHT
    lengths: tuple[int, int] = LENGTHS
    fonts: Sequence[str] = ()
    exclude: Sequence[str] = UNUSUAL
    disturbed: bool = True

    def __post_init__(self) -> None:
        unknown = [name for name in self.scripts if name not in SCRIPTS]
        if unknown or not self.scripts:
            raise ArgumentError("scripts", f"names among {', '.join(SCRIPTS)}", ", ".join(unknown))
        if not 16 <= self.height <= 256:
            raise ArgumentError("height", "16 to 256 pixels", self.height)
        if not 1 <= self.lengths[0] <= self.lengths[1] <= 200:
            raise ArgumentError("lengths", "two numbers of characters, 1 to 200, the smaller one first", self.lengths)


class LineRenderer:
    """Renders lines of a style.

    Raises:
        DataError: no font for a script, or a script that needs Raqm, which this Pillow lacks.
    """

    def __init__(self, style: LineStyle, seed: int = 0) -> None:
        self.style, self.seed = style, seed
        self.fonts = {name: fonts_of(name, style.fonts, style.exclude) for name in style.scripts}
        for name, fonts in self.fonts.items():
            if not fonts:
                raise DataError(
                    f"no font for {name} lines{' that the patterns allow' if style.fonts else ''}; install some, "
                    "such as Debian's package fonts-noto-core, or choose other scripts"
                )
            if (SCRIPTS[name].shaped or SCRIPTS[name].foreign) and not has_raqm():
                raise DataError(
                    f"{name} lines need Pillow's text layout Raqm; install the library FriBiDi (Debian: libfribidi0, "
                    "macOS: brew install fribidi), or choose other scripts"
                )

    def __call__(self, index: int) -> RenderedLine:
        """Return line ``index``."""
        draws, style = Draws(self.seed, index), self.style
        name = draws.pick(style.scripts)
        font = draws.pick(self.fonts[name])
        text = line_text(SCRIPTS[name], draws, *style.lengths, has=font.has)
        ink = _written(text, SAMPLES[name], font.path, draws, style.height)
        if style.disturbed:
            ink = _bent(ink, draws)
        pixels = np.asarray(ink, np.float32) / 255
        if not style.disturbed:
            return RenderedLine(np.round(255 * (1 - pixels)).astype(np.uint8), text, name, font.name)
        paper, dark, strength = draws.real(190, 255), draws.real(0, 100), draws.real(0, 24) * (draws.real() < 0.7)
        noise = uniform(self.seed, _NOISE, index, np.arange(pixels.size)).reshape(pixels.shape).astype(np.float32)
        grey = paper + (dark - paper) * pixels + strength * (noise - 0.5)
        return RenderedLine(np.clip(np.round(grey), 0, 255).astype(np.uint8), text, name, font.name)


def fonts_of(script: str, fonts: Sequence[str] = (), exclude: Sequence[str] = UNUSUAL) -> list[Font]:
    """Return the fonts with all letters of a script, by name.

    Args:
        script: its name.
        fonts: patterns of names; empty: all.
        exclude: patterns of names that are not used.
    """
    found = [
        font
        for font in system_fonts() or (_built_in(),)
        if (not fonts or matching(font.name, fonts)) and not matching(font.name, exclude)
    ]
    return [font for font in found if font.has(SCRIPTS[script].letters)]


def available_scripts() -> list[str]:
    """Return the scripts that can be rendered on this machine."""
    raqm = has_raqm()
    return [
        name for name, script in SCRIPTS.items() if (raqm or not (script.shaped or script.foreign)) and fonts_of(name)
    ]


@cache
def has_raqm() -> bool:
    """Return whether Pillow can lay out complex scripts."""
    return bool(features.check("raqm") and features.check("fribidi") is not False)


def _built_in() -> Font:
    """Return Pillow's own font."""
    font = ImageFont.load_default(_TRIAL)
    file = font.path if isinstance(font, ImageFont.FreeTypeFont) else b""
    return font_of(BUILT_IN, BUILT_IN, file.getvalue() if isinstance(file, io.BytesIO) else b"")


@lru_cache(256)
def _loaded(path: str, size: int) -> ImageFont.FreeTypeFont:
    if path == BUILT_IN:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
    return ImageFont.truetype(path, size, layout_engine=_engine())


def _engine() -> ImageFont.Layout:
    return ImageFont.Layout.RAQM if has_raqm() else ImageFont.Layout.BASIC


@lru_cache(1024)
def _extent(path: str, sample: str) -> tuple[float, float]:
    """Return top and bottom of a sample, relative to the baseline."""
    box = _loaded(path, _TRIAL).getbbox(sample, anchor="ls")
    return box[1], box[3]


def _written(text: str, sample: str, path: str, draws: Draws, height: int) -> Image.Image:
    """Return a text as coverage by ink, 0 to 255, as high as the line."""
    direction = None
    if path != BUILT_IN and has_raqm():
        direction = "rtl" if TextOrder().base(text) else "ltr"
    unit = height / HEIGHT
    room = height - unit * draws.real(4, 14)
    left, right = (round(unit * draws.real(6, 12)) for _ in range(2))
    top, bottom = _extent(path, sample)
    size = _TRIAL * room / (bottom - top)
    for _ in range(2):  # the second time, if this text is taller or deeper than the sample
        font = _loaded(path, max(int(size), 6))
        top, bottom = top * font.size / _TRIAL, bottom * font.size / _TRIAL
        box = font.getbbox(text, anchor="ls", direction=direction)
        top, bottom = min(top, box[1]), max(bottom, box[3])
        if bottom - top <= height:
            break
        size = font.size * room / (bottom - top)
    baseline = round((height - (bottom - top)) * draws.real(0.3, 0.7) - top)
    image = Image.new("L", (max(int(box[2] - box[0]) + left + right, 1), height), 0)
    ImageDraw.Draw(image).text((left - box[0], baseline), text, 255, font, anchor="ls", direction=direction)
    return image


def _bent(ink: Image.Image, draws: Draws) -> Image.Image:
    """Return a line slanted and rotated by small angles, or blurred, or as it is."""
    width, height = ink.size
    slant = draws.real(-0.15, 0.15) if draws.real() < 0.5 else 0.0
    turn = draws.real(-1, 1) * min(0.012, 2 * height / HEIGHT / width) if draws.real() < 0.5 else 0.0
    blur = draws.real(0.3, 1.0) * height / HEIGHT if draws.real() < 0.4 else 0.0
    if slant or turn:
        rows = (1, slant, -slant * height / 2, turn, 1, -turn * width / 2)
        ink = ink.transform(ink.size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    return ink.filter(ImageFilter.GaussianBlur(blur)) if blur else ink
