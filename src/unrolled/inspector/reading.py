"""How each kind of model reads a text: in passes through its recurrent layers, whose every step knows its place.

A text is read as the model was trained to read it. A language model reads it on and on: the text is cut into lanes
that are read side by side, each after a warm-up on what stands before it, from the beginning of a paragraph if there
is one: a model that begins to read within a quotation cannot know it. All other models read line by line, each line a
review or a sentence, with the state fresh, in both directions if they have two. A symbol's place is its last
character.

One part of a text is for choosing and fitting, the other for reporting: of each lane the first half and the second, of
lines every other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..data.batches import in_order, pad
from ..errors import RunError
from ..layers import Stack
from ..tasks.classify import Classifier
from ..tasks.classify_trained import TrainedClassifier
from ..tasks.lm import LanguageModel, new_model
from ..tasks.lm_trained import TrainedLanguageModel
from ..tasks.tag_model import Tagger
from ..tasks.tag_trained import TrainedTagger
from ..tasks.translate_model import Translator
from ..tasks.translate_trained import TrainedTranslator
from .symbols import Ids, Read, of_language_model, of_reader, of_tagger, of_translator

# T steps, B lanes, N symbols

NOWHERE, CHOOSING, REPORTING = -1, 0, 1  # the part of a text that a step belongs to
LANES, WARMUP, LONGEST_WARMUP = 64, 256, 1024
LEAST = 2048  # symbols of a lane, so that little of the work is warm-up
AT_ONCE = 1 << 13  # symbols of one pass: a trace of all gates of so many is in memory
STRETCH = 1 << 10  # symbols of each stretch of a sample
SAMPLE, LARGEST_SAMPLE = 1 << 14, 1 << 16  # symbols of a sample, for a wide network and for a narrow one
WIDE = 1 << 10  # units of h from which on a network is wide


@dataclass(frozen=True)
class Pass:
    """One call of a model.

    Attributes:
        positions: ``(T, B)``: the place in the text of each step's symbol.
        symbols: ``(T, B)``: the symbol.
        part: ``(T, B)`` int8: `CHOOSING`, `REPORTING`, or `NOWHERE` for padding and warm-up.
        run: calls the model; logits ``(T, B, V)`` of the next symbols, or `None` where it predicts none.
    """

    positions: Ids
    symbols: Ids
    part: npt.NDArray[np.int8]
    run: Callable[[], Tensor | None]


@dataclass(frozen=True)
class Reading:
    """A model and a text that it can read.

    Attributes:
        model: the module whose recurrent layers are looked at.
        stack: those layers, of ``model`` or of a twin.
        twin: makes an untrained model of the same shape, from torch's random numbers.
        symbols: how many different ones there are.
        steps: how many the text has.
        cut: ``cut(model, sample)`` gives the passes over the text, or over a sample of so many symbols if it is not 0.
    """

    model: nn.Module
    stack: Callable[[Any], Stack]
    twin: Callable[[], nn.Module]
    symbols: int
    steps: int
    cut: Callable[[nn.Module, int], Iterator[Pass]]

    def passes(self, model: nn.Module | None = None, *, sample: bool = False) -> Iterator[Pass]:
        """The whole text once, or a sample of `sample` symbols from all over it."""
        return self.cut(self.model if model is None else model, self.sample if sample and not self.short else 0)

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


def sample_size(width: int) -> int:
    """Symbols of a sample for a network of so many units of h: whole stretches."""
    return max(SAMPLE, min(LARGEST_SAMPLE, SAMPLE * WIDE // width)) // STRETCH * STRETCH


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
    kind = type(model.model if isinstance(model, TrainedLanguageModel) else model).__name__
    raise RunError(f"a {kind} has no recurrent layers, so there are no units to look at; give a recurrent model's run")


def _language_model(model: TrainedLanguageModel, text: str, starts: Sequence[int]) -> Reading:
    symbols = len(model.vocabulary)
    read = of_language_model(model, text, starts)
    return _lanes(model.model, lambda: new_model(symbols, model.config), symbols, read)


def _classifier(model: TrainedClassifier, text: str) -> Reading:
    inner: Any = model.model
    width = None if inner.embedding.table is None else inner.embedding.size
    symbols, classes = len(model.reader.vocabulary), len(model.classes)

    def twin() -> nn.Module:
        return Classifier(symbols, classes, model.config, None, width)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one(ids, lengths)

    return _lines(inner, lambda one: one.stack, call, twin, symbols, of_reader(model.reader, text))


def _tagger(model: TrainedTagger, text: str) -> Reading:
    config, lexicon = model.config, model.lexicon

    def twin() -> nn.Module:
        return Tagger(lexicon, model.tags, config.model, config.words)

    def call(one: Any, sentences: Any, lengths: Tensor) -> None:
        one(sentences)

    def batch(lines: list[Read]) -> Any:
        return lexicon.read([line.words for line in lines])

    lines = of_tagger(lexicon, text, config.data.max_words)
    return _lines(model.model, lambda one: one.stack, call, twin, len(lexicon.words) + 1, lines, batch)


def _translator(model: TrainedTranslator, text: str) -> Reading:
    """Its encoder."""
    config, symbols = model.config, len(model.reader)

    def twin() -> nn.Module:
        return Translator(symbols, len(model.writer), config.model, config.translator)

    def call(one: Any, ids: Tensor, lengths: Tensor) -> None:
        one.encode(ids, lengths)

    lines = of_translator(model.reader, text, config.units.reverse_source)
    return _lines(model.model, lambda one: one.encoder, call, twin, symbols, lines)


def _lanes(model: nn.Module, twin: Callable[[], nn.Module], symbols: int, text: Read) -> Reading:
    """A language model and a text that is read on and on."""
    n = len(text.ids)
    begun = np.zeros(n, dtype=np.bool_)
    begun[text.starts] = True

    def cut(module: nn.Module, sample: int) -> Iterator[Pass]:
        lanes = sample // STRETCH if sample else max(1, min(LANES, n // LEAST))
        share = -(-n // lanes)
        begins = np.arange(0, n, share, dtype=np.int64)  # (B,)
        ends = np.minimum(begins + (STRETCH if sample else share), n)
        firsts = _calm(begins, text.rests)
        window = AT_ONCE // len(begins)
        halves = (begins + ends) // 2
        state: Any = None
        device = next(module.parameters()).device

        for at in range(0, int((ends - firsts).max()), window):
            T = min(window, int((ends - firsts).max()) - at)
            places = firsts + at + np.arange(T)[:, None]  # (T, B)
            part = np.where(places < halves, CHOOSING, REPORTING).astype(np.int8)
            part[(places < begins) | (places >= ends)] = NOWHERE
            places = np.minimum(places, n - 1)
            ids = text.ids[places]
            resets = torch.from_numpy(begun[places])
            resets[0] |= at == 0

            def run(ids: Ids = ids, resets: Tensor = resets) -> Tensor:
                nonlocal state
                asked = resets.to(device) if resets.any() else None
                logits, state = module(torch.from_numpy(ids).to(device), state, asked)
                return logits

            yield Pass(text.places[places], ids, part, run)

    return Reading(model, lambda one: one.stack, twin, symbols, n, cut)


def _calm(begins: Ids, rests: Ids) -> Ids:
    """Where to begin to read before each of ``begins``: at a rest if one is near, else a warm-up before."""
    plain = np.maximum(begins - WARMUP, 0)
    if not len(rests):
        return plain
    last = rests[np.maximum(np.searchsorted(rests, plain, side="right") - 1, 0)]
    return np.where((last <= plain) & (last >= begins - LONGEST_WARMUP), last, plain)


def _lines(
    model: nn.Module,
    stack: Callable[[Any], Stack],
    call: Callable[[Any, Any, Tensor], Any],
    twin: Callable[[], nn.Module],
    symbols: int,
    lines: list[Read],
    batch: Callable[[list[Read]], Any] | None = None,
) -> Reading:
    """A model that reads each line by itself.

    Args:
        call: ``call(module, ids, lengths)`` reads a batch.
        batch: makes a batch of lines, if it is more than their ids side by side.
    """
    lengths = [len(one.ids) for one in lines]

    def cut(module: nn.Module, sample: int) -> Iterator[Pass]:
        kept = np.arange(len(lines))
        if sample:
            fraction = sample / sum(lengths)
            kept = kept[np.diff(np.floor(np.arange(len(lines) + 1) * fraction)) > 0]
        device = next(module.parameters()).device
        for chosen in in_order([lengths[i] for i in kept], 64, AT_ONCE):
            some = [lines[i] for i in kept[chosen]]
            ids, sizes = pad([one.ids for one in some])
            places, _ = pad([one.places for one in some])
            part = np.full(ids.shape, NOWHERE, dtype=np.int8)
            for lane, number in enumerate(chosen.tolist()):
                part[: sizes[lane], lane] = number % 2
            given = ids if batch is None else batch(some)

            def run(given: Any = given, sizes: Tensor = sizes) -> None:
                call(module, given.to(device), sizes.to(device))

            yield Pass(places.numpy(), ids.numpy(), part, run)

    return Reading(model, stack, twin, symbols, sum(lengths), cut)
