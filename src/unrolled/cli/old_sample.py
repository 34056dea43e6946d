"""unrolled sample RUN [--prompt TEXT] [--length 500] [--temperature 0.8] …: let a trained model write."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from .. import api
from ..analysis import hold
from ..cells import check_size
from ..decoding import Sampling
from ..errors import ArgumentError, RunError
from ..tasks.lm.trained import TrainedLanguageModel
from .arguments import Schema, parse
from .interactive import converse
from .terminal.look import BOLD, DIM, end_line, show

PROG = "unrolled sample"
WORTH_FREEZING = 32  # symbols: below, copying the weights takes longer than it saves
ABOUT = "Let a trained model write. The text appears as it is written; the same seed writes the same text."


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What to write."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's folder, or a model.safetensors"""
    prompt: str = ""
    """how the text begins; - reads it from standard input"""
    length: int = 500
    """symbols to write at most"""
    stop: str | None = None
    """end before this text is written"""
    samples: int = 1
    """texts to write, each another"""
    precision: Literal["float32", "bfloat16", "int8"] = "float32"
    """numbers that stand for the weights: smaller ones write faster and less exactly"""
    interactive: bool = False
    """you type, it goes on; and so on"""
    clamp: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """hold a unit of the state at a value while it writes, e.g. 'layer 1 c[106]=2'; again for another"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
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


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Sample, argv, PROG, ABOUT)
    model = writer(options.run, options.cell)
    with Schema(Sample, PROG).names(), hold(model.model, options.clamp):
        prompt = model.config.data.normal(_standard_input()) if options.prompt == "-" else options.prompt
        model.vocabulary.check_prompt(prompt)
        model = fastest(model, options)
        if options.interactive:
            return converse(model.session(), prompt, options.sampling, options.length, options.stop)
        write(model, prompt, options)
    return 0


def writer(run: str, cell: str | None) -> TrainedLanguageModel:
    """The language model of a run.

    Raises:
        RunError: there is none, or it writes no text.
    """
    model = api.load(run, cell=cell)
    if not isinstance(model, TrainedLanguageModel):
        raise RunError(f"{run} is not a language model; only those write text")
    return model


def fastest(model: TrainedLanguageModel, options: Sample) -> TrainedLanguageModel:
    """A frozen copy in the precision asked for, where the model can be frozen and it pays; else the model.

    Raises:
        ArgumentError: another precision was asked for, and the model cannot be frozen.
    """
    why = model.unfreezable()
    if options.precision != "float32":
        if why is not None:
            raise ArgumentError("precision", "float32 for this model", options.precision, why)
        return model.freeze(options.precision)
    if why is None and options.length * options.samples >= WORTH_FREEZING:
        return model.freeze()
    return model


def write(model: TrainedLanguageModel, prompt: str, options: Sample) -> None:
    """All samples: the first as it is written, the others, written beside it, after it."""
    waiting: dict[int, list[str]] = {n: [] for n in range(1, options.samples)}
    pieces = model.stream_many(options.samples, prompt, options.length, stop=options.stop, **vars(options.sampling))
    _open(1, options.samples, prompt)
    last = prompt
    try:
        for number, text in pieces:
            if number:
                waiting[number].append(text)
            else:
                show(text)
                last = text
    finally:
        end_line(last)
    for number, parts in waiting.items():
        print()
        _open(number + 1, options.samples, prompt)
        show("".join(parts))
        end_line("".join(parts) or prompt)


def _open(number: int, samples: int, prompt: str) -> None:
    if samples > 1:
        show(f"--- sample {number} of {samples} ---", DIM)
        show("\n")
    show(prompt, BOLD)


def _standard_input() -> str:
    stream: Any = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read()
    try:
        text: str = stream.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArgumentError(
            "prompt", "UTF-8 text on standard input", f"byte 0x{error.object[error.start]:02x} at offset {error.start}"
        ) from error
    return text
