"""Samples of a model, piece by piece."""

from __future__ import annotations

from typing import NamedTuple

from .parts import Part


class SamplePiece(NamedTuple):
    """A piece of a sample.

    number   the sample's number, from 0; pieces of several samples may be interleaved
    part     the next text of the sample, or a complete part such as a picture
    given    whether this part is the user's prompt
    """

    number: int
    part: str | Part
    given: bool = False
