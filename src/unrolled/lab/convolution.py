"""The arithmetic of convolutional layers: a filter slides over a picture.

(1) o_ij = b + Σ_c Σ_u Σ_v w_cuv x_c,(ki+u),(kj+v)      f × f filter w over all channels c, with stride k
(2) n' = ⌊(n + 2p − f) / k⌋ + 1                         output size; with k = 1, p = 0: n − f + 1
(3) p = (f − 1) / 2                                     padding that keeps the size with stride 1
(4) z_ij = max of o over rows ki … ki + f − 1 and columns kj … kj + f − 1      max-pooling, f × f with stride k
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError

Array = npt.NDArray[np.float64]

MOST_NUMBERS = 1 << 20  # of an input to convolve
UNREAD = "rows or columns at the end are not read, because the stride does not fit"

TWO_CHANNELS = np.array(
    [
        [[1, -2, 0, 5], [7, 0, 1, -3], [2, -2, 2, -2], [-5, -4, 3, 1]],
        [[0, -1, 2, 0], [-4, 9, 6, 5], [3, 2, 1, 0], [0, 1, 3, -3]],
    ],
    dtype=np.float64,
)
"""the worked example of two channels, of which `TWO_BY_TWO` is the filter"""
TWO_BY_TWO = np.array([[[1, -2], [3, 1]]] * 2, dtype=np.float64)


def _placed(cells: Sequence[tuple[int, int, float]]) -> Array:
    field = np.zeros((1, 8, 8))
    for row, column, value in cells:
        field[0, row - 1, column - 1] = value
    return field


CURVE = _placed(
    [(1, 8, 30), (2, 5, 50), (2, 6, 50), (2, 7, 50), (3, 4, 20), (3, 5, 50)]
    + [(row, column, 50) for row in range(4, 9) for column in (4, 5)]
)
"""the field of a picture that has the curve"""
NO_CURVE = _placed([(row, 2, 40) for row in range(2, 8)] + [(8, column, 40) for column in range(3, 8)])
"""a field of the same picture without it"""
CURVE_FILTER = _placed([(1, 7, 30), (2, 5, 30), *((row, 4, 30) for row in range(3, 7))])
"""the filter that detects the curve"""


class Place(NamedTuple):
    """One position of the filter.

    row, column  of the output, from 0
    window       the part of the padded input below the filter ``(C, f, f)``
    products     window times filter ``(C, f, f)``
    value        their sum and the bias: o_ij
    """

    row: int
    column: int
    window: Array
    products: Array
    value: float


def places(x: Array, w: Array, bias: float = 0.0, stride: int = 1, padding: int = 0) -> Iterator[Place]:
    """Yield every position of a filter ``w (C, f, f)`` over a picture ``x (C, n, m)``, row by row: equation (1).

    Raises:
        ArgumentError: channels differ, or the filter does not fit into the picture.
    """
    if x.shape[0] != w.shape[0]:
        expected = f"a filter of {x.shape[0]} channel{'s' * (x.shape[0] > 1)}, as many as the input has"
        raise ArgumentError("filter", expected, w.shape[0])
    h, v = (output_size(n, f, stride, padding) for n, f in zip(x.shape[1:], w.shape[1:], strict=True))
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    for i in range(h):
        for j in range(v):
            top, left = i * stride, j * stride
            window = around[:, top : top + w.shape[1], left : left + w.shape[2]]
            yield Place(i, j, window, window * w, float((window * w).sum() + bias))


def convolve(x: Array, w: Array, bias: float = 0.0, stride: int = 1, padding: int = 0) -> Array:
    """Return the output ``(n', m')`` of one filter: equation (1), at once; the arguments are those of `places`."""
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(around, w.shape[1:], (1, 2))[:, ::stride, ::stride]
    found: Array = np.einsum("cijuv,cuv->ij", windows, w) + bias
    return found


def max_pool(o: Array, size: int = 2, stride: int | None = None) -> Array:
    """Return the max-pooled ``o (n, m)``: equation (4); the stride is the size unless given."""
    stride = stride or size
    for n in o.shape:
        output_size(n, size, stride, 0)
    found: Array = np.lib.stride_tricks.sliding_window_view(o, (size, size))[::stride, ::stride].max((2, 3))
    return found


def output_size(n: int, size: int, stride: int = 1, padding: int = 0, *, name: str = "filter") -> int:
    """Return n' of equation (2).

    >>> output_size(32, 5), output_size(7, 3, stride=2), output_size(32, 5, padding=2)
    (28, 3, 32)

    Raises:
        ArgumentError: the filter is larger than the padded input; ``name`` is the argument.
    """
    if n + 2 * padding < size:
        expected = f"a side of at most {n + 2 * padding}, the side of its input{' with padding' * bool(padding)}"
        raise ArgumentError(name, expected, size, "larger pictures, more padding, or fewer layers")
    return (n + 2 * padding - size) // stride + 1


def unread(n: int, size: int, stride: int = 1, padding: int = 0) -> bool:
    """Return whether the last rows of n are not read, because the stride does not fit; rows of padding do not count."""
    return (n + 2 * padding - size) % stride > padding


def parse_matrices(name: str, text: str) -> Array:
    """Return the channels of a text: numbers separated by commas, rows by semicolons, channels by vertical bars.

    >>> parse_matrices("input", "1,2; 3,4 | 5,6; 7,8").shape
    (2, 2, 2)

    Raises:
        ArgumentError: a number is missing, or rows and channels have different sizes.
    """
    try:
        rows = [[[float(n) for n in row.split(",")] for row in part.split(";")] for part in text.split("|")]
        found = np.array(rows, dtype=np.float64)
    except ValueError:
        found = np.array([np.nan])
    if found.ndim != 3 or not np.isfinite(found).all() or found.size > MOST_NUMBERS:
        expected = "finite numbers separated by commas, rows of equal length by semicolons, channels by |"
        raise ArgumentError(name, expected, text)
    return found
