"""What `unrolled.load` gives for a run of any task: the verbs of the command line, the page and a server ask it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor, nn

from ...cells import State
from ...errors import RunError
from ...results import Input, Pairs, Part, Prediction, Progress, Report, SamplePiece, silent
from ...results.markup import Shown, part
from .recurrent import Recurrent

LONGEST = 100  # characters of the data's name that are shown


class Trained(Shown):
    """A trained model. Each task's has what it can do of the methods here, and methods of its own for Python.

    Attributes:
        task: the name of its task.
        model: the network.
        config: the config it was trained with.
        fingerprint: of the data it was trained on.
    """

    task: ClassVar[str]
    model: nn.Module
    config: Any
    fingerprint: str | None

    def __init__(self, model: nn.Module, config: Any, fingerprint: str | None = None) -> None:
        self.model, self.config, self.fingerprint = model.eval(), config, fingerprint

    @property
    def size(self) -> int:
        """How many numbers it has learned: its parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def about(self) -> list[tuple[str, str]]:
        """What it is, as labels and texts, for `print` and notebooks."""
        layers = getattr(self.config, "model", None)
        data = str(getattr(getattr(self.config, "data", None), "data", ""))
        rows = [("task", self.task), ("data", data if len(data) <= LONGEST else f"{data[:LONGEST]}…")]
        if isinstance(layers, Recurrent):
            cell = layers.cell if ":" in layers.cell else layers.cell.upper()
            count = f"{layers.num_layers} layer{'s' * (layers.num_layers > 1)}"
            rows.append(("network", f"{cell}, {count} of {layers.hidden_size:,} units"))
        return [(label, text) for label, text in (*rows, ("parameters", f"{self.size:,}")) if text]

    def plain(self) -> str:
        """What it is, as text."""
        return Pairs(self.about()).plain()

    def _repr_html_(self) -> str:
        return part(Pairs(self.about()))

    def evaluation(self, options: Any, progress: Progress = silent) -> Report:
        """What it is worth, as the task's ``Evaluate`` options ask: ``unrolled evaluate``.

        Raises:
            ArgumentError: the options do not fit the model.
            DataError, RunError: the data cannot be read, or is not what it was.
        """
        raise self.unable("be evaluated")

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Any) -> Iterator[Prediction | Part]:
        """An answer for each input, in their order, then what concerns all of them: ``unrolled predict``, with the
        task's ``Predict`` options.

        The inputs come in lists that are there at once; a list is answered before the next one is asked for. Memory is
        bounded, however many there are.

        Raises:
            ArgumentError: the options do not fit the model.
            DataError: an input cannot be read; those before it are answered.
        """
        raise self.unable("answer questions")

    def samples(self, options: Any) -> Iterator[SamplePiece]:
        """What it makes up, piece by piece: ``unrolled sample``, with the task's ``Sample`` options.

        Raises:
            ArgumentError: the options do not fit the model.
        """
        raise self.unable("make up anything")

    def streaming(self, lanes: int = 1) -> Streaming:
        """The model for inputs that arrive step by step, ``lanes`` streams side by side.

        Raises:
            RunError: it must have seen a whole input before it answers.
        """
        raise self.unable("answer step by step")

    def modules(self) -> Modules:
        """The networks to export, and what is needed around them.

        Raises:
            RunError: there is nothing to export.
        """
        raise self.unable("be exported")

    def unable(self, what: str) -> RunError:
        """The error for what models of this task cannot do."""
        return RunError(f"a model of the task {self.task} cannot {what}")


class Streaming(Protocol):
    """A model that answers while its input arrives.

    What ``-`` brings is the task's to say: characters of a text, frames (Y4M, or raw with a size), samples of sound
    (s16le with a rate), rows of a table.
    """

    def initial_state(self) -> State:
        """The state before the first step; every leaf has a row for each lane."""

    def step(self, x: Tensor, state: State) -> tuple[Any, State]:
        """What can be said after ``x (B, …)``, one step of each lane, and the state after it."""

    def finish(self, state: State) -> Any:
        """What is said at the end, when no more will come."""


class Modules(NamedTuple):
    """What an exported model consists of.

    whole    inputs (T, B, …) → outputs, for whole sequences; its inputs and outputs by ``names``
    step     one step: (x (B, …), state) → (output, state); `None` where the model needs the whole sequence
    states   a name for each leaf of the state, in order
    names    (inputs, outputs) of ``whole``
    around   plain data that a program needs to go from its inputs to the network's and back: vocabulary, classes,
             normaliser
    """

    whole: nn.Module
    step: nn.Module | None
    states: tuple[str, ...]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    around: Mapping[str, Any]
