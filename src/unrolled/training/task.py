"""What the loop asks of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from ..cells import State
from ..data.named_data import NamedData
from ..errors import ArgumentError
from ..results import Comparison, Part, Progress, Report, silent
from .comparison import side_by_side
from .input_options import InputOptions
from .metrics import LOSS, Metric
from .modelfile import ModelFile
from .pieces import Recompute, Segments

PREVIEW_LINES = 8


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
    Evaluate: ClassVar[type | None] = None
    """The options of ``unrolled evaluate`` for its runs, a frozen dataclass; `None`: they cannot be evaluated."""
    Predict: ClassVar[type[InputOptions] | None] = None
    """The options of ``unrolled predict``; `None`: its models answer nothing."""
    Sample: ClassVar[type | None] = None
    """The options of ``unrolled sample``; `None`: its models make up nothing."""
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

    @classmethod
    def named(cls) -> list[NamedData]:
        """The data sets that ``data`` can name."""
        return []

    @classmethod
    def likely(cls, path: Path) -> bool:
        """Whether a file or folder, by its name, looks like this task's data."""
        return False

    def describe(self) -> Report:
        """What is in the data, for ``unrolled data``: sizes, classes, how files were read, the first examples.

        Raises:
            DataError: it cannot be read.
        """
        return Report({}, notes=tuple(self.prepare()), event="data")

    def check(self) -> list[str]:
        """What training would say of the data, and whatever else is suspicious in it; raises what is wrong with it."""
        return self.prepare()

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        """Several trained models on the same data, by the name of each run.

        Raises:
            RunError: they were trained on different data, and the options name none to compare them on.
        """
        return side_by_side(cls.metrics, models, options, progress)

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

    def carry(self, model: nn.Module) -> State | None:
        """What the first step starts from: a recurrent state, or `None` if nothing is carried."""
        return None

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

    def assets(self) -> dict[str, Any]:
        """What the model needs besides its weights (JSON), such as its vocabulary, and under ``data`` the fingerprint.
        Stored in the model file."""
        return {"data": self.fingerprint()}

    @classmethod
    @abstractmethod
    def open(cls, file: ModelFile, config: Any) -> Any:
        """The trained model of a model file, ready for use."""

    def fingerprint(self) -> str:
        """A digest of the data; a run that is resumed on other data is refused."""
        return ""
