"""Data sets of pictures in single binary files: idx (MNIST and sets in its form) and CIFAR's binary version.

    idx              train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-…; optionally with .gz
    CIFAR-10         data_batch_1.bin … test_batch.bin: 1 byte label, 3 × 32 × 32 bytes; batches.meta.txt: names
    CIFAR-100        train.bin, test.bin: 1 byte superclass, 1 byte class, 3 × 32 × 32 bytes; fine_label_names.txt

The other version of CIFAR, for Python, is pickled: opening it can run any code, so it is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from .idx import read_idx
from .labelled_pictures import Pictures, of_array
from .pictures import Pixels

SIDE, COLOURS = 32, 3  # of CIFAR
RECORD = SIDE * SIDE * COLOURS
MOST_NAMES = 1 << 20  # bytes of a file of class names
CIFAR = "https://www.cs.toronto.edu/~kriz/cifar.html"
PICKLED = ("batches.meta", "data_batch_1", "meta")  # files of the pickled version, without .bin


def array_parts(path: Path) -> dict[str, list[Path]]:
    """Return the files of pictures by part, ``train`` and ``test``; empty if ``path`` is another kind of data.

    Args:
        path: a folder with such files, or one file of pictures.

    Raises:
        DataError: they are those of CIFAR's pickled version.
    """
    if path.is_file():
        return {"train": [path]} if path.suffix == ".bin" or _is_idx(path) else {}
    if not path.is_dir():
        return {}
    if any((path / name).is_file() for name in PICKLED):
        version = "cifar-100-binary.tar.gz" if (path / "meta").is_file() else "cifar-10-binary.tar.gz"
        raise DataError(
            f"{path} is CIFAR's version for Python, a pickle, which can run code when it is opened; fetch the binary "
            f"version, {version}, from {CIFAR}, unpack it and give its folder"
        )
    images = [file for file in sorted(path.iterdir()) if file.is_file() and _is_idx(file)]
    batches = sorted(path.glob("*.bin"))
    files = images or batches
    test = [file for file in files if file.name.startswith(("t10k", "test"))]
    train = [file for file in files if file not in test]
    return {name: part for name, part in (("train", train), ("test", test)) if part}


def read_arrays(files: list[Path]) -> Pictures:
    """Return the labelled pictures of files that `array_parts` found.

    Raises:
        DataError: a file cannot be read, is damaged, or has no labels.
    """
    read = [_read_cifar(file) if file.suffix == ".bin" else _read_idx(file) for file in files]
    if len({part.pixels.shape[1:] for part in read}) > 1:
        raise DataError(f"{files[0].parent}: pictures of different sizes in {files[0].name} and {files[-1].name}")
    whole = [part for part in read for _ in part.labels[:1]] or read[:1]
    return Pictures(
        np.concatenate([part.pixels for part in whole]),
        *([value for part in whole for value in getattr(part, name)] for name in ("labels", "names", "digests")),
    )


def _is_idx(path: Path) -> bool:
    return "images" in path.name and "idx3" in path.name


def _read_idx(path: Path) -> Pictures:
    labels_path = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    others = (labels_path, labels_path.with_name(f"{labels_path.name}.gz"), labels_path.with_suffix(""))
    found = next((other for other in others if other.is_file()), None)
    if found is None:
        raise DataError(f"{path} needs its labels beside it, {labels_path.name}; copy that file there")
    pixels, labels = read_idx(path, 3), read_idx(found, 1)
    if len(pixels) != len(labels):
        raise DataError(
            f"{path} has {len(pixels):,} pictures, but {found.name} {len(labels):,} labels; copy both again"
        )
    return of_array(pixels[..., None], [str(label) for label in labels.tolist()], path.name)


def _read_cifar(path: Path) -> Pictures:
    try:
        size = path.stat().st_size
        fine = size % (RECORD + 2) == 0 and not path.name.startswith(("data_batch", "test_batch"))
        head = 2 if fine else 1
        if size % (RECORD + head) or not size:
            raise DataError(
                f"{path} has {size:,} bytes, which is no multiple of {RECORD + 1:,} (CIFAR-10) or {RECORD + 2:,} "
                "(CIFAR-100); is it the right file, and complete?"
            )
        records = np.fromfile(path, np.uint8).reshape(-1, RECORD + head)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; change its permissions or copy it") from error
    pixels: Pixels = np.ascontiguousarray(records[:, head:].reshape(-1, COLOURS, SIDE, SIDE).transpose(0, 2, 3, 1))
    numbers = records[:, head - 1].tolist()
    names = _names(path.parent / ("fine_label_names.txt" if fine else "batches.meta.txt"))
    if names and max(numbers) >= len(names):
        raise DataError(f"{path} has class number {max(numbers)}, but only {len(names)} classes have names")
    return of_array(pixels, [names[n] if names else str(n) for n in numbers], path.name)


def _names(path: Path) -> list[str]:
    if not path.is_file() or path.stat().st_size > MOST_NAMES:
        return []
    return path.read_text(encoding="utf-8", errors="replace").split()
