"""The request models: every field with its bounds; unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..regex import LONGEST

SLICE, GRID = 1600, 600  # characters per reply: about a screenful, which a wide network reads in 0.1 s
TYPED, PROMPT, LENGTH = 2000, 2000, 5000
UNROLLED, SENTENCE = 60, 400
EXPRESSION, SEGMENT = LONGEST, 200
CLAMPS, STRONGEST = 8, 1000.0
FARTHEST = 1 << 40  # the largest position in a text
EXACT = (1 << 53) - 1  # the largest integer that JavaScript represents exactly

LIMITS = {
    "slice": SLICE,
    "grid": GRID,
    "type": TYPED,
    "prompt": PROMPT,
    "length": LENGTH,
    "unrolled": UNROLLED,
    "sentence": SENTENCE,
    "clamps": CLAMPS,
    "expression": EXPRESSION,
    "segment": SEGMENT,
}

Name = Annotated[str, Field(min_length=1, max_length=100)]
Index = Annotated[int, Field(ge=0, le=1 << 31)]
Place = Annotated[int, Field(ge=0, le=FARTHEST)]


class QueryParameters(BaseModel):
    """Query parameters, with numbers parsed from strings."""

    model_config = ConfigDict(extra="forbid")


class Range(QueryParameters):
    """A range of characters of the text."""

    begin: Place
    end: Place


class UnitRange(Range):
    """A unit over a range of characters."""

    recurrence: Name
    gate: Name
    index: Index


class LabelRange(Range):
    """A hypothesis over a range of characters."""

    hypothesis: Annotated[str, Field(max_length=500)]


class GateRange(Range):
    """All units of a gate over a range of characters."""

    recurrence: Name
    gate: Name
    sort: Annotated[str, Field(max_length=500)] | None = None
    scale: Literal["own", "common"] = "common"


class Body(BaseModel):
    """A JSON body."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Nothing(Body):
    """The empty object ``{}``."""


class Unit(Body):
    """A unit: its recurrence, gate and index."""

    recurrence: Name
    gate: Name
    index: Index


class Typed(Unit):
    """A typed text, and the unit to colour it by."""

    text: Annotated[str, Field(max_length=TYPED)]


class Expression(Body):
    """A regular expression: a hypothesis that is true inside its matches."""

    expression: Annotated[str, Field(min_length=1, max_length=EXPRESSION)]


class Segment(Body):
    """A stretch of the text, and the layer whose states to compare."""

    recurrence: Name
    begin: Place
    end: Place


class UnitOf(QueryParameters):
    """A unit, as query parameters."""

    recurrence: Name
    gate: Name
    index: Index


class Clamp(Unit):
    """A unit of the state to hold at a value."""

    value: Annotated[float, Field(ge=-STRONGEST, le=STRONGEST)]


class Write(Body):
    """Options for generating a text."""

    prompt: Annotated[str, Field(max_length=PROMPT)] = ""
    length: Annotated[int, Field(ge=1, le=LENGTH)] = 500
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_k: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, le=EXACT)] | None = None
    clamps: Annotated[list[Clamp], Field(max_length=CLAMPS)] = []
    watch: Unit | None = None


class Unroll(Body):
    """A short text to show step by step."""

    text: Annotated[str, Field(min_length=1, max_length=TYPED)]
    last_only: bool = False
    gates: bool = False


class Predicted(Body):
    """A text to classify or tag."""

    text: Annotated[str, Field(max_length=TYPED)]


class Sentence(Body):
    """A sentence to translate."""

    text: Annotated[str, Field(min_length=1, max_length=SENTENCE)]
