"""Base class of the trained models that `unrolled.load` returns; the command line, the web page and servers use it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ...cells import State
from ...checks import options_of
from ...errors import RunError
from ...results import Input, Pairs, Part, Picture, Prediction, Progress, Records, Report, SamplePiece, silent
from ...results.markup import Shown, part
from ...training.files import save
from ...training.keywords import keyword_names
from ...training.process import device_of
from ..registry import task_class
from .recurrent import Recurrent

LONGEST = 100  # characters of the data's name that are shown


class Trained(Shown):
    """A trained model. Each task's subclass implements the methods it supports, and adds methods of its own for Python.

    Attributes:
        task: the task's name.
        model: the network.
        config: the training config.
        fingerprint: the fingerprint of the training data.
        seen: the hashes of the training examples, if the model file has them; see `common.seen`.
    """

    task: ClassVar[str]
    model: nn.Module
    config: Any
    fingerprint: str | None
    seen: object = ""

    def __init__(self, model: nn.Module, config: Any, fingerprint: str | None = None) -> None:
        self.model, self.config, self.fingerprint = model.eval(), config, fingerprint

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return device_of(self.model)

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
        """Return the report of ``unrolled evaluate``.

        Args:
            options: the task's ``Evaluate`` options.
            progress: shows the progress.

        Raises:
            ArgumentError: the options do not fit the model.
            DataError, RunError: the data cannot be read, or has changed.
        """
        raise self.unable("be evaluated")

    def evaluate(self, data: Any = None, **options: Any) -> Any:
        """Evaluate the model: return the `Report` of ``unrolled evaluate``.

            report = model.evaluate()              # on the test part of the run's own data
            report["accuracy"]                     # a metric by its JSON key
            print(report)                          # tables, as on the command line
            model.evaluate("new.csv", baselines=True)

        Args:
            data: other data, as for ``--data`` (default: the test part of the run's own data).
            options: the options of ``unrolled evaluate`` as keywords.

        Raises:
            ArgumentError: an option is unknown (the nearest is suggested) or invalid.
            DataError, RunError: see `evaluation`.
            SaveError: a file that an option names cannot be written.
        """
        cls = task_class(self.task).Evaluate
        if cls is None:
            raise self.unable("be evaluated")
        given = options if data is None else {"data": str(data), **options}
        with keyword_names(dict.fromkeys(inspect.signature(cls).parameters)):
            report = self.evaluation(options_of(cls, given))
        for shown in report.parts:
            if isinstance(shown, Picture | Records) and shown.path is not None:
                save(shown.path, shown.content(shown.path.suffix), "another path")
        return report

    def report(self, **options: Any) -> Report:
        """As `evaluate`, with options as keywords only: ``model.report(split="valid")``."""
        report: Report = Trained.evaluate(self, **options)
        return report

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Any) -> Iterator[Prediction | Part]:
        """Yield a prediction for each input, in order, then parts about all of them: ``unrolled predict``.

        Memory is bounded: the predictions of a chunk are yielded before the next chunk is read.

        Args:
            inputs: chunks of inputs that are available at once.
            options: the task's ``Predict`` options.

        Raises:
            ArgumentError: the options do not fit the model.
            DataError: an input cannot be read; the predictions before it have been yielded.
        """
        raise self.unable("make predictions")

    def inputs(self, options: Any, words: Sequence[str], note: Callable[[str], None]) -> Iterator[list[Input]]:
        """Yield the inputs of ``unrolled predict`` in chunks. A task whose files are read as in training replaces this.

        Args:
            options: the task's ``Predict`` options.
            words: the command's arguments.
            note: receives how a file was read.
        """
        inputs: Iterator[list[Input]] = options.inputs(words)
        return inputs

    def inspection(self, options: Any, words: Sequence[str], progress: Progress = silent) -> Report:
        """Return the report of ``unrolled inspect`` for a task with ``Inspect`` options.

        Args:
            options: these options.
            words: the command's arguments after RUN, such as files.
            progress: shows the progress.

        Raises:
            DataError, RunError: an input or the run's data cannot be read.
        """
        raise self.unable("be inspected")

    def samples(self, options: Any) -> Iterator[SamplePiece]:
        """Generate samples, piece by piece: ``unrolled sample``, with the task's ``Sample`` options.

        Raises:
            ArgumentError: the options do not fit the model.
        """
        raise self.unable("generate samples")

    def streaming(self, lanes: int = 1) -> Streaming:
        """Return the model for streaming inputs, ``lanes`` streams in a batch.

        Raises:
            RunError: the model needs the whole input first.
        """
        raise self.unable("process streams")

    def modules(self) -> Modules:
        """Return the networks to export, and the data needed to use them.

        Raises:
            RunError: the model cannot be exported.
        """
        raise self.unable("be exported")

    def unable(self, what: str) -> RunError:
        """Return the error for an operation that models of this task do not support."""
        return RunError(f"a model of the task {self.task} cannot {what}")


class Streaming(Protocol):
    """A model that processes a stream step by step.

    The task defines the format of ``-``, standard input: characters of a text, video frames (Y4M, or raw with a size),
    audio samples (s16le with a rate), rows of a table.
    """

    def initial_state(self) -> State:
        """Return the state before the first step; every leaf has a row for each lane (stream)."""

    def step(self, x: Tensor, state: State) -> tuple[Any, State]:
        """Return the output after ``x (B, …)``, one step of each lane, and the state after it."""

    def finish(self, state: State) -> Any:
        """Return the output at the end of the stream."""


class Modules(NamedTuple):
    """The parts of an exported model.

    whole    inputs (T, B, …) → outputs, for whole sequences
    step     one step: (x (B, …), state) → (output, state); `None` where the model needs the whole sequence
    states   the names of the state's leaves, in order
    names    the names of the inputs and of the outputs of ``whole``
    around   plain data for encoding inputs and decoding outputs: vocabulary, classes, normaliser
    """

    whole: nn.Module
    step: nn.Module | None
    states: tuple[str, ...]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    around: Mapping[str, Any]
