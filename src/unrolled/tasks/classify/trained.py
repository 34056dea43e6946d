"""A trained classifier in use: ask it, measure it, let it say which words moved it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...analysis.inspection import Reading
from ...analysis.saliency import gradient_times_input
from ...checks import checked_methods
from ...data import vocabulary_from_json
from ...data.batches import in_order, pad
from ...data.labelled import Examples
from ...data.labelled_sets import read_test
from ...errors import DataError, RunError
from ...results import Piece, Prediction
from ...training.modelfile import ModelFile
from ..common.own_data import own_data
from ..common.prediction import Part, in_place
from ..common.recurrent import restored
from .inspection import reading
from .reading import Reader

BINS = 15  # of the calibration error
MOST_CLASSES = 100_000

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """How well a classifier does on examples.

    Attributes:
        loss: mean −log p(true class), in nats.
        accuracy: share of right answers.
        macro_f1: mean over the classes of 2PR/(P + R); a class that neither occurs nor is answered is left out.
        calibration_error: mean distance of confidence and accuracy over bins of confidence (Guo et al. 2017, eq. 3).
        confusion: ``(C, C)`` counts, true class by row.
        classes: their names.
    """

    loss: float
    accuracy: float
    macro_f1: float
    calibration_error: float
    confusion: npt.NDArray[np.int64]
    classes: list[str]

    def summary(self) -> dict[str, float]:
        """The numbers that are one each."""
        names = ("loss", "accuracy", "macro_f1", "calibration_error")
        return {name: getattr(self, name) for name in names}


@checked_methods
class TrainedClassifier:
    """What `unrolled.load` gives for a run of the task ``classify``.

    Args:
        model: ``ids (T, B), lengths (B,) → logits (B, C)``.
        reader: how it reads texts.
        classes: their names.
        config: the config it was trained with.
        fingerprint: of the texts it was trained on.
    """

    task: ClassVar[str] = "classify"
    panes: ClassVar[tuple[str, ...]] = ("text", "training")
    loss_unit: ClassVar[str] = "nats"

    def __init__(
        self, model: nn.Module, reader: Reader, classes: list[str], config: Any, fingerprint: str | None = None
    ) -> None:
        self.model, self.reader, self.classes = model.eval(), reader, classes
        self.config, self.fingerprint = config, fingerprint

    @classmethod
    def from_file(cls, file: ModelFile, config: Any, build: Callable[..., nn.Module]) -> TrainedClassifier:
        """Build the model a file describes and fill in its weights."""
        vocabulary = vocabulary_from_json(file.assets.get("vocabulary"))
        classes = file.assets.get("classes")
        if (
            not isinstance(classes, list)
            or not 2 <= len(classes) <= MOST_CLASSES
            or not all(isinstance(name, str) for name in classes)
        ):
            raise RunError("the model file does not name its classes; restore it or train anew")
        table = file.tensors.get("embedding.table.weight")
        sizes = (len(vocabulary), len(classes), config, None, None if table is None else table.size(-1))
        model = restored(file, config.model, lambda: build(*sizes))
        return cls(model, Reader(vocabulary, config.reading.lowercase), classes, config, file.assets.get("data"))

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """The class of each text, with probabilities.

        Args:
            texts: of any length; a blank one has the empty answer.
            explain: say of every word how much it spoke for the answer or against it (gradient times input).

        Raises:
            ArgumentError: ``texts`` is no list of texts.
        """

        def answers(some: list[str]) -> Iterator[Prediction]:
            for text, row in zip(some, self.probabilities(some), strict=True):
                best = int(row.argmax())
                pieces = self._explain(text, best) if explain else ()
                probabilities = dict(zip(self.classes, row.tolist(), strict=True))
                yield Prediction(text, self.classes[best], probabilities, pieces)

        return in_place(texts, answers)

    @torch.no_grad()
    def probabilities(self, texts: Sequence[str]) -> Matrix:
        """``(N, C)``, a row for each text that adds up to 1."""
        ids = [self.reader.encode(text) for text in texts]
        found = np.zeros((len(texts), len(self.classes)))
        for chosen in in_order([len(one) for one in ids], 64):
            batch, lengths = pad([ids[i] for i in chosen])
            logits = self.model(batch.to(self._device), lengths.to(self._device))
            found[chosen] = logits.double().softmax(1).cpu().numpy()
        return found

    def _explain(self, text: str, answer: int) -> tuple[Piece, ...]:
        model: Any = self.model
        ids, lengths = (part.to(self._device) for part in pad([self.reader.encode(text)]))

        def log_probability(present: Tensor) -> Tensor:
            """Of the text with so much (1: all) of each symbol there: its vector and its n-grams depend on that."""
            x = model.embedding.vectors(ids) * present
            return cast(Tensor, model.answer(x, ids, lengths, present[..., 0]).log_softmax(1)[:, answer])

        everything = torch.ones(*ids.shape, 1, device=self._device)
        weights = gradient_times_input(log_probability, everything)[:, 0]  # by the chain rule Σ_d x_d ∂f/∂x_d
        largest = float(weights.abs().max()) or 1.0
        return tuple(
            Piece(part, weight=0.0 if number is None else float(weights[number]) / largest)
            for part, number in self.reader.pieces(text)
        )

    def evaluate(self, data: str | Path | Examples) -> dict[str, float]:
        """Metrics on labelled texts: a file, folder or named set, or examples."""
        if isinstance(data, str | Path):
            data, _ = read_test(str(data), self.config.data.layout())
        return measure(self, data).summary()

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """`Measures` on the texts that `find` finds.

        Raises:
            DataError: there are no such texts, or a label is none of the model's.
            RunError: the run's own texts cannot be read, or have changed.
        """
        examples, notes = self.find(data, split)
        return {"measures": measure(self, examples), "examples": examples, "notes": notes}

    def find(self, data: str | Path | None, split: Part) -> tuple[Examples, list[str]]:
        """The labelled texts of ``data``, or a part of the run's own texts; and notes.

        Raises:
            DataError: there are no such texts.
            RunError: the run's own texts cannot be read, or have changed.
        """
        if data is not None:
            examples, notes = read_test(str(data), self.config.data.layout())
        else:
            own = self.config.data
            sets = own_data(own.read, lambda sets: sets.digest(), self.fingerprint, what=own.data)
            examples, notes = getattr(sets, split), sets.notes
        if not len(examples):
            raise DataError(f"there are no {split} texts; choose another --split, or texts with --data")
        return examples, notes

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Reading:
        """The text as the inspector has it read, line by line, whatever ``starts``.

        Raises:
            DataError: there is nothing in the text.
        """
        return reading(self, text)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def measure(classifier: TrainedClassifier, examples: Examples) -> Measures:
    """How well it does.

    Raises:
        DataError: an example has a label that is none of its classes.
    """
    numbers = {name: number for number, name in enumerate(classifier.classes)}
    for label, text in zip(examples.labels, examples.texts, strict=True):
        if label not in numbers:
            raise DataError(
                f"the label {label!r} (of {text[:40]!r}) is none of the model's classes: "
                f"{', '.join(classifier.classes[:20])}; correct it, or train with it"
            )
    true = np.array([numbers[label] for label in examples.labels])
    return scores(classifier.probabilities(examples.texts), true, classifier.classes)


def scores(probabilities: Matrix, true: npt.NDArray[np.int64], classes: list[str]) -> Measures:
    """`Measures` of probabilities ``(N, C)`` where the right classes are ``true (N,)``."""
    rows = np.arange(len(true))
    answered = probabilities.argmax(1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (true, answered), 1)
    hits, there, said = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    seen = there + said > 0
    return Measures(
        loss=float(-np.log(np.maximum(probabilities[rows, true], 1e-15)).mean()),
        accuracy=float(hits.sum() / len(true)),
        macro_f1=float((2 * hits[seen] / (there + said)[seen]).mean()),
        calibration_error=_calibration_error(probabilities.max(1), answered == true),
        confusion=confusion,
        classes=classes,
    )


def _calibration_error(confidence: Matrix, right: npt.NDArray[np.bool_]) -> float:
    """Σ_b |B_b|/N · |accuracy(B_b) − confidence(B_b)| over bins of equal width."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(total) if math.isfinite(total) else math.nan
