"""unrolled evaluate RUN [RUN …] [--data TEXT | --split test] [--fresh 256]: measure trained models on a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from .. import api
from ..cells import check_size
from ..errors import ArgumentError
from ..tasks.translate.trained import TrainedTranslator
from .arguments import Schema, parse
from .evaluate_lm import evaluate
from .evaluate_translations import show_translators
from .predict_translation import Searching
from .reading import Reading

PROG = "unrolled evaluate"
ABOUT = (
    "Measure language models on a whole text: on a part of the text they were trained with, or on any other text. The "
    "state is carried from beginning to end. Several runs are measured on one text and shown side by side. Models that "
    "answer questions are measured on labelled texts, translators on sentences with their translations."
)


@dataclass(frozen=True, kw_only=True)
class Evaluate(Reading, Searching):
    """What to measure, and how."""

    run: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN [RUN …]")]
    """runs' folders, or files model.safetensors"""
    data: str | None = None
    """another text: a file, a folder, a pattern, "text:…" literally, or a named corpus (unrolled data); translators: a
    file of pairs, or of sentences whose translations are in --target"""
    split: Literal["valid", "test", "train", "heldout"] | None = None
    """part of the run's own text; heldout: validation and test one after the other (default: test)"""
    delimiter: str | None = None
    """classifiers, translators: what separates columns: one character, or tab"""
    scheme: Literal["auto", "iob1", "bio", "iobes", "plain"] | None = None
    """taggers: how the file spells entities"""
    repair: bool | None = None
    """taggers: read tags that break their scheme as the CoNLL script does, instead of refusing them"""
    encoding: str | None = None
    """encoding of --data (default: as in training)"""
    errors: Literal["strict", "replace", "ignore"] | None = None
    """what to do with bytes that are no text in that encoding (default: as in training)"""
    window: int = 256
    """steps computed at once; it does not change the result"""
    lanes: int = 1
    """1 is exact; more are faster: stretches side by side, each warmed up on the 512 symbols before it"""
    fresh: int = 0
    """start anew every so many symbols instead of carrying the state; 0: carry it"""
    clamp: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """language models: hold a unit of the state at a value, e.g. 'layer 1 c[106]=2'; again for another"""
    length: int | None = None
    """problems of remembering: sequences of another length than in training"""
    cell: str | None = None
    """the models' cell, if it is one of your own (module:Class)"""
    baselines: bool = False
    """classifiers: print beside it what chance, the commonest class and a bag of words reach"""
    picture: str | None = None
    """translators: draw BLEU by the length of the sentence into this PNG file"""
    json: bool = False
    """print one JSON object for each run"""

    def __post_init__(self) -> None:
        check_size("window", self.window)
        check_size("lanes", self.lanes)
        check_size("fresh", self.fresh, least=0)
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "left out with --data, which is measured whole", self.split)
        if self.data is None and (self.encoding or self.errors):
            raise ArgumentError("encoding and errors", "given with --data only", self.encoding or self.errors)

    def read(self, task: str) -> dict[str, Any]:
        """How --data is to be read by models of a task, as far as it is said.

        Raises:
            ArgumentError: there is no --data, or these models have no such option.
        """
        given = self.told(task, "left out for a model that is no {}")
        if given and self.data is None:
            name, value = next(iter(given.items()))
            raise ArgumentError(name, "left out without --data", value)
        own = {name: value for name in ("encoding", "errors") if (value := getattr(self, name)) is not None}
        return {**given, **own}


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Evaluate, argv, PROG, ABOUT)
    models = [api.load(run, cell=options.cell) for run in options.run]
    with Schema(Evaluate, PROG).names():
        translators = [model for model in models if isinstance(model, TrainedTranslator)]
        if options.clamp:
            raise ArgumentError("clamp", "left out for a model that is no language model", options.clamp)
        if options.length is not None:
            raise ArgumentError("length", "left out for a model that was not trained to remember", options.length)
        if translators and len(translators) == len(models):
            _check_labelled(options)
            if options.baselines:
                raise ArgumentError("baselines", "left out for a model that is no classifier", True)
            show_translators(translators, options)
            return 0
        for name, value in {"picture": options.picture, **options.search()}.items():
            if value is not None:
                raise ArgumentError(name, "left out for a model that is no translator", value)
        if len(written) == len(models):
            if options.baselines:
                raise ArgumentError("baselines", "left out for a model that is no classifier", True)
            options.read("lm")
            evaluate(written, options)
        else:
            raise ArgumentError("run", "one run, or several language models or translators", options.run)
    return 0


def _check_labelled(options: Evaluate) -> None:
    """Raise `ArgumentError` for what has no meaning where there is a right answer to each text."""
    if options.split == "heldout":
        raise ArgumentError("split", "one of valid, test, train for a model that answers questions", options.split)
    for name in ("window", "lanes", "fresh"):
        if getattr(options, name) != getattr(Evaluate, name):
            raise ArgumentError(name, "left out for a model that answers questions", getattr(options, name))
