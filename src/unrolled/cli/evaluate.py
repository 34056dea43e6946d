"""unrolled evaluate RUN [--data TEXT | --split test] [--fresh 256]: measure a trained model on a text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from .. import api
from ..cells import check_size
from ..data import Split, encode_text, open_corpus
from ..data.storage import join
from ..errors import ArgumentError, DataError, RunError
from ..tasks.classify_trained import TrainedClassifier
from ..tasks.lm_trained import TrainedLanguageModel
from .arguments import Schema, parse
from .console import Counter
from .look import clock, console
from .reporters import emit
from .tables import show_pairs

PROG = "unrolled evaluate"
ABOUT = (
    "Measure a language model on a whole text: on a part of the text it was trained with, or on any other text. The "
    "state is carried from beginning to end."
)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """What to measure, and how."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's folder, or a model.safetensors"""
    data: str | None = None
    """another text: a file, a folder, a pattern, "text:…" literally, or a named corpus (unrolled data)"""
    split: Literal["valid", "test", "train", "heldout"] | None = None
    """part of the run's own text; heldout: validation and test one after the other (default: test)"""
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
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    baselines: bool = False
    """classifiers: print beside it what chance, the commonest class and a bag of words reach"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        check_size("window", self.window)
        check_size("lanes", self.lanes)
        check_size("fresh", self.fresh, least=0)
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "left out with --data, which is measured whole", self.split)
        if self.data is None and (self.encoding or self.errors):
            raise ArgumentError("encoding and errors", "given with --data only", self.encoding or self.errors)


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Evaluate, argv, PROG, ABOUT)
    model = api.load(options.run, cell=options.cell)
    if isinstance(model, TrainedClassifier):
        from .evaluate_examples import show_classifier

        split = options.split or "test"
        show_classifier(model, options.run, options.data, split, beside=options.baselines, as_json=options.json)
        return 0
    if not isinstance(model, TrainedLanguageModel):
        raise RunError(f"{options.run} cannot be measured by this command")
    with Schema(Evaluate, PROG).names():
        name, text = other(model, options) if options.data is not None else own(model, options)
    if len(text) < 2:
        raise DataError(
            f"too little text to measure: {name} has {len(text):,} of the 2 symbols it takes; choose another --split, "
            "or a text with --data"
        )
    stream = console(stderr=True)
    counter = Counter(stream, len(text) - 1, "symbols")
    begin = time.perf_counter()
    try:
        metrics = model.evaluate(
            text,
            window=options.window,
            lanes=options.lanes,
            fresh_windows=min(options.fresh, len(text)),
            progress=counter,
        )
    finally:
        counter.close()
    seconds = time.perf_counter() - begin
    if options.json:
        emit("evaluated", run=options.run, text=name, symbols=len(text), seconds=seconds, **metrics)
    else:
        _show(name, text, metrics, seconds, options)
    return 0


def other(model: TrainedLanguageModel, options: Evaluate) -> tuple[str, Split]:
    """(its name, the text of ``--data`` in the model's vocabulary)."""
    assert options.data is not None
    was = model.config.data
    corpus = open_corpus(
        options.data,
        separator=was.separator,
        encoding=options.encoding or was.encoding,
        errors=options.errors or was.errors,
    )
    return options.data, encode_text(corpus, model.vocabulary)


def own(model: TrainedLanguageModel, options: Evaluate) -> tuple[str, Split]:
    """(its name, the asked part of the text the model was trained with).

    Raises:
        RunError: the text is not what it was.
    """
    split, was = options.split or "test", model.config.data
    try:
        data = was.read()
    except DataError as error:
        raise RunError(f"the text {options.run} was trained with cannot be read: {error}; or give --data") from error
    if was.fingerprint(data) != model.fingerprint:
        raise RunError(
            f"the text {was.data} has changed since {options.run} was trained, so its parts are not the same; "
            "put the old text back, or measure any text with --data"
        )
    text = join(data.valid, data.test) if split == "heldout" else getattr(data, split)
    return f"{was.data}, {split}", text


def _show(name: str, text: Split, metrics: dict[str, float], seconds: float, options: Evaluate) -> None:
    how = f"afresh every {options.fresh:,} symbols" if options.fresh else "carried from beginning to end"
    rows = [("text", name), ("loss", f"{metrics['loss']:.4f} nats per symbol")]
    if "bits_per_char" in metrics:
        rows.append(("", f"{metrics['bits_per_char']:.4f} bits per character"))
    if "unknown_tokens" in metrics:
        unknown = f"{metrics['unknown_tokens']:,.0f} symbols of the text are unknown to the model: not comparable"
        rows.append(("", unknown))
    rows += [
        ("perplexity", f"{metrics['perplexity']:.4f} per symbol"),
        ("size", f"{len(text):,} symbols, {text.characters:,} characters"),
        ("state", how),
        ("time", f"{clock(seconds)}, {len(text) / max(seconds, 1e-9):,.0f} symbols/s"),
    ]
    show_pairs(rows)
