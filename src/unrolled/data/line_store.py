"""Lines decoded once: the pixels of many lines, of one height, in a file of the cache.

    ENTRY/pixels.bin      the pixels (H, W) of the lines one after the other, uint8
    ENTRY/index.npy       for each line: W, and 1 if it was turned over
    ENTRY/skipped.json    lines that could not be read: number and reason

Memory does not grow with the number of lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError, abridged
from ..machine.cores import cores
from ..results import Progress, silent
from .derived import derived
from .line_pictures import VERSION, LinePicture, check_height, normal_line
from .line_pixels import FILE, LinePixelFile, LinePixelWriter
from .line_sources import ListedLine

CHUNK = 64  # lines that are decoded before they are written


class LineStore:
    """Lines, decoded once.

    Args:
        rows: the lines.
        height: H.
        skip: omit lines that cannot be read, instead of an error.
        progress: shows the progress of decoding.

    Attributes:
        kept: the numbers of the rows that were read.
        digests: a digest of each.
        pixels: their pixels and widths.
        inverted: whether each was turned over ``(N,)``.
        skipped: the reasons why the others were omitted.

    Raises:
        ArgumentError: ``height`` is out of range.
        DataError: a line cannot be read, or all of them, or they take more than the cache may hold.
    """

    def __init__(
        self, rows: Sequence[ListedLine], height: int, *, skip: bool = False, progress: Progress = silent
    ) -> None:
        check_height(height)
        digests = [row.source.digest() for row in rows]
        files = hashlib.sha256(" ".join(digests).encode()).hexdigest()
        key = {"files": files, "height": height, "skip": skip, "version": VERSION}
        self.folder = derived("lines", key, lambda folder: _write(folder, rows, height, skip, progress))
        index: npt.NDArray[np.int64] = np.load(self.folder / "index.npy", allow_pickle=False)
        omitted = dict(json.loads((self.folder / "skipped.json").read_text(encoding="utf-8")))
        self.kept = [number for number in range(len(rows)) if str(number) not in omitted]
        self.skipped = [str(reason) for reason in omitted.values()]
        self.digests = [digests[number] for number in self.kept]
        self.inverted: npt.NDArray[np.bool_] = index[:, 1] > 0
        self.pixels = LinePixelFile(self.folder, index[:, 0].copy(), height)


def _write(folder: Path, rows: Sequence[ListedLine], height: int, skip: bool, progress: Progress) -> None:
    """Write the entry of the cache."""
    index: list[tuple[int, int]] = []
    errors: dict[int, str] = {}

    def read(row: ListedLine) -> LinePicture | str:
        try:
            return normal_line(row.source.picture(), height, row.name)
        except DataError as error:
            return str(error)

    with (
        (folder / FILE).open("wb") as out,
        progress(len(rows), "lines") as done,
        ThreadPoolExecutor(max(1, cores().threads)) as pool,
    ):
        writer = LinePixelWriter(out)
        for begin in range(0, len(rows), CHUNK):
            for number, line in enumerate(pool.map(read, rows[begin : begin + CHUNK]), begin):
                if isinstance(line, str):
                    errors[number] = line
                    continue
                writer.add(line.pixels)
                index.append((line.pixels.shape[1], int(line.inverted)))
            done(min(len(rows), begin + CHUNK))
    if errors and not (skip and index):
        _raise(list(errors.values()), [rows[number].name for number in errors], bool(index))
    np.save(folder / "index.npy", np.array(index, np.int64).reshape(-1, 2))
    skipped = [(str(number), reason) for number, reason in errors.items()]
    (folder / "skipped.json").write_text(json.dumps(skipped), encoding="utf-8")


def _raise(errors: list[str], names: list[str], some: bool) -> None:
    """Raise the error of the first line that failed."""
    if not some:
        raise DataError(f"none of {len(errors):,} lines can be read; the first: {errors[0]}")
    several = f" (one of {len(errors):,}: {abridged(names)})" if len(errors) > 1 else ""
    raise DataError(f"{errors[0]}{several}; --damaged skip omits such lines")
