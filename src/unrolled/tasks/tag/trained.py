"""A trained tagger: tag sentences, mark the entities in texts, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, overload

import numpy as np
import torch
from torch import Tensor

from ...analysis.inspection import Inspection
from ...checks import UNCHECKED, Size, check_texts, checked_methods
from ...data.batches import in_order
from ...data.columns import Sentence
from ...data.tagged import Tagged
from ...data.tags import Scores
from ...errors import ArgumentError
from ...results import Input, Prediction, Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.explained_texts import ExplainedTexts
from ..common.own_data import own_sets
from ..common.prediction import Part
from ..common.recurrent import restored
from ..common.table_inputs import Note
from ..common.trained import Modules, Trained
from .confidence import Chances, confidence
from .evaluation import Evaluate, evaluation
from .inspection import reading
from .marking import marked
from .measures import measure
from .model import Tagger
from .prediction import Predict, inputs, predictions
from .streaming import SteppedTagger, modules, why_whole
from .words import Ids, Lexicon, Sentences, TagSet, stretches

BATCH = 64  # sentences of similar length per batch


@checked_methods
class TrainedTagger(Trained):
    """A trained tagger, as returned by `unrolled.load` for a run of the task ``tag``.

        handle = unrolled.load("runs/tag-words-1")
        handle.tag([["Teddy", "Roosevelt", "was", "president"]])

    Args:
        model: the network.
        lexicon: the words and characters of the vocabulary.
        tags: the tags of the model; input and output use the scheme bio, or plain tags.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "tag"
    panes: ClassVar[tuple[str, ...]] = ("text", "predict", "training")
    loss_unit: ClassVar[str] = "nats"
    model: Tagger

    def __init__(
        self, model: Tagger, lexicon: Lexicon, tags: TagSet, config: Any, fingerprint: str | None = None
    ) -> None:
        super().__init__(model, config, fingerprint)
        self.lexicon, self.tags = lexicon, tags

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedTagger:
        """Build the model and load the weights of a model file."""
        lexicon = Lexicon.from_json(file.assets.get("lexicon"))
        tags = TagSet.from_json(file.assets.get("tags"))
        model = restored(file, config.model, lambda: Tagger(lexicon, tags, config.model, config.words))
        return cls(model, lexicon, tags, config, file.assets.get("data"))

    @torch.no_grad()
    def tag(self, sentences: Sequence[Annotated[Sequence[str], UNCHECKED]]) -> list[list[str]]:
        """Tag sentences that are split into words.

        Raises:
            ArgumentError: a sentence is not a list of words.
        """
        sentences = _checked(sentences)
        predicted = [np.zeros(len(words), dtype=np.int64) for words in sentences]
        for at, batch, scores in self.scores(sentences):
            self.choose(predicted, at, batch, scores)
        return [self.tags.named(numbers) for numbers in predicted]

    @torch.no_grad()
    def tag_with_probabilities(
        self, sentences: Sequence[Annotated[Sequence[str], UNCHECKED]]
    ) -> tuple[list[list[str]], list[Chances]]:
        """As `tag`, with the probability of each entity at its first word, and 1 at all others; of every tag, if the
        tags are plain.

        Raises:
            ArgumentError: a sentence is not a list of words.
        """
        sentences = _checked(sentences)
        predicted = [np.zeros(len(words), dtype=np.int64) for words in sentences]
        chances = [np.ones(len(words)) for words in sentences]
        for at, batch, scores in self.scores(sentences):
            self.choose(predicted, at, batch, scores)
            ends = [a + length for (_, a), length in zip(at, batch.lengths.tolist(), strict=True)]
            numbers = [predicted[n][a:b] for (n, a), b in zip(at, ends, strict=True)]
            found = confidence(self.model, self.tags, scores, batch.lengths, numbers)
            for (n, a), b, values in zip(at, ends, found, strict=True):
                chances[n][a:b] = values
        return [self.tags.named(numbers) for numbers in predicted], chances

    @torch.no_grad()
    def probabilities(self, words: Sequence[str]) -> list[dict[str, float]]:
        """Return the probability of every tag, in the scheme of the model, for each word of a sentence."""
        probabilities: list[dict[str, float]] = [{} for _ in words]
        for at, batch, scores in self.scores([words]):
            p = self.model.probabilities(scores, batch.lengths).transpose(0, 1)  # (B, T, K)
            for (_, a), rows, length in zip(at, p.tolist(), batch.lengths.tolist(), strict=True):
                probabilities[a : a + length] = [dict(zip(self.tags.tags, row, strict=True)) for row in rows[:length]]
        return probabilities

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """Find the entities in raw texts, with their probabilities; each line of a text is a sentence.

        The pieces of a prediction, joined, are its text.

        Args:
            texts: any texts, also blank ones.
            explain: add the contribution of each word outside the entities to their margins, see
                `unrolled.tasks.tag.explanation`.
        """
        return marked(self, texts, explain)

    @overload
    def evaluate(self, data: str | Path | None = None, **options: Any) -> Report: ...
    @overload
    def evaluate(
        self, data: Sequence[Sentence], progress: Callable[[int], None] | None = None
    ) -> tuple[dict[str, float], Scores]: ...
    def evaluate(
        self,
        data: str | Path | Sequence[Sentence] | None = None,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Any:
        """Evaluate the tagger; see `Trained.evaluate`.

        Args:
            data: a file or a named data set (default: the test part of the run's own data); or sentences with their
                true tags.
            progress: for sentences: called with the number of words tagged so far.
            options: as for ``unrolled evaluate``: ``split``, ``token_column``, ``errors_out`` …

        Returns:
            The report. For sentences: the metrics, ``loss`` (nats per word) and ``accuracy`` of tags and, unless the
            tags are plain, ``precision``, ``recall`` and ``f1`` of entities; and the counts of entities.

        Raises:
            DataError: there are no sentences, or the model does not have one of the tags.
        """
        if data is None or isinstance(data, str | Path):
            return super().evaluate(data, **options)
        result = measure(self, data, progress)
        return result.metrics, result.counted

    def find(self, data: str | Path, how: list[str] | None = None) -> list[Sentence]:
        """Read the sentences of a file or named data set; a note on how a file was read is appended to ``how``.

        Raises:
            DataError: the data cannot be read.
        """
        return self.config.data.source().read_file(str(data), self.tags.plain, how)[0]

    def sentences(
        self, data: str | Path | None = None, split: Part = "test", how: list[str] | None = None
    ) -> list[Sentence]:
        """As `find`; without ``data``, return a part of the run's own data.

        Raises:
            DataError: the data cannot be read.
            RunError: the run's own data cannot be read, or has changed.
        """
        if data is not None:
            return self.find(data, how)
        sets: Tagged = own_sets(self)
        return sets.parts()[split]

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """As `figures`, on a file or named data set, or on a part (train, valid, test) of the run's own data.

        Raises:
            DataError: the data cannot be read.
            RunError: the run's own data cannot be read, or has changed.
        """
        return self.figures(self.sentences(data, split))

    def figures(self, sentences: Sequence[Sentence], progress: Callable[[int], None] | None = None) -> dict[str, Any]:
        """Return the metrics of `evaluate`, with precision, recall, F1 and the number of entities of each type under
        ``types``."""
        return measure(self, sentences, progress).figures()

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def inputs(self, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
        """See `Trained.inputs`."""
        return inputs(self, options, words, note)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: ExplainedTexts) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> SteppedTagger:
        """See `Trained.streaming`; a step maps words as rows of ids ``(B, R)`` (`Lexicon.rows`) to tag probabilities
        ``(B, K)``.

        Raises:
            RunError: the tagger is bidirectional or has a conditional random field, and needs the whole sentence.
        """
        if reason := why_whole(self.model):
            raise self.unable(f"answer step by step: {reason}")
        return SteppedTagger(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the lexicon, the tags and the transition scores of a conditional
        random field."""
        return modules(self.model, self.lexicon, self.tags, self.max_words)

    def own_lines(self) -> list[str]:
        """Return the sentences of the test part of the run's own data.

        Raises:
            DataError: there are none.
            RunError: the run's own data cannot be read, or has changed.
        """
        return [" ".join(sentence.words) for sentence in self.sentences(None, "test")]

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Prepare ``text`` for inspection, line by line; ``starts`` is ignored.

        Raises:
            DataError: the text is blank.
        """
        return reading(self, text)

    def choose(self, predicted: list[Ids], at: list[tuple[int, int]], batch: Sentences, scores: Tensor) -> None:
        """Write the most probable tags of a batch of `scores` into ``predicted``."""
        best = self.model.best(scores, batch.lengths).T.cpu().numpy()  # (B, T)
        for (n, a), row, length in zip(at, best, batch.lengths.tolist(), strict=True):
            predicted[n][a : a + length] = row[:length]

    def scores(self, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[list[tuple[int, int]], Sentences, Tensor]]:
        """Yield batches of similar length: (sentence number, first word) of each sequence, the batch and its scores."""
        parts = [(n, a, b) for n, words in enumerate(sentences) for a, b in stretches(len(words), self.max_words)]
        for batch in in_order([b - a for _, a, b in parts], BATCH) if parts else ():
            chosen = [parts[n] for n in batch.tolist()]
            sequences = self.lexicon.read([sentences[n][a:b] for n, a, b in chosen]).to(self.device)
            yield [(n, a) for n, a, _ in chosen], sequences, self.model(sequences).float()

    @property
    def max_words(self) -> int:
        """The most words of a sequence; longer sentences are read in several."""
        max_words: int = self.config.data.max_words
        return max_words


def _checked(sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    for sentence in sentences:
        if isinstance(sentence, str):
            raise ArgumentError("sentences", "lists of words", sentence, "use predict() for raw text")
    return [check_texts(f"sentences[{number}]", words) for number, words in enumerate(sentences)]
