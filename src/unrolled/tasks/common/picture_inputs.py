"""Pictures as inputs of `unrolled predict`: files, of which damaged ones may be omitted, or JSON with a picture in
base64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from ...data.pictures import SUFFIXES
from ...errors import DataError, abridged
from ...results import Input, Text
from .file_inputs import FileInputs
from .prediction import readable

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class PictureInputs(FileInputs):
    """Pictures to predict."""

    input_name: ClassVar[str] = "image"
    endings: ClassVar[tuple[str, ...]] = SUFFIXES
    damaged: Literal["error", "skip"] = "error"
    """inputs that cannot be read: error or skip"""

    def read_each(self, chunks: Iterable[Sequence[Input]], read: Callable[[Input], R]) -> Iterator[list[R] | Text]:
        """Yield the results of ``read`` for the inputs of each chunk, then a text on those that were omitted.

        Raises:
            DataError: an input cannot be read, and ``damaged`` is ``error``; the results before it have been yielded.
        """
        omitted: list[Input] | None = [] if self.damaged == "skip" else None
        for chunk in chunks:
            good, error = readable(chunk, read, omitted)
            if good:
                yield good
            if error is not None:
                raise DataError(f"{error}; --damaged skip omits it" if len(chunk) > 1 else str(error)) from error
        if omitted:
            what = f"{len(omitted):,} {self.input_name}{'s' * (len(omitted) > 1)}"
            yield Text(f"{what} skipped, not readable: {abridged([source.title for source in omitted])}", aside=True)


def picture_input(given: Input, what: str = "picture") -> Input:
    """Return an input whose content is a picture, or a clip; JSON has it as base64 in ``image`` or ``clip``.

    Args:
        given: the input.
        what: ``picture`` or ``clip``.

    Raises:
        DataError: JSON without it.
    """
    if not isinstance(given.content, dict):
        return given
    key = "image" if what == "picture" else what
    try:
        return Input(base64.b64decode(given.content[key], validate=True), given.title)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise DataError(f'{given.title} must be JSON such as {{"{key}": "…"}} with a {what} in base64') from error
