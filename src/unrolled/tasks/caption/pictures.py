"""How a captioner reads pictures: as pixels for a network that is trained along, or as features of a trained one.

    cnn           pixels (h, w, 3), uint8
    photos        features (7, 7, 320), float16, of EfficientNet-Lite0
    module:Class  features (h, w, C), float16, of ``Class()``, with the attribute ``size``:
                  ``pixels (B, size, size, 3)`` uint8 → ``(B, C, h, w)``

Pictures are stretched to a square, so that a place of the grid is the same part of every picture. Files are read once:
the results for all pictures of a data set are an entry of the cache.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...data.captioned import Captioned
from ...data.derived import derived
from ...data.generated_scenes import SIDE as SCENE
from ...data.photo_weights import photo_weights
from ...data.pictures import MOST_BYTES, Pixels, fitted, from_array, open_picture, read_picture
from ...errors import ArgumentError, origin
from ...layers.efficientnet import EfficientNetLite0
from ...results import Input, Progress, silent
from .config import PictureEncoder
from .inputs import Array

AT_ONCE = 16  # pictures in a batch of the extractor
VERSION = 1  # of the entries of the cache


class PictureReader:
    """Reads pictures for one kind of encoder.

    Args:
        kind: ``cnn``, ``photos`` or ``module:Class``.
        options: the options of the encoder.
    """

    def __init__(self, kind: str, options: PictureEncoder) -> None:
        self.kind, self.options = kind, options

    @cached_property
    def extractor(self) -> Any:
        """The network that extracts features; `None`: the captioner reads pixels.

        Raises:
            RunError, DataError: its weights are not installed, or damaged.
            ArgumentError: it cannot be imported or built.
        """
        if self.kind == "cnn":
            return None
        if self.kind == "photos":
            return EfficientNetLite0({name: torch.from_numpy(tensor) for name, tensor in photo_weights().items()})
        return _own(self.kind)

    @property
    def side(self) -> int:
        """Pixels of a side of a picture as it is read."""
        return (self.options.size or SCENE) if self.extractor is None else int(self.extractor.size)

    def read(self, picture: Any, name: str = "") -> Pixels:
        """Return the pixels ``(side, side, 3)`` of a file, its bytes, an image of Pillow or an array.

        Raises:
            DataError: the picture cannot be read.
        """
        size = (self.side, self.side)
        if isinstance(picture, Path | bytes | Input):
            return fitted(open_picture(picture, name, least=size), size, fit="stretch")
        opened = from_array(np.asarray(picture.convert("RGB")) if isinstance(picture, Image.Image) else picture, name)
        return fitted(opened, size, fit="stretch")

    def together(self, pictures: Sequence[Pixels]) -> Array:
        """Return what the captioner reads of pictures that `read` returned, ``(N, h, w, C)``."""
        return self.encode(np.stack(pictures))

    def encode(self, pixels: Pixels) -> Array:
        """Return what the captioner reads, ``(N, h, w, C)``, of pixels ``(N, side, side, 3)``."""
        if self.extractor is None:
            return pixels
        with torch.no_grad():
            grid = self.extractor(torch.from_numpy(np.array(pixels)))
        if not isinstance(grid, torch.Tensor) or grid.dim() != 4 or grid.size(0) != len(pixels):
            expected = "a network that returns features (B, C, h, w)"
            raise ArgumentError("encoder", expected, f"{self.kind}: {tuple(getattr(grid, 'shape', ()))}")
        return grid.permute(0, 2, 3, 1).to(torch.float16).contiguous().numpy()

    def read_all(self, captioned: Captioned, progress: Progress = silent) -> Array:
        """Return what the captioner reads of all pictures, ``(N, h, w, C)``, from the cache if possible.

        Raises:
            DataError: a picture cannot be read; the message names its file.
        """
        if isinstance(captioned.pictures, np.ndarray):
            pixels = captioned.pictures
            if pixels.shape[1] != self.side:
                pixels = np.stack([self.read(picture) for picture in pixels])
            return np.concatenate([self.encode(part) for part in _parts(pixels)]) if self.extractor else pixels
        files = [file for file in captioned.pictures if isinstance(file, Path)]
        folder = derived("pictures", self._key(files), lambda folder: self._write(files, folder, progress))
        return np.load(folder / "pictures.npy", mmap_mode="r", allow_pickle=False)

    def _key(self, files: Sequence[Path]) -> dict[str, Any]:
        """Return everything that the entry of the cache depends on."""
        digest = hashlib.sha256()
        for file in files:
            digest.update(hashlib.sha256(Input(file).data(MOST_BYTES)).digest())
        key = {"kind": self.kind, "side": self.side, "files": digest.hexdigest(), "code": self.code}
        return {**key, "version": VERSION}

    @property
    def code(self) -> str:
        """A digest of the code of a user's extractor; empty for the others."""
        own = inspect.getsourcefile(type(self.extractor)) if ":" in self.kind else None
        return hashlib.sha256(Path(own).read_bytes()).hexdigest() if own else ""

    def _write(self, files: Sequence[Path], folder: Path, progress: Progress) -> None:
        """Write the array of all pictures, block by block."""
        array, size = None, (self.side, self.side)
        with progress(len(files), "pictures") as done:
            for begin in range(0, len(files), AT_ONCE):
                some = files[begin : begin + AT_ONCE]
                block = self.encode(np.stack([read_picture(file, size, fit="stretch") for file in some]))
                if array is None:
                    shape = (len(files), *block.shape[1:])
                    array = np.lib.format.open_memmap(folder / "pictures.npy", "w+", block.dtype, shape)
                array[begin : begin + len(some)] = block
                done(begin + len(some))
        if array is not None:
            array.flush()


def _parts(pixels: Pixels) -> list[Pixels]:
    return [pixels[begin : begin + AT_ONCE] for begin in range(0, len(pixels), AT_ONCE)]


def _own(name: str) -> Any:
    """Import and build a user's extractor ``module:Class``.

    Raises:
        ArgumentError: it cannot be imported or built, or has no size.
    """
    module, _, cls = name.partition(":")
    try:
        extractor = getattr(importlib.import_module(module), cls)()
        if isinstance(extractor, torch.nn.Module):
            extractor.eval()
        size = extractor.size
    except Exception as error:  # the user's code may raise anything
        text = " ".join(str(error).split())
        raise ArgumentError(
            "encoder",
            "an importable module:Class with the attribute size, built without arguments",
            name,
            f"{type(error).__name__}: {text}{origin(error) or ''}",
        ) from error
    if not isinstance(size, int) or not 1 <= size <= 2048:
        raise ArgumentError("encoder", "a class whose size is a number of pixels from 1 to 2048", f"{name}: {size!r}")
    return extractor
