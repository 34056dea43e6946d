"""Lines that are parts of the picture of a page: cut out of it, with paper around their outline."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageDraw

from ..errors import DataError
from .line_sources import FileBytes, ListedLine
from .page_xml import MOST_BYTES, Outline, is_page, read_page
from .pictures import LEAST_SIDE, SUFFIXES, open_picture


@dataclass(eq=False)
class Page:
    """The picture of a page, which is decoded once for all its lines.

    Attributes:
        source: the file.
        size: width and height that coordinates refer to; 0: those of the picture.
        lines: how many lines are cut out; after that many, the picture is no longer kept.
    """

    source: FileBytes
    size: tuple[float, float] = (0, 0)
    lines: int = 0
    _picture: Image.Image | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def digest(self) -> str:
        """A digest of the file."""
        return self.source.digest()

    def picture(self) -> Image.Image:
        """Return the picture for one line."""
        with self._lock:
            picture = self._picture or open_picture(self.source.data(), self.source.name)
            self.lines -= 1
            self._picture = picture if self.lines > 0 else None
            return picture


@dataclass(frozen=True, eq=False)
class Region:
    """A line of a page.

    Attributes:
        page: the page.
        outline: the corners of the line.
        name: its name in messages.
    """

    page: Page
    outline: Outline
    name: str

    def digest(self) -> str:
        text = f"{self.page.digest} {self.page.size} {self.outline}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def picture(self) -> Image.Image:
        whole = self.page.picture()
        width, height = self.page.size
        scales = (whole.width / width if width > 0 else 1, whole.height / height if height > 0 else 1)
        corners = [(x * scales[0], y * scales[1]) for x, y in self.outline]
        left, top = (max(0, round(min(values))) for values in zip(*corners, strict=True))
        right, bottom = (round(max(values)) for values in zip(*corners, strict=True))
        right, bottom = min(whole.width, right), min(whole.height, bottom)
        if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
            raise DataError(
                f"{self.name} lies outside its page of {whole.width:,} × {whole.height:,} pixels, or has no height: "
                f"{left}, {top} to {right}, {bottom}; correct its coordinates"
            )
        cut = whole.crop((left, top, right, bottom)).convert("L")
        inside = Image.new("L", cut.size, 0)
        ImageDraw.Draw(inside).polygon([(x - left, y - top) for x, y in corners], fill=255)
        paper = Image.new("L", cut.size, int(np.median(np.asarray(cut))))
        return Image.composite(cut, paper, inside)


def page_lines(files: Mapping[str, FileBytes], name: str) -> tuple[list[ListedLine], str]:
    """Return the lines of an ALTO or PAGE file, and the name of its picture; both are empty for other XML.

    Args:
        files: the files of the folder or archive, by name.
        name: the name of the XML file.

    Raises:
        DataError: it cannot be read, or its picture is missing.
    """
    data = files[name].data(MOST_BYTES)
    if not is_page(data):
        return [], ""
    text = read_page(data, files[name].name)
    place = _beside(files, name, text.picture)
    if not place:
        beside = text.picture.rpartition("/")[2] or f"{PurePosixPath(name).stem}.png"
        raise DataError(f"{files[name].name} needs the picture of its page, {beside}, beside it; copy it there")
    page = Page(files[place], text.size)
    rows = []
    for number, line in enumerate(text.lines, 1):
        title = f"{name}, line {number}"
        if len(line.outline) > 1:
            rows.append(ListedLine(title, line.text, Region(page, line.outline, title)))
    page.lines = sum(bool(row.text.strip()) for row in rows)
    return rows, place


def _beside(files: Mapping[str, FileBytes], name: str, picture: str) -> str:
    """Return the name of a page's picture: its path from the folder of the XML file or from the one that contains it,
    or its name in either."""
    path = PurePosixPath(name)
    stems = (path.stem, path.name.split(".")[0])
    for folder in (path.parent, path.parent.parent):
        names = [picture, picture.rpartition("/")[2]] if picture else []
        names += [f"{stem}{end}" for stem in stems for end in SUFFIXES]
        for candidate in names:
            if (place := str(folder / candidate)) in files:
                return place
    return ""
