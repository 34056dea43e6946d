"""What the loop asks of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

from ..cells import State
from ..errors import ArgumentError
from .metrics import LOSS, Metric
from .modelfile import ModelFile
from .pieces import Recompute, Segments

PREVIEW_LINES = 8


class Part(Protocol):
    """A piece of a result that is not only text, such as a picture."""

    def plain(self) -> str:
        """It as text, for a terminal."""

    def as_json(self) -> dict[str, Any]:
        """It for a program."""

    def files(self) -> dict[str, bytes]:
        """The files that belong to it, by name."""


class Task(ABC):
    """A problem: its data, model, loss, metric and preview. The loop knows nothing else of it.

    Everything random about a batch is decided by its step number, so that a resumed run sees the same ones.
    """

    name: ClassVar[str]
    """What the command line calls it."""
    Config: ClassVar[type]
    """Its config: a frozen dataclass of groups, one of which is ``training: Training``."""
    unit: ClassVar[str]
    """What the rate counts: characters, sentences, images…"""
    use: ClassVar[dict[str, str]] = {"measure it": "evaluate"}
    """What is done with a run → the verb for it."""
    extras: ClassVar[Mapping[str, str]] = {}
    """Modules that its work needs beyond the base install → the extra of the task's package that has each, as in
    ``{"av": "video"}``, or "" if pip installs it by its own name. Not to be imported with the task."""
    word: ClassVar[str | None] = None
    """The option that a word after the task's name is for: ``unrolled train memory copy``."""
    preview_lines: ClassVar[int] = PREVIEW_LINES
    """So many lines of a preview are shown as training goes on."""
    metrics: tuple[Metric, ...] = (LOSS,)
    """What `evaluate` gives."""
    decides: str = "loss"
    """The metric by which a model is kept; `metrics` says whether it should be large."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        """The options that may name a file or a folder, ``data`` first, and which names of each are none."""
        return {"data": ()}

    @property
    def selecting(self) -> Metric:
        """The metric by which a model is kept.

        Raises:
            ArgumentError: `metrics` has none of that name.
        """
        for metric in self.metrics:
            if metric.name == self.decides:
                return metric
        known = ", ".join(metric.name for metric in self.metrics)
        raise ArgumentError(f"{type(self).__name__}.decides", f"one of its metrics ({known})", self.decides)

    @abstractmethod
    def prepare(self) -> list[str]:
        """Read the data; raise what is wrong with it now. Returns notes for the user, one line each."""

    @abstractmethod
    def build_model(self) -> nn.Module:
        """A new model; its weights come from torch's global generator."""

    def fit(self) -> Callable[[], nn.Module] | None:
        """What makes the model from the data at once, as counting does; `None`: steps of gradient descent train it."""
        return None

    @property
    @abstractmethod
    def steps_per_epoch(self) -> float:
        """Steps in one pass over the training data."""

    @abstractmethod
    def batch(self, step: int) -> Any:
        """The batch of step number ``step`` (from 0), a pure function of it."""

    @abstractmethod
    def units(self, batch: Any) -> float:
        """How many units (see `unit`) a batch holds."""

    @abstractmethod
    def carry(self, model: nn.Module) -> State | None:
        """What the first step starts from: a recurrent state, or `None` if nothing is carried."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any, carry: State | None) -> tuple[Tensor, State | None]:
        """The mean loss of a batch in nats, and what the next step starts from (the loop detaches it)."""

    def pieces(self, batch: Any, steps: Recompute) -> list[tuple[Any, float]] | None:
        """A batch cut along time: pieces of ``steps`` steps (see `pieces.cuts`) for `loss`, each with its share of the
        batch's mean loss, 1 together; `None`: it cannot be cut."""
        return None

    def segments(self) -> Segments | None:
        """What batches consist of, where the gradient by the state is multiplied between (see `pieces`)."""
        return None

    def lr_scale(self, batch: Any) -> float:
        """What the learning rate is multiplied by at this batch."""
        return 1.0

    @abstractmethod
    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        """Metrics on ``"valid"`` (decides) or ``"test"`` (reported), `decides` and ``"loss"`` among them."""

    @abstractmethod
    def preview(self, model: nn.Module) -> str | Sequence[Part]:
        """Something to look at, what the model does now: a text, or parts such as texts and pictures."""

    @abstractmethod
    def assets(self) -> dict[str, Any]:
        """What the model needs besides its weights (JSON), such as its vocabulary. Stored in the model file."""

    @classmethod
    @abstractmethod
    def open(cls, file: ModelFile, config: Any) -> Any:
        """The trained model of a model file, ready for use."""

    def fingerprint(self) -> str:
        """A digest of the data; a run that is resumed on other data is refused."""
        return ""
