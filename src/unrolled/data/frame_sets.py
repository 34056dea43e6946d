"""Training, validation and test windows of frames: generated moving digits, or clips of a file.

moving-digits     moving MNIST digits if MNIST is on this machine, else moving shapes
moving-mnist      two digits of MNIST; each part has digits of its own
moving-shapes     two built-in shapes; needs no files
.npy, .npz        clips in a NumPy file, see clip_arrays.py
a file, a folder  clips that are decoded once into the cache, see clips.py and clip_store.py
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DataError
from ..results import Progress, silent
from . import moving_digits
from .clip_arrays import SUFFIXES, Order, read_clip_array
from .clip_lists import clips_within
from .clip_sets import ClipLayout, decided
from .clip_store import ClipStore
from .clips import is_clip
from .digits import MNIST as MNIST_FILES
from .digits import mnist
from .folds import grouped
from .frame_windows import Clips, ClipWindows, MovingWindows, Windows
from .named_data import NamedData, named_data
from .near import exists, missing
from .pictures import Pixels
from .registry import present
from .sets import divided, with_own

DIGITS, MNIST, SHAPES = "moving-digits", "moving-mnist", "moving-shapes"
NAMES = {
    DIGITS: "moving MNIST digits if MNIST is on this machine, else moving shapes",
    MNIST: "two MNIST digits that move and bounce, 64 × 64 pixels (Srivastava et al. 2015)",
    SHAPES: "two built-in shapes that move and bounce, 64 × 64 pixels; needs no files",
}
PARTS = ("train", "valid", "test")
WINDOWS = {"train": 10_000, "valid": 100, "test": 200}  # generated windows of an epoch, and of an evaluation
_SEED = 0  # of generated validation and test windows


@dataclass(frozen=True, kw_only=True)
class FrameLayout:
    """How frames are read.

    frames     frames of a window
    digits     digits of generated frames
    order      the order of the axes of an array of clips
    fractions  fractions of the clips for training, validation and test
    decoding   how videos and other clips that are not in one NumPy file are decoded
    """

    frames: int
    digits: int = 2
    order: Order = "auto"
    fractions: tuple[float, float, float] | None = None
    decoding: ClipLayout = field(default_factory=ClipLayout)


@dataclass
class FrameSets:
    """Windows of frames in three parts.

    Attributes:
        train, valid, test: the windows.
        shape: H, W and C of a frame.
        name: the data's name, of `NAMES` the one that was decided for.
        digest: a digest of all frames and of the split.
        how: how a file was read.
        notes: remarks.
    """

    train: Windows
    valid: Windows
    test: Windows
    shape: tuple[int, int, int]
    name: str
    digest: str
    how: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [
        named_data(name, title, MNIST_FILES) if name == MNIST else NamedData(name, title)
        for name, title in NAMES.items()
    ]


def resolved(name: str) -> str:
    """Return the data that ``moving-digits`` means on this machine; any other name is its own."""
    if name != DIGITS:
        return name
    return MNIST if all(present(file) for file in MNIST_FILES) else SHAPES


def open_frames(
    data: str, layout: FrameLayout, test: str | None = None, seed: int = 0, progress: Progress = silent
) -> FrameSets:
    """Return the windows that ``data`` names.

    Args:
        data: a name of `NAMES`, or a file.
        layout: how frames are read.
        test: a file with the test clips, instead of a fraction.
        seed: the seed of generated training windows.
        progress: shows the progress of decoding.

    Raises:
        DataError: the data cannot be read, or a part would be empty.
    """
    name = resolved(data)
    if name in NAMES:
        train, valid, test_part = (_generated(name, part, layout, seed) for part in PARTS)
        sets = FrameSets(
            train, valid, test_part, _GENERATED, name=name, digest=f"{name} {layout.digits} {layout.frames}"
        )
    else:
        sets = _cut(name, layout, test is not None, progress)
    if test is not None:
        layout = replace(layout, decoding=replace(layout.decoding, size=sets.shape[:2], channels=sets.shape[2]))
        sets.test, shape, digest, how = read_test(test, layout, progress)
        if shape != sets.shape:
            raise DataError(f"{test} has frames of {sized(shape)}, but {data} of {sized(sets.shape)}; convert them")
        sets.digest += f" {digest}"
        sets.how += how
    return sets


def read_test(
    data: str, layout: FrameLayout, progress: Progress = silent
) -> tuple[Windows, tuple[int, int, int], str, list[str]]:
    """Return the windows of ``data`` to evaluate on, H, W and C of their frames, a digest, and how they were read.

    Raises:
        DataError: the data cannot be read, or no clip is long enough.
    """
    name = resolved(data)
    if name in NAMES:
        return _generated(name, "test", layout, _SEED), _GENERATED, f"{name} {layout.digits} {layout.frames}", []
    clips, how = _read(name, layout, progress)
    windows = _windows(clips, range(len(clips)), layout.frames, layout.frames, name)
    return windows, clips[0].shape[1:], _digest(clips.digests), how


def sized(shape: tuple[int, ...]) -> str:
    """Return the size of frames, H, W and C, in words."""
    height, width, channels = shape
    colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    return f"{width} × {height} pixels, {colours}"


_GENERATED = (moving_digits.SIDE, moving_digits.SIDE, 1)


def _generated(name: str, part: str, layout: FrameLayout, seed: int) -> MovingWindows:
    stream = PARTS.index(part)
    digits: Pixels = mnist(part).pictures if name == MNIST else moving_digits.shapes(stream)
    own = seed if part == "train" else _SEED
    return MovingWindows(digits, own, stream, WINDOWS[part], layout.frames, layout.digits)


def _cut(data: str, layout: FrameLayout, separate: bool, progress: Progress) -> FrameSets:
    """Return the parts of the clips of a file; ``separate``: the test part is given."""
    clips, how = _read(data, layout, progress)
    digests = clips.digests
    shares = with_own(layout.fractions, ("test",) if separate else ())
    train, valid, test = divided(grouped(digests), shares)
    if not train or not valid:
        raise DataError(
            f"{data} has {len(clips):,} clips: too few for training and validation fractions of {shares[0]:g} and "
            f"{shares[1]:g}; give more, or other --fractions"
        )
    return FrameSets(
        train=_windows(clips, train, layout.frames, 1, f"{data}, training part"),
        valid=_windows(clips, valid, layout.frames, layout.frames, f"{data}, validation part"),
        test=ClipWindows(clips, test, layout.frames, layout.frames),
        shape=clips[0].shape[1:],
        name=data,
        digest=_digest([*digests, *map(str, shares), str(layout.frames)]),
        how=how,
    )


def _digest(texts: list[str]) -> str:
    return hashlib.sha256(" ".join(texts).encode()).hexdigest()


def _windows(clips: Clips, chosen: list[int] | range, frames: int, stride: int, where: str) -> ClipWindows:
    windows = ClipWindows(clips, list(chosen), frames, stride)
    if not len(windows):
        longest = max(clips.lengths[index] for index in chosen)
        raise DataError(
            f"{where}: the longest clip has {longest:,} frames, and a window takes {frames}; give longer clips, a "
            "lower --context or --horizon, or another --order of the axes"
        )
    return windows


def _read(data: str, layout: FrameLayout, progress: Progress) -> tuple[Clips, list[str]]:
    """Return the clips of a file or folder, and how they were read."""
    if not data or not exists(data):
        raise missing("file or folder of clips, or named data,", data, NAMES)
    path = Path(data).expanduser()
    if path.suffix.lower() in SUFFIXES and path.is_file():
        array = read_clip_array(path, layout.order, least=layout.frames)
        frames, *shape = array.values.shape[1:]
        return array, [f"{path.name}: {len(array):,} clips of {frames:,} frames, {sized((*shape,))}"]
    paths = [path] if path.is_file() or is_clip(path) else clips_within(path)[0]
    if not paths:
        raise DataError(f"{path} has no clips; give a folder with videos, GIF files, folders of frames or .npy files")
    notes: list[str] = []
    form = decided(paths, layout.decoding, notes)
    store = ClipStore(paths, form, skip=layout.decoding.skip, progress=progress)
    rate = f" at {float(form.rate):.4g} frames per second" if form.rate else ""
    lengths = f"{min(store.lengths):,} to {max(store.lengths):,} frames{rate}"
    notes += [f"not read: {reason}" for _, reason in store.skipped]
    return store, [f"{path.name}: {len(store):,} clips of {lengths}, {sized((*form.size, form.channels))}", *notes]
