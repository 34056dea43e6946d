"""The interface between a task and the training loop."""

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
from .defaults import usual
from .input_options import InputOptions
from .log import Offer
from .metrics import LOSS, Metric
from .modelfile import ModelFile
from .pieces import Recompute, Segments
from .transfer import Taken

PREVIEW_LINES = 8


class Task(ABC):
    """A task: data, model, loss, metrics and preview. The training loop uses nothing else.

    The randomness of a batch depends only on its step number, so that a resumed run sees the same batches.
    """

    name: ClassVar[str]
    """The name on the command line."""
    Config: ClassVar[type]
    """The config class: a frozen dataclass of groups, one of which is ``training: Training``."""
    unit: ClassVar[str]
    """The unit of the training rate: characters, sentences, images…"""
    use: ClassVar[dict[str, str]] = {"evaluate it": "evaluate"}
    """Next steps suggested after training: description → command."""
    extras: ClassVar[Mapping[str, str]] = {}
    """Optional dependencies: module → the extra of the task's package that installs it, as in ``{"av": "video"}``, or
    "" if the module is installed by its own name. Import them lazily, not with the task."""
    word: ClassVar[str | None] = None
    """The option set by an argument after the task name: ``unrolled train memory copy``."""
    preview_lines: ClassVar[int] = PREVIEW_LINES
    """Number of preview lines shown during training."""
    Evaluate: ClassVar[type | None] = None
    """The options of ``unrolled evaluate``, a frozen dataclass; `None`: not supported."""
    Predict: ClassVar[type[InputOptions] | None] = None
    """The options of ``unrolled predict``; `None`: not supported."""
    Sample: ClassVar[type | None] = None
    """The options of ``unrolled sample``; `None`: not supported."""
    Inspect: ClassVar[type | None] = None
    """The options of ``unrolled inspect`` for models without recurrent layers."""
    given: ClassVar[tuple[str, ...]] = ()
    """The options that also accept data given in Python, which `write_data` saves."""
    keeps: ClassVar[tuple[str, ...]] = ()
    """The options that determine the network; a run that starts from another one has that one's values."""
    source: ModelFile | None = None
    """The model that training starts from, if any; the vocabulary of `prepare` contains that of the source."""
    metrics: tuple[Metric, ...] = (LOSS,)
    """The metrics returned by `evaluate`."""
    decides: str = "loss"
    """The name of the metric used for model selection."""
    against_overfitting: str = ""
    """The option that this task's data suggest to try first, such as ``--fold-labels``; set by `prepare`"""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.progress: Progress = silent
        """Shows the progress of long work in `prepare`, such as reading pictures."""

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        """Return the options that may name a file or folder, ``data`` first → the names that are not paths."""
        return {"data": ()}

    @classmethod
    def named(cls) -> list[NamedData]:
        """Return the data sets that ``data`` accepts by name."""
        return []

    @classmethod
    def likely(cls, path: Path) -> bool:
        """Whether the name of a file or folder looks like data of this task."""
        return False

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """Write data that were given in Python, such as a list of pairs, into ``folder``; return the path to read.

        Args:
            name: the option, one of `given`.
            value: its value, which is neither a path nor a name.
            folder: a folder inside that of the run.

        Raises:
            ArgumentError: the value has no form that the task can read.
        """
        raise NotImplementedError

    def describe(self) -> Report:
        """Describe the data for ``unrolled data``: sizes, classes, detected file format, first examples.

        Raises:
            DataError: the data cannot be read.
        """
        return Report({}, notes=tuple(self.prepare()), event="data")

    def check(self) -> list[str]:
        """Check the data; return the notes of training and warnings about suspicious data, and raise on errors."""
        return self.prepare()

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        """Compare several trained models on the same data; ``models`` maps run names to models.

        Raises:
            RunError: the models were trained on different data, and ``options`` names no data to compare them on.
        """
        return side_by_side(cls.metrics, models, options, progress)

    @property
    def selecting(self) -> Metric:
        """The metric used for model selection.

        Raises:
            ArgumentError: `metrics` has no metric of the name `decides`.
        """
        for metric in self.metrics:
            if metric.name == self.decides:
                return metric
        known = ", ".join(metric.name for metric in self.metrics)
        raise ArgumentError(f"{type(self).__name__}.decides", f"the name of one of its metrics ({known})", self.decides)

    @abstractmethod
    def prepare(self) -> list[str]:
        """Read and validate the data; return notes for the user, one line each."""

    @abstractmethod
    def build_model(self) -> nn.Module:
        """Return a new model; its weights are initialized from the global random generator of torch."""

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that a run started from ``source`` must have, by name.

        Args:
            source: the model to start from.
            options: all options of its run.

        Raises:
            ArgumentError: its weights cannot be used by this task.
        """
        if source.task != cls.name:
            raise ArgumentError("from_run", f"a run of the task {cls.name}", f"a run of the task {source.task}")
        return {name: options[name] for name in cls.keeps}

    @classmethod
    def started(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run started from ``source`` where they differ from those of the task."""
        return {}

    def taken(self) -> dict[str, Taken]:
        """Return the tensors of `source` by their names in this task's network."""
        return {} if self.source is None else {name: Taken(tensor) for name, tensor in self.source.tensors.items()}

    def fit(self) -> Callable[[], nn.Module] | None:
        """Return a function that builds the fitted model at once, such as by counting; `None`: gradient descent."""
        return None

    def usual(self, steps: int) -> dict[str, Any]:
        """Return the values of the training options that a rule decides unless they are given (see `defaults`).

        Args:
            steps: the number of training steps.
        """
        return usual(self.config.training)

    @property
    @abstractmethod
    def steps_per_epoch(self) -> float:
        """Steps per epoch."""

    @abstractmethod
    def batch(self, step: int) -> Any:
        """Return the batch of step number ``step`` (from 0), a pure function of it."""

    @abstractmethod
    def units(self, batch: Any) -> float:
        """Return the number of units (see `unit`) in a batch."""

    def carry(self, model: nn.Module) -> State | None:
        """Return the initial recurrent state of training, or `None` if no state is carried between batches."""
        return None

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any, carry: State | None) -> tuple[Tensor, State | None]:
        """Return the mean loss of a batch in nats and the state carried to the next batch (the loop detaches it)."""

    def pieces(self, batch: Any, steps: Recompute) -> list[tuple[Any, float]] | None:
        """Cut a batch along time into pieces of ``steps`` steps (see `pieces.cuts`), each a batch for `loss`.

        Returns:
            The pieces with their weights in the mean loss, of sum 1; `None` if the batch cannot be cut.
        """
        return None

    def segments(self) -> Segments | None:
        """Return the segments between which the gradient with respect to the state is scaled (see `pieces`)."""
        return None

    def lr_scale(self, batch: Any) -> float:
        """Return the factor of the learning rate for this batch."""
        return 1.0

    @abstractmethod
    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return metrics on the split ``"valid"`` or ``"test"``, including `decides` and ``"loss"``."""

    @abstractmethod
    def preview(self, model: nn.Module) -> str | Sequence[Part]:
        """Return example output of the current model: text, or parts such as texts and pictures."""

    def example(self) -> str:
        """Return a short input, best from the validation part, for trying the trained model; empty if there is none."""
        return ""

    def example_file(self) -> tuple[str, bytes] | None:
        """Return name and content of a file for trying the trained model, which is saved in the run's folder, if
        `example` is empty and inputs are files, such as pictures."""
        return None

    def offer(self, model: nn.Module) -> Offer | None:
        """Return a simpler model if the trained ``model`` is not clearly better than it on the validation set.

        It is called after training, so it may only take a small fraction of the time of training.
        """
        return None

    def test_cost(self) -> float:
        """Return the duration of the evaluation on the test split relative to that on the validation split."""
        return 1.0

    def assets(self) -> dict[str, Any]:
        """Return JSON data for the model file that the model needs besides its weights, such as its vocabulary; the key
        ``data`` holds the fingerprint of the data."""
        return {"data": self.fingerprint()}

    @classmethod
    @abstractmethod
    def open(cls, file: ModelFile, config: Any) -> Any:
        """Return the trained model of a model file, ready for use."""

    def fingerprint(self) -> str:
        """Return a digest of the data; resuming with different data raises an error."""
        return ""
