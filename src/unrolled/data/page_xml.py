"""ALTO and PAGE XML: the text and the outline of each line of a page.

    ALTO    <TextLine HPOS VPOS WIDTH HEIGHT> <Shape><Polygon POINTS/></Shape> <String CONTENT/> <SP/> … </TextLine>
    PAGE    <TextLine> <Coords points="x,y x,y …"/> <TextEquiv><Unicode>…</Unicode></TextEquiv> </TextLine>

Files of any version are read; of a line without a text, the texts of its words. Document types, and with them
entities, are refused, and sizes are limited.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from ..errors import DataError

MOST_BYTES = 64 << 20
MOST_LINES = 100_000  # of a page
MOST_POINTS = 10_000  # of an outline
MOST_TEXT = 1 << 16  # characters of a line
DEEPEST = 100  # elements within each other
ROOTS = {"alto": "ALTO", "PcGts": "PAGE"}
PIXELS = ("", "pixel", "pixels", "px")  # units of ALTO

Outline = tuple[tuple[float, float], ...]
"""the corners of a polygon, x and y in pixels of the page"""


@dataclass
class PageLine:
    """A line of a page: its text, and its outline; an empty outline is not known."""

    text: str = ""
    outline: Outline = ()


@dataclass
class PageText:
    """The lines of a page.

    Attributes:
        form: ``ALTO`` or ``PAGE``.
        picture: the path of its picture, with slashes; may be empty.
        size: width and height that the coordinates refer to; 0: not known.
        lines: the lines.
    """

    form: str
    picture: str = ""
    size: tuple[float, float] = (0, 0)
    lines: list[PageLine] = field(default_factory=list)


def is_page(data: bytes) -> bool:
    """Return whether the beginning of a file is that of ALTO or PAGE XML."""
    return re.search(rb"<(\w+:)?(alto|PcGts)\b", data[:4096]) is not None


def read_page(data: bytes, name: str) -> PageText:
    """Return the lines of a file.

    Args:
        data: its bytes.
        name: its name in errors.

    Raises:
        DataError: it is not well-formed, not ALTO or PAGE, has a document type, or is too large.
    """
    if len(data) > MOST_BYTES:
        raise DataError(f"{name} has {len(data):,} bytes, more than the limit of {MOST_BYTES:,}; divide it into pages")
    reader = _Reader(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DataError(f"{name} is not well-formed XML ({error}); correct it, or export it again") from error
    if reader.page is None:
        raise DataError(f"{name} is not ALTO or PAGE XML; give a file whose first element is alto or PcGts")
    return reader.page


class _Reader:
    """Collects lines while a file is parsed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.page: PageText | None = None
        self.stack: list[str] = []
        self.line: PageLine | None = None
        self.spaced = False  # whether ALTO says where spaces are
        self.parts: list[str | None] = []  # words, and spaces of ALTO; `None`: a space unless ALTO has its own
        self.edges: tuple[float, float] | None = None  # of the last word of ALTO: left and right
        self.texts: list[tuple[float, str]] = []  # alternatives of PAGE, with their index
        self.index = 0.0
        self.unicode: list[str] | None = None

    def refuse(self, *_: object) -> NoReturn:
        raise DataError(f"{self.name} has a document type, which may define entities; remove the line <!DOCTYPE …>")

    def start(self, full: str, attributes: dict[str, str]) -> None:
        name = full.rpartition(":")[2]
        parent = self.stack[-1] if self.stack else ""
        if not self.stack:
            if name not in ROOTS:
                raise DataError(f"{self.name} is not ALTO or PAGE XML: its first element is {name}")
            self.page = PageText(ROOTS[name])
        self.stack.append(name)
        if len(self.stack) > DEEPEST:
            raise DataError(f"{self.name} has elements within each other, {DEEPEST} deep; export it again")
        assert self.page is not None
        match name:
            case "Page":
                self._page(self.page, attributes)
            case "TextLine":
                self._begin(self.page, attributes)
            case "Polygon" if self.line and self.stack[-3:-1] == ["TextLine", "Shape"]:
                self.line.outline = self._points(attributes.get("POINTS", ""))
            case "Coords" if self.line and parent == "TextLine" and "points" in attributes:
                self.line.outline = self._points(attributes["points"])
            case "Point" if self.line and self.stack[-3:-1] == ["TextLine", "Coords"]:  # versions before 2013
                self.line.outline += self._points(f"{attributes.get('x', '')},{attributes.get('y', '')}")
                self._check(len(self.line.outline), MOST_POINTS, "points of an outline")
            case "String" | "HYP" if self.line and parent == "TextLine":
                self._word(attributes)
            case "SP" if self.line and parent == "TextLine":
                self.spaced = True
                self.parts.append(" ")
            case "TextEquiv" if parent == "TextLine":
                self.index = self._number(attributes.get("index", "0"))
            case "Unicode" | "fileName" | "MeasurementUnit":
                self.unicode = []

    def characters(self, text: str) -> None:
        if self.unicode is not None:
            self.unicode.append(text)

    def end(self, full: str) -> None:
        name = self.stack.pop()
        assert self.page is not None
        text = "".join(self.unicode) if self.unicode is not None else ""
        match name:
            case "Unicode" if self.line and self.stack[-2:] == ["TextLine", "TextEquiv"]:
                self.texts.append((self.index, text))
            case "Unicode" if self.line and self.stack[-2:] == ["Word", "TextEquiv"]:
                self.parts += [None, text]
            case "fileName":
                self.page.picture = self.page.picture or _slashes(text)
            case "MeasurementUnit" if text.strip().lower() not in PIXELS:
                raise DataError(f"{self.name} has coordinates in {text.strip()}; export it with the unit pixel")
            case "TextLine" if self.line:
                whole = min(self.texts, key=lambda found: found[0])[1] if self.texts else ""
                gap = "" if self.spaced else " "
                words = "".join(gap if part is None else part for part in self.parts).strip()
                self.line.text = whole if whole.strip() else words
                self._check(len(self.line.text), MOST_TEXT, "characters of a line")
                self.line = None
        if name in ("Unicode", "fileName", "MeasurementUnit"):
            self.unicode = None

    def _page(self, page: PageText, attributes: dict[str, str]) -> None:
        lower = {name.lower(): value for name, value in attributes.items()}
        width, height = (lower.get(f"image{side}", lower.get(side, "0")) for side in ("width", "height"))
        page.size = (self._number(width), self._number(height))
        page.picture = _slashes(attributes.get("imageFilename", "")) or page.picture

    def _begin(self, page: PageText, attributes: dict[str, str]) -> None:
        self.line, self.spaced, self.parts, self.texts, self.edges = PageLine(), False, [], [], None
        page.lines.append(self.line)
        self._check(len(page.lines), MOST_LINES, "lines")
        if {"HPOS", "VPOS", "WIDTH", "HEIGHT"} <= attributes.keys():
            x, y, w, h = (self._number(attributes[name]) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
            self.line.outline = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))

    def _word(self, attributes: dict[str, str]) -> None:
        """Add a word of ALTO. If there are no spaces, a gap is before each that does not touch the one before it."""
        left = self._number(attributes.get("HPOS", "-1"))
        right = left + self._number(attributes.get("WIDTH", "0"))
        before = self.edges
        touches = before is not None and left >= 0 and min(abs(left - before[1]), abs(before[0] - right)) <= 1
        self.parts += [attributes.get("CONTENT", "")] if touches else [None, attributes.get("CONTENT", "")]
        self.edges = (left, right)

    def _points(self, text: str) -> Outline:
        numbers = [self._number(number) for number in re.split(r"[\s,]+", text.strip()) if number]
        self._check(len(numbers) // 2, MOST_POINTS, "points of an outline")
        if len(numbers) % 2:
            raise DataError(f"{self.name} has an outline with an odd number of coordinates, {text[:60]!r}; correct it")
        return tuple(zip(numbers[::2], numbers[1::2], strict=True))

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not abs(number) < 1e9:
            raise DataError(f"{self.name} has {text[:40]!r} where a number was expected; correct it")
        return number

    def _check(self, count: int, most: int, what: str) -> None:
        if count > most:
            raise DataError(f"{self.name} has more than {most:,} {what}; divide it")


def _slashes(path: str) -> str:
    return path.strip().replace("\\", "/").removeprefix("./")
