"""``unrolled evaluate`` for the task ``lm``: one model on a text in full, several side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...analysis import hold
from ...cells import check_size
from ...data import Split, encode_text
from ...errors import ArgumentError, DataError
from ...results import Comparison, Pairs, Progress, Report, Table, silent
from ...results.duration import clock
from ...training.comparison import same_data
from ...training.config import flatten
from ..common.model_name import model_name
from ..common.own_data import OwnPart

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Which text, and how it is read."""

    data: str | None = None
    """another text: a file, a folder, a pattern, "text:…" literally, or a named corpus (unrolled data)"""
    split: OwnPart | None = None
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
    clamp: tuple[str, ...] = ()
    """hold a unit of the state at a value, e.g. 'layer 1 c[106]=2'; again for another"""

    def __post_init__(self) -> None:
        check_size("window", self.window)
        check_size("lanes", self.lanes)
        check_size("fresh", self.fresh, least=0)
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "left out with --data, which is measured whole", self.split)
        if self.data is None and (self.encoding or self.errors):
            raise ArgumentError("encoding and errors", "given with --data only", self.encoding or self.errors)


@dataclass(frozen=True)
class Measured:
    """What one model is worth on a text."""

    text: str
    symbols: int
    characters: int
    seconds: float
    metrics: dict[str, float]

    @property
    def unknown(self) -> str:
        """Why there are no bits per character; empty if there are."""
        if "bits_per_char" in self.metrics:
            return ""
        return f"{self.metrics['unknown_tokens']:,.0f} symbols of the text are unknown to the model"


def evaluation(model: TrainedLanguageModel, options: Evaluate, progress: Progress = silent) -> Report:
    """See `Trained.evaluation`."""
    found = _measured(model, options, progress)
    metrics = found.metrics
    rows = [("text", found.text), ("loss", f"{metrics['loss']:.4f} nats per symbol")]
    if found.unknown:
        rows.append(("", f"{found.unknown}: not comparable"))
    else:
        rows.append(("", f"{metrics['bits_per_char']:.4f} bits per character"))
    rows += [
        ("perplexity", f"{metrics['perplexity']:.4f} per symbol"),
        ("size", f"{found.symbols:,} symbols, {found.characters:,} characters"),
        *_how(options),
        ("time", f"{clock(found.seconds)}, {found.symbols / max(found.seconds, 1e-9):,.0f} symbols/s"),
    ]
    return Report(_values(model, options, found), (Pairs(rows),))


def compare(models: Mapping[str, TrainedLanguageModel], options: Evaluate, progress: Progress = silent) -> Comparison:
    """Several models on one text, by the name of each run; a model that cannot read it has no figures.

    Bits per character are what is compared: nats and perplexity are per symbol, whatever a model's symbols are.

    Raises:
        ArgumentError: a model has no unit of that name.
        DataError: no model can read the text.
        RunError: a run's own text is not what it was, or the runs' own texts are not the same.
    """
    if options.data is None:
        same_data({run: model.trained_on for run, model in models.items()}, "text, cut into the same parts")
    for model in models.values():
        with hold(model.model, options.clamp):  # refuses what a model lacks before any is measured
            pass
    every = {run: _tried(run, model, options, progress) for run, model in models.items()}
    found = [one for one in every.values() if isinstance(one, Measured)]
    if not found:
        raise next(one for one in every.values() if isinstance(one, DataError))
    reports = [Report(_values(model, options, every[run])) for run, model in models.items()]
    header = ("run", "model", "parameters", "nats", "bits per character", "perplexity", "")
    rows = [_row(run, report.values, every[run]) for run, report in zip(models, reports, strict=True)]
    text = f"{found[0].text}: {max(one.characters for one in found):,} characters"
    parts = (Table("comparison", header, rows, right=header[2:6]), Pairs([("text", text), *_how(options)]))
    return Comparison(reports, Report({}, parts))


def _tried(run: str, model: TrainedLanguageModel, options: Evaluate, progress: Progress) -> Measured | DataError:
    try:
        return _measured(model, options, progress, run)
    except DataError as error:
        return error


def _row(run: str, values: dict[str, Any], found: Measured | DataError) -> tuple[str, ...]:
    figures, why = ("–", "–", "–"), str(found)
    if isinstance(found, Measured):
        bits = "–" if found.unknown else f"{found.metrics['bits_per_char']:.4f}"
        figures, why = (f"{found.metrics['loss']:.4f}", bits, f"{found.metrics['perplexity']:.4f}"), found.unknown
    return run, values["model"], f"{values['parameters']:,}", *figures, f"not comparable: {why}" if why else ""


def _measured(model: TrainedLanguageModel, options: Evaluate, progress: Progress, run: str = "the model") -> Measured:
    """The figures of one model.

    Raises:
        DataError: the text cannot be read, is too short, or cannot be written in the model's vocabulary.
    """
    name, text = _other(model, options) if options.data is not None else model.own_text(options.split or "test", run)
    if len(text) < 2:
        raise DataError(
            f"too little text to measure: {name} has {len(text):,} of the 2 symbols it takes; choose another --split, "
            "or a text with --data"
        )
    begin = time.perf_counter()
    with hold(model.model, options.clamp), progress(len(text) - 1, "symbols") as done:
        metrics = model.evaluate(
            text,
            window=options.window,
            lanes=options.lanes,
            fresh_windows=min(options.fresh, len(text)),
            progress=done,
        )
    return Measured(name, len(text), text.characters, time.perf_counter() - begin, metrics)


def _other(model: TrainedLanguageModel, options: Evaluate) -> tuple[str, Split]:
    """(its name, the text of ``--data`` in the model's vocabulary)."""
    corpus = model.config.data.open(options.data, encoding=options.encoding, errors=options.errors)
    return options.data or "", encode_text(corpus, model.vocabulary)


def _values(model: TrainedLanguageModel, options: Evaluate, found: Measured | DataError) -> dict[str, Any]:
    """The figures for a program, or why there are none."""
    values: dict[str, Any] = {"model": model_name(flatten(model.config)), "parameters": model.size}
    if isinstance(found, DataError):
        values |= {"text": options.data or "", "why": str(found)}
    else:
        values |= {"text": found.text, "symbols": found.symbols, "seconds": found.seconds, **found.metrics}
    return values | ({"clamp": options.clamp} if options.clamp else {})


def _how(options: Evaluate) -> list[tuple[str, str]]:
    """What is done with the state."""
    state = f"afresh every {options.fresh:,} symbols" if options.fresh else "carried from beginning to end"
    return [("state", state), *(("held", unit) for unit in options.clamp)]
