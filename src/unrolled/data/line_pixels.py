"""The pixels of many lines of one height in one file, the lines one after the other; it is mapped into memory."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .derived import bound
from .pictures import Pixels

# H height, W width of a line

FILE = "pixels.bin"


class LinePixelFile:
    """Lines of a file that `LinePixelWriter` wrote.

    Args:
        folder: the folder of the file.
        widths: W of each line ``(N,)``.
        height: H.
    """

    def __init__(self, folder: Path, widths: npt.NDArray[np.int64], height: int) -> None:
        self.widths, self.height = widths, height
        self._offsets = np.concatenate([[0], np.cumsum(widths * height)])
        self._pixels: Pixels = np.memmap(folder / FILE, np.uint8, "r")

    def __len__(self) -> int:
        return len(self.widths)

    def __getitem__(self, number: int) -> Pixels:
        """Return the pixels ``(H, W)`` of a line."""
        begin, end = self._offsets[number : number + 2].tolist()
        return self._pixels[begin:end].reshape(self.height, -1)


class LinePixelWriter:
    """Writes lines into an opened file, at most as many bytes as the cache may hold."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out, self.written, self.most = out, 0, bound()

    def add(self, pixels: Pixels) -> None:
        """Write a line ``(H, W)``.

        Raises:
            DataError: the lines take more than the cache may hold.
        """
        self.out.write(np.ascontiguousarray(pixels).data)
        self.written += pixels.nbytes
        if self.written > self.most:
            raise DataError(
                f"the pixels of all lines take more than the cache may hold, {self.most / 1e9:.3g} GB; give a lower "
                "--height, or a larger UNROLLED_CACHE_SIZE"
            )
