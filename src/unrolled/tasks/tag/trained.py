"""A trained tagger in use: tag sentences, mark the entities in texts, measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...analysis.inspection import Inspection
from ...checks import UNCHECKED, Size, check_texts, checked_methods
from ...data.batches import in_order, pad
from ...data.columns import Sentence
from ...data.tagged import check_known
from ...data.tags import Scores
from ...errors import ArgumentError, DataError
from ...results import Input, Prediction, Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.explained_texts import ExplainedTexts, predictions
from ..common.own_data import own_data
from ..common.prediction import Part
from ..common.recurrent import restored
from ..common.trained import Modules, Trained
from .evaluation import Evaluate, evaluation
from .inspection import reading
from .marking import marked
from .model import Tagger
from .streaming import SteppedTagger, modules, why_whole
from .words import Ids, Lexicon, Sentences, TagSet, stretches

BATCH = 64  # sentences computed at once, of like length


@checked_methods
class TrainedTagger(Trained):
    """What `unrolled.load` gives for a run of the task ``tag``.

    Args:
        model: what it learned.
        lexicon: the words and letters it knows.
        tags: those it gives; what goes in and comes out has the scheme bio, or plain tags.
        config: the config it was trained with.
        fingerprint: of the data it was trained on.
    """

    task: ClassVar[str] = "tag"
    panes: ClassVar[tuple[str, ...]] = ("text", "training")
    loss_unit: ClassVar[str] = "nats"
    model: Tagger

    def __init__(
        self, model: Tagger, lexicon: Lexicon, tags: TagSet, config: Any, fingerprint: str | None = None
    ) -> None:
        self.model, self.lexicon, self.tags = model.eval(), lexicon, tags
        self.config, self.fingerprint = config, fingerprint

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedTagger:
        """Build the model a file describes and fill in its weights."""
        lexicon = Lexicon.from_json(file.assets.get("lexicon"))
        tags = TagSet.from_json(file.assets.get("tags"))
        model = restored(file, config.model, lambda: Tagger(lexicon, tags, config.model, config.words))
        return cls(model, lexicon, tags, config, file.assets.get("data"))

    @torch.no_grad()
    def tag(self, sentences: Sequence[Annotated[Sequence[str], UNCHECKED]]) -> list[list[str]]:
        """The tags of sentences that are cut into words already.

        Raises:
            ArgumentError: a sentence is not cut.
        """
        for one in sentences:
            if isinstance(one, str):
                raise ArgumentError("sentences", "lists of words", one, "for raw text there is predict")
        sentences = [check_texts(f"sentences[{number}]", words) for number, words in enumerate(sentences)]
        found = [np.zeros(len(words), dtype=np.int64) for words in sentences]
        for at, batch, scores in self._scores(sentences):
            self._choose(found, at, batch, scores)
        return [self.tags.named(numbers) for numbers in found]

    @torch.no_grad()
    def probabilities(self, words: Sequence[str]) -> list[dict[str, float]]:
        """For each word of a sentence the probability of every tag, as the model spells them."""
        found: list[dict[str, float]] = [{} for _ in words]
        for at, batch, scores in self._scores([words]):
            p = self.model.probabilities(scores, batch.lengths).transpose(0, 1)  # (B, T, K)
            for (_, a), rows, length in zip(at, p.tolist(), batch.lengths.tolist(), strict=True):
                found[a : a + length] = [dict(zip(self.tags.tags, row, strict=True)) for row in rows[:length]]
        return found

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """The entities in raw texts; each line of a text counts as a sentence.

        The pieces of a prediction, joined, are its text.

        Args:
            texts: any texts; in a blank one there is nothing.
            explain: say of every word outside the entities how much it spoke for them (gradient times input).
        """
        return marked(self, texts, explain)

    @torch.no_grad()
    def evaluate(
        self, sentences: Sequence[Sentence], progress: Callable[[int], None] | None = None
    ) -> tuple[dict[str, float], Scores]:
        """What the tagger is worth on tagged sentences.

        Returns:
            ``loss`` (nats per word) and ``accuracy`` of tags; unless they are plain, ``precision``, ``recall`` and
            ``f1`` of entities; and what was counted.

        Raises:
            DataError: there are no sentences, or a tag that the model does not give.
        """
        if not sentences:
            raise DataError("there are no sentences to measure on; give others with --data")
        plain = self.tags.plain
        check_known([sentences], set(self.tags.tags), plain)
        guessed = [np.zeros(len(one), dtype=np.int64) for one in sentences]
        loss, count = 0.0, 0
        for at, batch, scores in self._scores([one.words for one in sentences]):
            lengths = batch.lengths.tolist()
            true = [self.tags.numbers(sentences[n].tags[a : a + T]) for (n, a), T in zip(at, lengths, strict=True)]
            likely = self.model.log_likelihood(scores, pad(true)[0].to(scores.device), batch.lengths)
            loss -= float(likely.double().sum())
            self._choose(guessed, at, batch, scores)
            count += sum(lengths)
            if progress is not None:
                progress(count)
        counted, right = Scores(), 0
        for one, chosen in zip(sentences, guessed, strict=True):
            tags = self.tags.named(chosen)
            right += sum(a == b for a, b in zip(tags, one.tags, strict=True))
            if not plain:
                counted.add(one.tags, tags)
        found = {"loss": loss / count, "accuracy": right / count}
        if not plain:
            every = counted.all
            found |= {"precision": every.precision, "recall": every.recall, "f1": every.f1}
        return found, counted

    def find(self, data: str | Path, how: list[str] | None = None) -> list[Sentence]:
        """The sentences of a file or named data set; to ``how`` is added how a file was read.

        Raises:
            DataError: it cannot be read.
        """
        return self.config.data.source().read_file(str(data), self.tags.plain, how)[0]

    def sentences(
        self, data: str | Path | None = None, split: Part = "test", how: list[str] | None = None
    ) -> list[Sentence]:
        """As `find`, or without data a part of the run's own.

        Raises:
            DataError: it cannot be read.
            RunError: the run's own data cannot be read, or has changed.
        """
        if data is not None:
            return self.find(data, how)
        source = self.config.data.source()
        tagged = own_data(source.read, lambda tagged: tagged.digest, self.fingerprint, what=source.data)
        return getattr(tagged, split)

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """As `figures`, on a file or named data set, or on a part (train, valid, test) of the run's own.

        Raises:
            DataError: it cannot be read.
            RunError: the run's own data cannot be read, or has changed.
        """
        return self.figures(self.sentences(data, split))

    def figures(self, sentences: Sequence[Sentence], progress: Callable[[int], None] | None = None) -> dict[str, Any]:
        """As `evaluate`, and under ``types`` precision, recall, F1 and the number of entities of each type."""
        found, counted = self.evaluate(sentences, progress)
        return {**found, "types": {type: counted.types[type].as_json() for type in sorted(counted.types)}}

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: ExplainedTexts) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> SteppedTagger:
        """See `Trained.streaming`; a step is a word as a row of numbers ``(B, R)`` (`Lexicon.rows`), what is said after
        it are the probabilities of its tags ``(B, K)``. A tagger with a conditional random field has to see the end of
        a sentence first, as has one that reads in both directions."""
        if why := why_whole(self.model):
            raise self.unable(f"answer step by step: {why}")
        return SteppedTagger(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`; around the network are words, letters and tags, and what a conditional random field
        adds to the scores of tags that follow one another, begin and end."""
        return modules(self.model, self.lexicon, self.tags, self._most)

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """The text as the inspector has it read, line by line, whatever ``starts``.

        Raises:
            DataError: there is nothing in the text.
        """
        return reading(self, text)

    def _choose(self, into: list[Ids], at: list[tuple[int, int]], batch: Sentences, scores: Tensor) -> None:
        """Put the most probable tags of a batch where they belong."""
        best = self.model.best(scores, batch.lengths).T.cpu().numpy()  # (B, T)
        for (n, a), row, length in zip(at, best, batch.lengths.tolist(), strict=True):
            into[n][a : a + length] = row[:length]

    def _scores(self, sentences: Sequence[Sequence[str]]) -> Iterator[tuple[list[tuple[int, int]], Sentences, Tensor]]:
        """In batches of like length: (number of the sentence, begin) of each stretch, as read, and their scores."""
        parts = [(n, a, b) for n, words in enumerate(sentences) for a, b in stretches(len(words), self._most)]
        for batch in in_order([b - a for _, a, b in parts], BATCH) if parts else ():
            chosen = [parts[n] for n in batch.tolist()]
            read = self.lexicon.read([sentences[n][a:b] for n, a, b in chosen]).to(self.device)
            yield [(n, a) for n, a, _ in chosen], read, self.model(read).float()

    @property
    def _most(self) -> int:
        most: int = self.config.data.max_words
        return most

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.model.parameters()).device
