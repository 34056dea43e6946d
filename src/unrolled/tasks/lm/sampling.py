"""``unrolled sample`` for the task ``lm``: text that goes on from a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...cells import check_size
from ...decoding import Sampling, Session
from ...errors import ArgumentError
from ...kernels.generation import Precision
from ...results import SamplePiece
from ..common.standard_input import standard_input

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel

WORTH_FREEZING = 32  # symbols: below, copying the weights takes longer than it saves


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What to write."""

    prompt: str = ""
    """how the text begins; - reads it from standard input"""
    length: int = 500
    """symbols to write at most"""
    stop: str | None = None
    """end before this text is written"""
    samples: int = 1
    """texts to write, each another"""
    precision: Precision = "float32"
    """numbers that stand for the weights: smaller ones write faster and less exactly"""
    interactive: bool = False
    """you type, it goes on; and so on"""
    clamp: tuple[str, ...] = ()
    """hold a unit of the state at a value while it writes, e.g. 'layer 1 c[106]=2'; again for another"""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        check_size("length", self.length, least=0)
        check_size("samples", self.samples)
        if self.stop == "":
            raise ArgumentError("stop", "text of at least one character", self.stop)
        if self.clamp and self.precision != "float32":
            raise ArgumentError("precision", "float32 with --clamp", self.precision)
        if self.interactive and self.samples > 1:
            raise ArgumentError("samples", "1 with --interactive", self.samples)
        if self.interactive and self.prompt == "-":
            raise ArgumentError("prompt", "a text with --interactive, which reads what you type", self.prompt)


def samples(model: TrainedLanguageModel, options: Sample) -> Iterator[SamplePiece]:
    """See `Trained.samples`. The options are checked, and standard input is read, before the first piece is asked for.

    Raises:
        DataError: standard input is no text.
    """
    prompt, writer = options.prompt, _writer(model, options)
    if prompt == "-":
        prompt = model.config.data.normal(standard_input().text())
    model.vocabulary.check_prompt(prompt)
    pieces = writer.stream_many(options.samples, prompt, options.length, stop=options.stop, **vars(options.sampling))
    return _in_pieces(prompt, options.samples, pieces)


def conversation(model: TrainedLanguageModel, options: Sample) -> Session:
    """See `TrainedLanguageModel.conversation`."""
    model.vocabulary.check_prompt(options.prompt)
    return _writer(model, options).session()


def _in_pieces(prompt: str, samples: int, pieces: Iterator[tuple[int, str]]) -> Iterator[SamplePiece]:
    for number in range(samples):
        yield SamplePiece(number, prompt, given=True)
    for number, text in pieces:
        yield SamplePiece(number, text)


def _writer(model: TrainedLanguageModel, options: Sample) -> TrainedLanguageModel:
    """A copy with units held, or a frozen one in the precision asked for where the model can be frozen and it pays;
    else the model.

    Raises:
        ArgumentError: it has no such unit; or another precision was asked for, and it cannot be frozen.
    """
    if options.clamp:
        return model.held(options.clamp)
    why = model.unfreezable()
    if options.precision != "float32":
        if why is not None:
            raise ArgumentError("precision", "float32 for this model", options.precision, why)
        return model.freeze(options.precision)
    return model.freeze() if why is None and options.length * options.samples >= WORTH_FREEZING else model
