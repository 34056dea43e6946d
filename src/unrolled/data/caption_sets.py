"""Resolve ``--data`` to training, validation and test sets of pictures or clips with captions.

The data are generated, or a file of captions and a folder of pictures or clips. The split is by picture, never by
caption, and by a hash of the picture's name, so that it depends neither on the seed nor on the other pictures; a split
in the file itself (Karpathy's) is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .caption_files import CaptionFile, CaptionForm, read_captions
from .captioned import Captioned
from .captioned_files import Kind, find_files
from .generated_actions import RATE, actions
from .generated_scenes import scenes
from .hashed_parts import fraction_of
from .near import exists, missing
from .sets import Sets

SCENES, UNSEEN, ACTIONS = "scenes", "scenes-unseen", "actions"
NAMES = {
    SCENES: "drawn objects and their relations (generated)",
    UNSEEN: "the same with combinations of colour and shape that do not occur in training (generated)",
    ACTIONS: "clips of a stick figure that does several things (generated)",
}
FRACTIONS = (0.8, 0.1, 0.1)
VALID_SHARE = 0.1  # of the pictures outside the fold that is the test set


@dataclass(frozen=True)
class CaptionSets(Sets[Captioned]):
    """Training, validation and test sets of pictures with captions."""


def open_captions(
    data: str,
    images: str | None = None,
    form: CaptionForm = "auto",
    inputs: Kind = "auto",
    fractions: tuple[float, float, float] | None = None,
    folds: int = 0,
    fold: int = 0,
) -> CaptionSets:
    """Read the training, validation and test sets that ``data`` names.

    Args:
        data: a named set, or a file of captions.
        images: the folder of the pictures (default: found beside the file).
        form: the form of the file.
        inputs: what it describes: pictures or clips.
        fractions: of the pictures for training, validation and test (default: the split in the file, or 0.8, 0.1, 0.1).
        folds, fold: with folds the test set is fold number ``fold``.

    Raises:
        DataError: a file cannot be read, no caption has a picture, or a set would be empty.
    """
    if data in NAMES:
        parts = [_generated(data, part) for part in ("train", "valid", "test")]
        return CaptionSets(parts[0], parts[1], parts[2], [_sizes(parts)])
    file, whole, notes = _read(data, images, form, inputs)
    given = {} if fractions or folds else file.parts
    members: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for n, name in enumerate(whole.names):
        members[given.get(name) or part_of(name, fractions or FRACTIONS, folds, fold)].append(n)
    noun = "clip" if whole.clips else "picture"
    for part in ("train", "valid"):
        if not members[part]:
            remedy = f"give more {noun}s, or other --fractions"
            raise DataError(f"{data}: no {noun} of {len(whole):,} is in the {part} set; {remedy}")
    parts = [whole.pick(members[part]) for part in ("train", "valid", "test")]
    split = "the split is that of the file" if given else f"split by a hash of the {noun}'s name"
    return CaptionSets(
        parts[0], parts[1], parts[2], [*notes, f"{data}: {split}", _sizes(parts)], [f"{data}: {file.how}"]
    )


def read_test(data: str, images: str | None, form: CaptionForm, inputs: Kind) -> tuple[Captioned, list[str]]:
    """Return the test pictures or clips of a named set, or all of a file, and notes.

    Raises:
        DataError: see `open_captions`; or a named set has the others.
    """
    if data not in NAMES:
        _, whole, notes = _read(data, images, form, inputs)
        return whole, notes
    kind = "clips" if data == ACTIONS else "pictures"
    if inputs not in ("auto", kind):
        raise DataError(f"{data} are {kind}, but the model describes {inputs}; give other --data")
    return _generated(data, "test"), []


def _generated(data: str, part: str) -> Captioned:
    """Return a part of a named set."""
    if data != ACTIONS:
        return scenes("unseen" if (data, part) == (UNSEEN, "test") else part)
    frames, shown = actions(part)
    names = [f"{part} {number}" for number in range(1, len(frames) + 1)]
    return Captioned(names, [[scene.sentence()] for scene in shown], frames, clips=True, rate=RATE)


def part_of(name: str, fractions: tuple[float, float, float], folds: int = 0, fold: int = 0) -> str:
    """Return the part of a picture: ``train``, ``valid`` or ``test``."""
    if folds:
        if int(folds * fraction_of(name)) == fold:
            return "test"
        return "valid" if fraction_of(name, 1) < VALID_SHARE else "train"
    at = fraction_of(name)
    return "test" if at < fractions[2] else "valid" if at < fractions[1] + fractions[2] else "train"


def _sizes(parts: list[Captioned]) -> str:
    sizes = [f"{len(part):,} {name}" for part, name in zip(parts, ("training", "validation", "test"), strict=True)]
    count = sum(map(len, parts[0].captions))
    return f"{', '.join(sizes)} {parts[0].noun}; {count:,} training captions"


def _read(data: str, images: str | None, form: CaptionForm, inputs: Kind) -> tuple[CaptionFile, Captioned, list[str]]:
    """Return the file, its captions that have a picture or clip, and notes on the others."""
    if not exists(data):
        raise missing("file of captions or named set", data, NAMES)
    path = Path(data).expanduser()
    if path.is_dir():
        raise DataError(f"{data} is a folder; give the file of captions, and the folder of the pictures with --images")
    file = read_captions(path, form)
    found = find_files(path, images, list(file.captions), inputs)
    names = [name for name in file.captions if name in found.files]
    files = [found.files[name] for name in names]
    captioned = Captioned(names, [file.captions[name] for name in names], files, clips=found.clips)
    return file, captioned, [*file.notes, *found.notes]
