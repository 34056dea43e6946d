"""A trained classifier: predict classes, explain predictions, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch

from ...analysis.inspection import Inspection
from ...checks import UNCHECKED, Size, checked_methods, options_of
from ...data import vocabulary_from_json
from ...data.batches import in_order, pad
from ...data.labelled import Examples
from ...results import Input, Prediction, Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.class_measures import Matrix
from ..common.classes import class_row, stored_classes
from ..common.explained_texts import ExplainedTexts
from ..common.given_data import examples_of
from ..common.guessed_columns import with_guessed_columns
from ..common.own_data import TrainedOnSets
from ..common.prediction import Part, predict_nonblank
from ..common.recurrent import restored
from ..common.table_inputs import Note
from ..common.trained import Modules
from .bag import Bag
from .evaluation import Evaluate, evaluation, report_on
from .explanation import explained
from .inspection import reading
from .measures import measure
from .model import NETWORKS, Classifier, Model, Network
from .prediction import Predict, inputs, predictions
from .streaming import SteppedClassifier, modules, why_whole
from .text_input import Tokenizer


@checked_methods
class TrainedClassifier(TrainedOnSets[Examples]):
    """A trained classifier, as returned by `unrolled.load` for a run of the task ``classify``.

        handle = unrolled.load("runs/classify-reviews-1")
        handle.predict(["not as bad as I had feared"])[0].answer

    Args:
        model: ``ids (T, B), lengths (B,) → logits (B, C)``.
        reader: the tokenizer.
        classes: the names of the C classes.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "classify"
    panes: ClassVar[tuple[str, ...]] = ("text", "predict", "training")
    loss_unit: ClassVar[str] = "nats"
    noun: ClassVar[str] = "texts"
    model: Model

    def __init__(
        self,
        model: Model,
        reader: Tokenizer,
        classes: list[str],
        config: Any,
        fingerprint: str | None = None,
    ) -> None:
        super().__init__(model, config, fingerprint)
        self.reader, self.classes = reader, classes

    @classmethod
    def from_file(cls, file: ModelFile, config: Any, build: Callable[..., Network] | None = None) -> TrainedClassifier:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file does not list the classes, or the weights do not fit.
        """
        vocabulary = vocabulary_from_json(file.assets.get("vocabulary"))
        classes = stored_classes(file)
        model: Model
        if config.baseline.kind == "bag":
            model = Bag.from_tensors(file.tensors, len(vocabulary), len(classes))
        else:
            table = file.tensors.get("embedding.table.weight")
            sizes = (len(vocabulary), len(classes), config, None, None if table is None else table.size(-1))
            model = restored(file, config.model, lambda: (build or NETWORKS[config.baseline.kind])(*sizes))
        config = with_guessed_columns(config, file, ("text_column", "label_column"))
        reader = Tokenizer(vocabulary, config.reading.lowercase, config.reading.vocabulary == "spaced")
        return cls(model, reader, classes, config, file.assets.get("data"))

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        return [*super().about(), class_row(self.classes)]

    def predict(
        self, texts: Sequence[str], *, explain: bool = False, unknown: Literal["read", "skip"] = "read"
    ) -> list[Prediction]:
        """Predict the class of each text, with probabilities.

        Args:
            texts: texts of any length; the answer for a blank text is empty.
            explain: add the contribution of each word to the margin of the predicted class, see
                `unrolled.tasks.classify.explanation`.
            unknown: read words that the vocabulary lacks as the unknown token, or skip them.

        Raises:
            ArgumentError: ``texts`` is not a list of strings.
        """

        def answers(batch: list[str]) -> Iterator[Prediction]:
            for text, row in zip(batch, self._probabilities(batch, unknown), strict=True):
                best, other = np.argsort(-row, stable=True)[:2].tolist()
                probabilities = dict(zip(self.classes, row.tolist(), strict=True))
                found = self.reader.unknown(text)
                prediction = Prediction(text, self.classes[best], probabilities, unknown=found)
                if explain:
                    margin, scale, pieces = explained(self, text, best, other)
                    prediction = replace(prediction, pieces=tuple(pieces), margin=margin, scale=scale)
                yield prediction

        return predict_nonblank(texts, answers)

    def probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """Return probabilities ``(N, C)``; ``progress`` is called with the number of texts classified so far."""
        return self._probabilities(texts, "read", progress)

    @torch.no_grad()
    def _probabilities(
        self, texts: Sequence[str], unknown: str, progress: Callable[[int], None] | None = None
    ) -> Matrix:
        """As `probabilities`; ``unknown``: see `predict`."""
        done = 0
        ids = [self.reader.encode(text) for text in texts]
        if unknown == "skip":
            ids = [self.reader.known(sequence) for sequence in ids]
        probabilities = np.zeros((len(texts), len(self.classes)))
        for chosen in in_order([len(sequence) for sequence in ids], 64):
            batch, lengths = pad([ids[i] for i in chosen])
            logits = self.model(batch.to(self.device), lengths.to(self.device))
            probabilities[chosen] = logits.double().softmax(1).cpu().numpy()
            done += len(chosen)
            if progress is not None:
                progress(done)
        return probabilities

    def evaluate(self, data: Annotated[Any, UNCHECKED] = None, **options: Any) -> Report:
        """Evaluate on labelled texts; see `Trained.evaluate`.

        Args:
            data: a file, a folder, a named data set, `Examples`, or data as for `unrolled.train`: a list of
                (text, label), dictionaries or a data frame (default: the test part of the run's own data).
            options: as for ``unrolled evaluate``: ``split``, ``baselines``, ``text_column``, ``errors_out`` …

        Raises:
            DataError: there are no texts, or a label is not one of the classes.
        """
        if data is not None and not isinstance(data, str | Path | Examples):
            data = examples_of("data", data)
        if isinstance(data, Examples):
            return report_on(self, data, options_of(Evaluate, options), {}, (), silent, "examples")
        report: Report = super().evaluate(data, **options)
        return report

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Return `Measures` on the texts that `find` returns, the texts and notes.

        Raises:
            DataError: there are no texts, or a label is not one of the classes.
            RunError: the run's own texts cannot be read, or have changed.
        """
        examples, notes = self.find(data, split)
        return {"measures": measure(self, examples), "examples": examples, "notes": notes}

    def read_other(self, data: str) -> tuple[Examples, list[str]]:
        """See `TrainedOnSets.read_other`."""
        found: tuple[Examples, list[str]] = self.config.data.read_test(data, self.classes)
        return found

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def inputs(self, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
        """See `Trained.inputs`; tables are read as the training data were."""
        return inputs(self, options, words, note)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: ExplainedTexts) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> SteppedClassifier:
        """See `Trained.streaming`; a step maps token ids ``(B,)`` to class probabilities ``(B, C)`` of the text so far.

        Raises:
            RunError: the classifier needs the whole text.
        """
        if (reason := why_whole(self.model)) or not isinstance(self.model, Classifier):
            raise self.unable(f"answer step by step: {reason}")
        return SteppedClassifier(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the vocabulary and the classes."""
        return modules(self.model, self.reader, self.classes)

    def own_lines(self) -> list[str]:
        """Return the texts of the test part of the run's own data.

        Raises:
            DataError: there are none.
            RunError: the run's own data cannot be read, or has changed.
        """
        return self.find(None, "test")[0].texts

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Prepare ``text`` for inspection, line by line; ``starts`` is ignored.

        Raises:
            DataError: the text is blank.
            RunError: the model has no recurrent layers.
        """
        if not isinstance(self.model, Classifier):
            kind = self.config.baseline.kind
            raise self.unable(f"be inspected if its kind is {kind}: it has no recurrent layers")
        return reading(self, text)
