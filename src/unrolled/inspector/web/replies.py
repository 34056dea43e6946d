"""The reply models: the schema published at ``/openapi.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["scoring", "ready", "comparing", "compared", "failed"]
Measure = Literal["auc", "r2"]


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(Reply):
    """An error, in one sentence."""

    detail: str


class Recurrence(Reply):
    """A layer in one direction."""

    name: str
    label: str
    backward: bool
    hidden_size: int
    gates: list[str]
    states: list[str]


class Source(Reply):
    """The text's source and length."""

    source: str
    characters: int


class Run(Reply):
    """The run, with its units, panes and request limits."""

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
    """Characters; ``read``: 1 for each that ends a token, omitted if all do."""

    begin: int
    end: int
    text: str
    read: list[int] | None = None


class Bytes(Reply):
    """Values over characters, one byte each: 1 to 255 from ``low`` to ``high``, 0 for none."""

    begin: int
    end: int
    values: str
    low: float
    high: float
    provisional: bool


class Values(Bytes):
    """A unit's values over characters; ``raw``: the same as 32-bit floats."""

    raw: str


class Range(Reply):
    """The smallest, mean and largest value of a unit over characters spread over the text."""

    low: float
    mean: float
    high: float
    characters: int


class Surprise(Reply):
    """The surprise of each character's token in nats; null: not predicted, or within a token."""

    begin: int
    end: int
    nats: list[float | None]
    provisional: bool


class Grid(Bytes):
    """The values of a gate's units over characters, a row each, on one scale or each row on its own."""

    order: list[int]
    scores: list[float | None] | None
    measure: Measure | None


class Guesses(Reply):
    """The most probable next tokens after each character."""

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
    """A hypothesis and the units with the highest scores."""

    name: str
    binary: bool
    measure: Measure
    share: float | None
    best: list[Best]
    baseline: float | None
    excess: float | None
    p: float | None
    found: bool | None
    explains: bool
    why: str


class Hypotheses(Reply):
    """All hypotheses, ranked, and the state of scoring."""

    state: State
    done: float
    seconds_left: int | None
    error: str | None
    hypotheses: list[Hypothesis]
    left_out: dict[str, str]
    pending: list[str]
    note: str | None
    sampled: int | None
    """the number of positions behind the scores of the strips, where the table has those of the whole text"""


class UnitRow(Reply):
    """How well a unit encodes one hypothesis, in words."""

    name: str
    meaning: str
    numbers: str
    explains: bool
    found: bool
    closed: float | None


class OfUnit(Reply):
    """What a unit encodes, the best hypothesis first; without rows before the units have been scored."""

    rows: list[UnitRow]


class Added(Reply):
    """The name of an added hypothesis."""

    name: str


class LabelValues(Reply):
    """Where a hypothesis is true: one byte per character, 0 or 1; a numeric one has bytes from ``low`` to ``high``."""

    begin: int
    end: int
    binary: bool
    values: str
    low: float
    high: float


class Passage(Reply):
    """A passage with similar states."""

    score: float
    begin: int
    end: int
    before: str
    text: str
    after: str


class Similar(Reply):
    """Passages with similar states, best first, the units that define them, and the part that was searched."""

    units: list[str]
    begin: int
    end: int
    matches: list[Passage]


class Comparison(Reply):
    """The state of scoring."""

    state: State


class Likely(Reply):
    """A possible next token and its probability."""

    symbol: str
    p: float


class LayerState(Reply):
    """A state after reading a text."""

    recurrence: str
    gate: str
    values: list[float]


class Typed(Reply):
    """A typed text: next tokens, surprise per character, a unit's values and the final state.

    ``skipped`` are the characters outside the vocabulary, by their places, which the model does not read.
    """

    skipped: list[int]
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
    gates: dict[str, list[float]] | None = None
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
    """A text generated after some training steps."""

    step: int
    text: str


class BestScore(Reply):
    """The validation loss of the best model."""

    step: int
    loss: float


class Training(Reply):
    """The training log: metrics by step, previews and the best validation loss."""

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


class ClassProbability(Reply):
    """A class and its probability."""

    name: str
    p: float


class PredictedPiece(Reply):
    """A span of a text; see `unrolled.results.Piece`."""

    text: str
    label: str
    number: int
    weight: float
    probability: float | None
    unknown: bool
    speaks_for: str
    explanation: str


class Predicted(Reply):
    """The prediction for a text, with its explanation; the pieces, joined, are the text.

    ``scale``: nats of a weight of 1.
    """

    answer: str
    other: str
    scale: float | None
    explanation: str
    classes: list[ClassProbability]
    pieces: list[PredictedPiece]
