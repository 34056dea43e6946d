"""What a model makes up, as it comes."""

from __future__ import annotations

from typing import NamedTuple

from .parts import Part


class SamplePiece(NamedTuple):
    """A piece of a sample.

    number   of the sample, from 0; pieces of several samples may come in any order
    part     text that goes on where the sample's last text ended, or something whole: a picture, a drawing
    given    whether the user gave this part, as a prompt, and the model goes on from it
    """

    number: int
    part: str | Part
    given: bool = False
