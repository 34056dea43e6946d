"""What is answered: the schema that ``/openapi.json`` promises."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["scoring", "ready", "comparing", "compared", "failed"]
Measure = Literal["auc", "r2"]


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(Reply):
    """What was wrong with a request, in a sentence."""

    detail: str


class Recurrence(Reply):
    """One layer in one direction."""

    name: str
    label: str
    backward: bool
    hidden_size: int
    gates: list[str]
    states: list[str]


class Source(Reply):
    """The text."""

    source: str
    characters: int


class Run(Reply):
    """The run, and what can be asked of it."""

    name: str
    task: str
    about: str
    units: int
    recurrences: list[Recurrence]
    text: Source
    panes: list[str]
    limits: dict[str, int]
    loss_unit: str


class Text(Reply):
    """Characters; ``read``: 1 for each with which a symbol ends, left out where all do."""

    begin: int
    end: int
    text: str
    read: list[int] | None = None


class Values(Reply):
    """A unit over characters, a byte each."""

    begin: int
    end: int
    values: str
    low: float
    high: float
    provisional: bool


class Grid(Values):
    """A gate's units over characters, a row each."""

    order: list[int]
    scores: list[float | None] | None
    measure: Measure | None


class Guesses(Reply):
    """What the model expects after each character."""

    begin: int
    end: int
    symbols: list[str]
    ids: str
    shares: str


class Best(Reply):
    """A unit and its score."""

    recurrence: str
    gate: str
    index: int
    name: str
    sign: int
    score: float | None
    rank: float | None


class Hypothesis(Reply):
    """A hypothesis and the units that know it best."""

    name: str
    binary: bool
    measure: Measure
    share: float | None
    best: list[Best]
    baseline: float | None
    excess: float | None
    p: float | None
    found: bool | None


class Hypotheses(Reply):
    """All of them, ranked."""

    state: State
    done: float
    seconds_left: int | None
    error: str | None
    hypotheses: list[Hypothesis]
    left_out: dict[str, str]


class Comparison(Reply):
    """How far scoring is."""

    state: State


class Likely(Reply):
    """A symbol that may follow."""

    symbol: str
    p: float


class LayerState(Reply):
    """A state after a text."""

    recurrence: str
    gate: str
    values: list[float]


class Typed(Reply):
    """What the model makes of a text."""

    next: list[Likely]
    surprise: list[float | None]
    values: str
    low: float
    high: float
    state: list[LayerState]


class LayerStep(Reply):
    """A layer at a step."""

    recurrence: str
    h: list[float]
    c: list[float] | None = None
    grad: list[float]
    h_norm: float
    grad_norm: float


class Step(Reply):
    """A step of a short text."""

    x: str
    x_id: int
    target: str | None
    guess: str
    p_guess: float
    p_target: float | None
    loss: float | None
    right: bool | None
    top: list[Likely]
    layers: list[LayerStep]


class Unrolled(Reply):
    """A short text, step by step."""

    symbols: list[str]
    steps: list[Step]
    loss: float | None


class Preview(Reply):
    """What the model wrote after some steps of training."""

    step: int
    text: str


class BestScore(Reply):
    """The validation score of the model that was kept."""

    step: int
    loss: float


class Training(Reply):
    """How the run was trained."""

    points: list[dict[str, float]]
    previews: list[Preview]
    best: BestScore | None


class Translation(Reply):
    """A sentence and its translation."""

    source: list[str]
    target: list[str]
    weights: list[list[float]] | None
    text: str
    score: float
