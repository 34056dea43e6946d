"""``unrolled sample`` for the task ``lm``: generate text from a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...cells import check_size
from ...decoding import Sampling, Session
from ...errors import ArgumentError
from ...kernels.packing import Precision
from ...results import SamplePiece
from ..common.standard_input import standard_input

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What to generate."""

    prompt: str = ""
    """beginning of the text; - reads it from standard input"""
    length: int = 500
    """maximum tokens to generate"""
    stop: str | None = None
    """stop before generating this text"""
    samples: int = 1
    """independent samples to generate"""
    precision: Precision = "float32"
    """number format of the weights: smaller formats are faster and less exact"""
    interactive: bool = False
    """write a text in turns: you type, the model continues"""
    clamp: tuple[str, ...] = ()
    """hold a unit of the state at a value, e.g. 'layer 1 c[106]=2'; repeatable"""
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
    """See `Trained.samples`. Options are checked and standard input is read before the first piece is requested.

    Raises:
        DataError: standard input is not text.
    """
    prompt, generator = options.prompt, _generator(model, options)
    if prompt == "-":
        prompt = model.config.data.normal(standard_input().text())
    model.vocabulary.check_prompt(prompt)
    pieces = generator.stream_many(options.samples, prompt, options.length, stop=options.stop, **vars(options.sampling))
    return _in_pieces(prompt, options.samples, pieces)


def conversation(model: TrainedLanguageModel, options: Sample) -> Session:
    """See `TrainedLanguageModel.conversation`."""
    model.vocabulary.check_prompt(options.prompt)
    return _generator(model, options).session()


def _in_pieces(prompt: str, samples: int, pieces: Iterator[tuple[int, str]]) -> Iterator[SamplePiece]:
    for number in range(samples):
        yield SamplePiece(number, prompt, given=True)
    for number, text in pieces:
        yield SamplePiece(number, text)


def _generator(model: TrainedLanguageModel, options: Sample) -> TrainedLanguageModel:
    """Return a copy with held units, or with its weights in another precision; else the model.

    Raises:
        ArgumentError: the model has no such unit, or a precision other than float32 needs a model that can be frozen.
    """
    if options.clamp:
        return model.held(options.clamp)
    if options.precision == "float32":
        return model
    why = model.unfreezable()
    if why is not None:
        raise ArgumentError("precision", "float32 for this model", options.precision, why)
    return model.freeze(options.precision)
