"""Read the idx files of MNIST (LeCun, Cortes and Burges), optionally compressed with gzip.

0 0 8 D │ D sizes, 32-bit big-endian │ data, one byte per element
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError

MOST = 1 << 28  # maximum size in bytes, uncompressed
UNSIGNED_BYTES = 8


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Return the array of unsigned bytes in an idx file.

    Raises:
        DataError: the file cannot be read, is damaged, too large, or not an idx file of ``dimensions`` dimensions.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4 + 4 * dimensions)
            if len(head) < 4 + 4 * dimensions or tuple(head[:4]) != (0, 0, UNSIGNED_BYTES, dimensions):
                raise DataError(f"{path} is not an idx file of bytes in {dimensions} dimensions; is it the right file?")
            shape = tuple(np.frombuffer(head, ">u4", offset=4).tolist())
            size = math.prod(shape)
            if size > MOST:
                raise DataError(f"{path} declares {size:,} bytes of data, more than the maximum of {MOST:,}")
            body = file.read(size + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); replace it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; change its permissions or copy it") from error
    if len(body) != size:
        raise DataError(
            f"{path} should contain {size:,} bytes ({shape}) but has {'more' if len(body) > size else 'fewer'}"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)
