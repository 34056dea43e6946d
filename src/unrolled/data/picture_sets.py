"""Resolve ``--data`` to training, validation and test sets of labelled pictures.

The data are a named set, ``generated`` (see generated_shapes.py) or ``mnist``, a folder with a folder per class, a
table of paths and labels, idx files, or CIFAR's binary version. A validation or test set that is not given is split off
from the training pictures by a hash of their number; equal pictures are in one part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError
from .digits import mnist
from .generated_shapes import shapes
from .labelled_folders import find_parts
from .labelled_pictures import Pictures, of_array
from .near import exists, missing
from .picture_arrays import array_parts, read_arrays
from .picture_files import Listed, TableLayout, decode, list_folder, list_table, peek, refuse_packed
from .pictures import Fit, fitted, from_array, is_picture
from .sets import PARTS, Sets, divide

GENERATED, MNIST = "generated", "mnist"
NAMES = {GENERATED: "shapes in colours (generated)", MNIST: "handwritten digits (MNIST, 28 × 28, grey)"}
"""the named data sets → titles"""
USUAL, LARGEST = 64, 96  # pixels of a side: of pictures of several sizes, and of equal ones that keep their size
LEAST_SIZE = 8


@dataclass(frozen=True, kw_only=True)
class PictureLayout:
    """How pictures are read.

    Attributes:
        table: the columns of a table.
        size: pixels of a side; `None`: by the data.
        channels: 1 (grey) or 3 (RGB); `None`: by the data.
        fit: how other aspect ratios are fitted.
        skip: omit pictures that cannot be read.
    """

    table: TableLayout = field(default_factory=TableLayout)
    size: int | None = None
    channels: int | None = None
    fit: Fit = "crop"
    skip: bool = False


@dataclass(frozen=True)
class PictureSets(Sets[Pictures]):
    """Training, validation and test sets of labelled pictures.

    Attributes:
        kind: ``digits`` (grey), ``drawings`` (the generated ones) or ``photographs`` (in colour).
        given: whether the test set is separate, not split off.
        guessed: names of columns that were guessed from their contents, by option.
    """

    kind: str = field(kw_only=True)
    given: bool = field(kw_only=True)
    guessed: dict[str, str] = field(kw_only=True)

    def classes(self, where: str) -> list[str]:
        """Return the sorted classes.

        Raises:
            DataError: there are fewer than two, too many, or one that no training picture has.
        """
        counts = Counter(self.train.labels)
        if len(counts) < 2:
            only = f"only the class {next(iter(counts))!r}" if counts else "no labelled pictures"
            raise DataError(f"{where} has {only}; give pictures of at least two classes")
        if len(counts) > max(10, len(self.train) // 2):
            raise DataError(
                f"{where} has {len(counts):,} different labels for {len(self.train):,} pictures; is "
                f"{next(iter(counts))!r} a label? give the folder that contains the folders of the classes, or the "
                "column of labels with --label-column"
            )
        for split, part in (("validation", self.valid), ("test", self.test)):
            if unknown := sorted(set(part.labels) - counts.keys()):
                raise DataError(
                    f"the class {unknown[0]!r} of the {split} pictures has no training pictures, so it cannot be "
                    f"learned; add some, or remove it (training has {', '.join(sorted(counts)[:20])})"
                )
        return sorted(counts)


@dataclass
class _Source:
    """Pictures before they are decoded: files, or arrays."""

    files: Listed | None = None
    arrays: Pictures | None = None
    how: str = ""

    def shape(self, layout: PictureLayout) -> tuple[int, int]:
        """Return the side and the number of channels that the layout or else the data decide."""
        if self.arrays is not None:
            sizes, channels = [self.arrays.pixels.shape[1:3]], self.arrays.pixels.shape[3]
        else:
            assert self.files is not None
            sizes, channels = peek(self.files)
        return layout.size or _side(sizes), layout.channels or channels

    def read(self, size: int, channels: int, layout: PictureLayout, notes: list[str]) -> Pictures:
        if self.files is not None:
            pictures, more = decode(self.files, size, channels, layout.fit, skip=layout.skip)
            notes += more
            return pictures
        assert self.arrays is not None
        if self.arrays.pixels.shape[1:] == (size, size, channels):
            return self.arrays
        pixels = np.empty((len(self.arrays), size, size, channels), np.uint8)
        for n, picture in enumerate(self.arrays.pixels):
            pixels[n] = fitted(from_array(picture), (size, size), channels, fit=layout.fit)
        return Pictures(pixels, self.arrays.labels, self.arrays.names, self.arrays.digests)


def open_pictures(
    spec: str,
    layout: PictureLayout,
    fractions: tuple[float, float, float] | None = None,
    test: str | None = None,
    folds: int = 0,
    fold: int = 0,
) -> PictureSets:
    """Read the training, validation and test sets that ``spec`` names.

    Args:
        spec: a name, a folder or a file.
        layout: how pictures are read.
        fractions: fractions of the training data for training, validation and test (default 0.8, 0.1, 0.1).
        test: a folder or file with the test set, instead of a fraction.
        folds: number of folds for cross-validation; 0: off. A separate test set is then not used.
        fold: the fold that is the test set.

    Raises:
        ArgumentError: a class has fewer pictures than there are folds.
        DataError: the data cannot be read, or a set would be empty.
    """
    notes: list[str] = []
    own = _sources(spec, layout.table, notes)
    pool = own.pop("train")
    guessed = {} if pool.files is None else pool.files.guessed
    if (test is not None or folds) and own.pop("test", None) is not None:
        notes.append(f"{spec}: its test part is not used, because {'--folds' if folds else '--test'} gives another")
    if test is not None:
        own["test"] = _test_source(test, layout.table.with_guessed(guessed), notes)
    size, channels = pool.shape(layout)
    how = [f"{name}: {source.how}" for name, source in (("training", pool), *own.items()) if source.how]
    pictures = pool.read(size, channels, layout, notes)
    separate = {name: source.read(size, channels, layout, notes) for name, source in own.items()}
    parts, more = divide(pictures, separate, pictures.digests, fractions, folds, fold, where=spec, noun="pictures")
    notes += more
    kind = "drawings" if spec == GENERATED else "digits" if channels == 1 else "photographs"
    return PictureSets(**parts, kind=kind, how=how, notes=notes, given="test" in separate, guessed=guessed)


def read_test(spec: str, layout: PictureLayout) -> tuple[Pictures, list[str]]:
    """Return the pictures of ``spec`` to evaluate on, and notes: its test part, or else all.

    Raises:
        DataError: the data cannot be read.
    """
    notes: list[str] = []
    source = _test_source(spec, layout.table, notes)
    size, channels = source.shape(layout)
    return source.read(size, channels, layout, notes), notes


def _test_source(spec: str, table: TableLayout, notes: list[str]) -> _Source:
    sources = _sources(spec, table, notes)
    return sources.get("test", sources.get("valid", sources["train"]))


def _sources(spec: str, table: TableLayout, notes: list[str]) -> dict[str, _Source]:
    """Return the parts of ``spec``, of which ``train`` is one."""
    if spec == GENERATED:
        return {part: _Source(arrays=pictures) for part, pictures in zip(PARTS, shapes(), strict=True)}
    if spec == MNIST:
        return {part: _Source(arrays=_mnist(part)) for part in PARTS}
    path = Path(spec).expanduser()
    if not spec or not exists(spec):
        raise missing("file, folder or named set", spec, NAMES)
    if arrays := array_parts(path):
        first = next(iter(arrays))
        if "train" not in arrays:
            arrays = {"train": arrays[first]}
        return {
            part: _Source(arrays=read_arrays(files), how=", ".join(file.name for file in files))
            for part, files in arrays.items()
        }
    if path.is_file():
        refuse_packed(path)
        if is_picture(path):
            raise DataError(f"{path} is a single picture; give a folder with a folder per class, or a table of paths")
        return {"train": _listed(list_table(path, table), notes)}
    inner, more = find_parts(path)
    notes += more
    if not inner:
        return {"train": _listed(list_folder(path), notes)}
    return {part: _listed(list_folder(folder), notes) for part, folder in inner.items()}


def _listed(found: Listed, notes: list[str]) -> _Source:
    notes += found.notes
    return _Source(files=found, how=f"{found.root.name}: {found.how}")


def _mnist(part: str) -> Pictures:
    pixels, labels = mnist(part)
    return of_array(pixels[..., None], [str(label) for label in labels.tolist()], f"MNIST, {part} part")


def _side(sizes: list[tuple[int, int]]) -> int:
    """Return the side that pictures of these sizes (height, width) are fitted to."""
    if not sizes:
        return USUAL
    equal = len(set(sizes)) == 1 and sizes[0][0] == sizes[0][1]
    if equal and sizes[0][0] <= LARGEST:
        return max(LEAST_SIZE, sizes[0][0])
    middle = int(np.median([min(size) for size in sizes]))
    return max(LEAST_SIZE, min(USUAL, middle // 8 * 8))
