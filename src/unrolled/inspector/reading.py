"""How each kind of model reads a text: in passes through its recurrent layers, whose every step knows its place.

A text is read as the model was trained to read it. A language model reads it on and on: the text is cut into lanes
that are read side by side, each after a warm-up on what stands before it, from the beginning of a paragraph if there
is one: a model that begins to read within a quotation cannot know it. All other models read line by line, each line a
review or a sentence, with the state fresh, in both directions if they have two. A symbol's place is its last
character.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..checks import checked
from ..errors import RunError
from ..layers import Stack
from ..tasks.classify.model import Classifier
from ..tasks.classify.trained import TrainedClassifier
from ..tasks.lm.task import LanguageModel, new_model
from ..tasks.lm.trained import TrainedLanguageModel
from ..tasks.tag.model import Tagger
from ..tasks.tag.trained import TrainedTagger
from ..tasks.translate.model import Translator
from ..tasks.translate.trained import TrainedTranslator
from .passes import Lines, Pass, RunningText, sample_size
from .symbols import Read, of_language_model, of_reader, of_tagger, of_translator


@dataclass(frozen=True)
class Reading:
    """A model and a text that it can read.

    Attributes:
        model: the module whose recurrent layers are looked at.
        stack: those layers, of ``model`` or of a twin.
        twin: makes an untrained model of the same shape, from torch's random numbers.
        symbols: how many different ones there are.
        text: how the model goes through it.
    """

    model: nn.Module
    stack: Callable[[Any], Stack]
    twin: Callable[[], nn.Module]
    symbols: int
    text: RunningText | Lines

    def passes(self, model: nn.Module | None = None, *, sample: bool = False) -> Iterator[Pass]:
        """The whole text once, or a sample of `sample` symbols from all over it."""
        size = self.sample if sample and not self.short else 0
        return self.text.passes(self.model if model is None else model, size)

    @property
    def steps(self) -> int:
        """Symbols of the text."""
        return len(self.text)

    @property
    def width(self) -> int:
        """Units of h, of all layers and directions."""
        return sum(cell.hidden_size for cell in self.stack(self.model).cells)

    @property
    def sample(self) -> int:
        """Symbols of a sample: the narrower a network, the more of them take the same time."""
        return sample_size(self.width)

    @property
    def short(self) -> bool:
        """Whether the text is no longer than a sample of it would be."""
        return self.steps <= self.sample * 3 // 2


@checked
def read(model: Any, text: str, starts: Sequence[int] = (0,)) -> Reading:
    """What a trained model of any task makes of a text.

    Args:
        model: what `unrolled.load` gives.
        text: at least one character.
        starts: where documents begin, ascending; a language model's state is fresh there.

    Raises:
        RunError: the model has no recurrent layers.
        DataError: the text has characters that it cannot read.
    """
    match model:
        case TrainedLanguageModel(model=LanguageModel()):
            return _language_model(model, text, starts)
        case TrainedClassifier():
            return _classifier(model, text)
        case TrainedTagger():
            return _tagger(model, text)
        case TrainedTranslator():
            return _translator(model, text)
    inner = getattr(model, "model", model)
    if any(isinstance(one, Stack) for one in inner.modules()):
        raise RunError(
            f"a {type(model).__name__} reads no text, so there is none to look at its units over; give the run of a "
            "model that reads text"
        )
    kind = type(inner).__name__
    raise RunError(f"a {kind} has no recurrent layers, so there are no units to look at; give a recurrent model's run")


def _language_model(model: TrainedLanguageModel, text: str, starts: Sequence[int]) -> Reading:
    symbols = len(model.vocabulary)
    running = RunningText(of_language_model(model, text, starts))
    return Reading(model.model, lambda one: one.stack, lambda: new_model(symbols, model.config), symbols, running)


def _classifier(model: TrainedClassifier, text: str) -> Reading:
    inner: Any = model.model
    width = None if inner.embedding.table is None else inner.embedding.size
    symbols, classes = len(model.reader.vocabulary), len(model.classes)

    def twin() -> nn.Module:
        return Classifier(symbols, classes, model.config, None, width)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one(ids, lengths)

    return Reading(inner, lambda one: one.stack, twin, symbols, Lines(of_reader(model.reader, text), call))


def _tagger(model: TrainedTagger, text: str) -> Reading:
    config, lexicon = model.config, model.lexicon

    def twin() -> nn.Module:
        return Tagger(lexicon, model.tags, config.model, config.words)

    def call(one: Any, sentences: Any, lengths: Tensor) -> None:
        one(sentences)

    def batch(lines: list[Read]) -> Any:
        return lexicon.read([line.words for line in lines])

    lines = Lines(of_tagger(lexicon, text, config.data.max_words), call, batch)
    return Reading(model.model, lambda one: one.stack, twin, len(lexicon.words) + 1, lines)


def _translator(model: TrainedTranslator, text: str) -> Reading:
    """Its encoder."""
    config, symbols = model.config, len(model.reader)

    def twin() -> nn.Module:
        return Translator(symbols, len(model.writer), config.model, config.translator)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one.encode(ids, lengths)

    lines = Lines(of_translator(model.reader, text, config.units.reverse_source), call)
    return Reading(model.model, lambda one: one.encoder, twin, symbols, lines)
