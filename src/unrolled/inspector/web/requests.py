"""What the page may ask: every field with its bounds, and nothing besides."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SLICE, GRID = 1600, 600  # characters of an answer: about a screenful, which a wide network reads in a tenth of a second
TYPED, PROMPT, LENGTH = 2000, 2000, 5000
UNROLLED, SENTENCE = 60, 400
CLAMPS, STRONGEST = 8, 1000.0
FARTHEST = 1 << 40  # a place in a text
EXACT = (1 << 53) - 1  # the largest whole number that JavaScript has

LIMITS = {
    "slice": SLICE,
    "grid": GRID,
    "type": TYPED,
    "prompt": PROMPT,
    "length": LENGTH,
    "unrolled": UNROLLED,
    "sentence": SENTENCE,
    "clamps": CLAMPS,
}

Name = Annotated[str, Field(min_length=1, max_length=100)]
Index = Annotated[int, Field(ge=0, le=1 << 31)]
Place = Annotated[int, Field(ge=0, le=FARTHEST)]


class Question(BaseModel):
    """In an address: numbers are spelled."""

    model_config = ConfigDict(extra="forbid")


class Range(Question):
    """Characters of the text."""

    begin: Place
    end: Place


class OfUnit(Range):
    """A unit over characters."""

    recurrence: Name
    gate: Name
    index: Index


class OfGate(Range):
    """All units of a gate over characters."""

    recurrence: Name
    gate: Name
    sort: Annotated[str, Field(max_length=500)] | None = None


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Nothing(Body):
    """``{}``."""


class Unit(Body):
    """A unit by its three names."""

    recurrence: Name
    gate: Name
    index: Index


class Typed(Unit):
    """A text, and a unit to look at."""

    text: Annotated[str, Field(max_length=TYPED)]


class Clamp(Unit):
    """A unit of the state that is held at a value."""

    value: Annotated[float, Field(ge=-STRONGEST, le=STRONGEST)]


class Write(Body):
    """A text to be written."""

    prompt: Annotated[str, Field(max_length=PROMPT)] = ""
    length: Annotated[int, Field(ge=1, le=LENGTH)] = 500
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_k: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, le=EXACT)] | None = None
    clamps: Annotated[list[Clamp], Field(max_length=CLAMPS)] = []
    watch: Unit | None = None


class Unroll(Body):
    """A short text, step by step."""

    text: Annotated[str, Field(min_length=1, max_length=TYPED)]
    last_only: bool = False


class Sentence(Body):
    """A sentence to be translated."""

    text: Annotated[str, Field(min_length=1, max_length=SENTENCE)]
