"""Lines in ``.npz`` files: arrays of pictures of equal size, and of their texts.

    train_x, train_y                  pictures (N, h, w) or (N, h, w, C), and their texts (N,)
    train_wh                          width and height of each original, whose aspect ratio is restored; optional
    train_widths                      how many columns of each picture are used, the others being padding; optional
    train_name                        names of the lines; optional

``train`` may be missing, or another part of labelled_folders.py; ``x`` may be ``images``, ``pixels`` or ``pictures``,
and ``y`` ``texts``, ``text`` or ``labels``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .labelled_folders import PARTS
from .line_sources import ArrayRow, ListedLine, ListedLines

PIXELS = ("x", "images", "pixels", "pictures")
TEXTS = ("y", "texts", "text", "labels")
SIZES, WIDTHS, NAMES = ("wh", "sizes"), ("widths",), ("name", "names")
MOST_BYTES = 8 << 30  # of all arrays


def list_arrays(path: Path) -> ListedLines:
    """Return the lines of an ``.npz`` file.

    Raises:
        DataError: it cannot be read, or its arrays have other names or shapes.
    """
    arrays = _load(path)
    prefixes = {name.rpartition("_")[0] for name in arrays if name.rpartition("_")[2] in PIXELS}
    known = {prefix: PARTS[prefix.lower()] for prefix in prefixes if prefix.lower() in PARTS}
    known |= {"": ""} if "" in prefixes and not known else {}
    if not known:
        raise DataError(
            f"{path} has the arrays {', '.join(arrays) or 'none'}; name them train_x and train_y, or x and y"
        )
    listed = ListedLines(path)
    several = len(known) > 1
    for prefix, part in known.items():
        listed.rows += _rows(arrays, prefix, part if several else "", path)
    listed.how = f"{len(listed.rows):,} lines in arrays ({', '.join(arrays)})"
    return listed


def _load(path: Path) -> dict[str, Any]:
    """Return the arrays of a file; none is larger than it says, and none is pickled."""
    try:
        with zipfile.ZipFile(path) as packed:
            if (size := sum(info.file_size for info in packed.infolist())) > MOST_BYTES:
                raise DataError(f"{path} has {size / 2**30:.1f} GiB of arrays, more than the limit of 8 GiB; divide it")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays}
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, NotImplementedError) as error:
        raise DataError(
            f"{path} cannot be read as arrays ({error}); save numbers and texts with numpy.savez, no Python objects"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; change its permissions or copy it") from error


def _rows(arrays: dict[str, Any], prefix: str, part: str, path: Path) -> list[ListedLine]:
    pixels, texts = _find(arrays, prefix, PIXELS), _find(arrays, prefix, TEXTS)
    if texts is None:
        raise DataError(f"{path} has pictures without texts; add an array {f'{prefix}_' if prefix else ''}y of texts")
    count = len(texts)
    columns = {"texts": texts, "sizes": _find(arrays, prefix, SIZES), "widths": _find(arrays, prefix, WIDTHS)}
    columns["names"] = _find(arrays, prefix, NAMES)
    for name, column in columns.items():
        if column is not None and (len(column) != len(pixels) or column.ndim != (2 if name == "sizes" else 1)):
            raise DataError(
                f"{path} has {len(pixels):,} pictures, but {name} of shape {column.shape}; give an entry for each"
            )
    if pixels.ndim not in (3, 4) or not count:
        raise DataError(f"{path} has pictures of shape {pixels.shape}; give (number, height, width)")
    if texts.dtype.kind not in "US":
        raise DataError(f"{path} has texts of type {texts.dtype}; save them as an array of texts")
    words = [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in texts.tolist()]
    sizes, widths = _numbers(columns["sizes"], path), _numbers(columns["widths"], path)
    names: Iterable[Any] = range(1, count + 1) if columns["names"] is None else columns["names"].tolist()
    rows = []
    for row, (text, name) in enumerate(zip(words, names, strict=True)):
        title = f"{path.name}, {f'{prefix} ' if prefix else ''}line {name}" if columns["names"] is None else str(name)
        size = None if sizes is None else (int(sizes[row][0]), int(sizes[row][1]))
        source = ArrayRow(pixels, row, title, size, None if widths is None else int(widths[row]))
        rows.append(ListedLine(title, text, source, part, path.stem, path.stem))
    return rows


def _find(arrays: dict[str, Any], prefix: str, names: Sequence[str]) -> Any:
    full = (f"{prefix}_{name}" if prefix else name for name in names)
    return next((arrays[name] for name in full if name in arrays), None)


def _numbers(column: Any, path: Path) -> list[Any] | None:
    """Return sizes or widths, which are positive."""
    if column is None:
        return None
    if column.dtype.kind not in "iu" or (column < 1).any():
        raise DataError(f"{path} has sizes or widths that are not positive integers; correct them")
    values: list[Any] = column.tolist()
    return values
