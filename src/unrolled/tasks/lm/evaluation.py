"""``unrolled evaluate`` for the task ``lm``: one model in detail, several models in a table."""

from __future__ import annotations

import os
import time
from collections import Counter
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
    """The text to evaluate on and how the model reads it."""

    data: str | None = None
    """another text: a file, folder, glob pattern, "text:…" or named corpus"""
    split: OwnPart | None = None
    """part of the run's own text; heldout: validation and test together (default: test)"""
    encoding: str | None = None
    """encoding of --data (default: as in training)"""
    errors: Literal["strict", "replace", "ignore"] | None = None
    """handling of bytes that cannot be decoded (default: as in training)"""
    unknown: Literal["refuse", "skip"] = "refuse"
    """characters of --data outside the vocabulary: refuse the text, or skip them"""
    window: int = 256
    """steps computed at once; does not change the result"""
    lanes: int = 1
    """parts of the text read at once, each with a warm-up of 512 tokens; 1 is exact"""
    fresh: int = 0
    """reset the state every so many tokens; 0: carry it through the text"""
    clamp: tuple[str, ...] = ()
    """hold a unit of the state at a value, e.g. 'layer 1 c[106]=2'; repeatable"""

    def __post_init__(self) -> None:
        check_size("window", self.window)
        check_size("lanes", self.lanes)
        check_size("fresh", self.fresh, least=0)
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "omitted with --data, which is evaluated as a whole", self.split)
        if self.data is None and (self.encoding or self.errors):
            raise ArgumentError("encoding and errors", "omitted without --data", self.encoding or self.errors)
        if self.data is None and self.unknown != "refuse":
            raise ArgumentError("unknown", "omitted without --data", self.unknown)


@dataclass(frozen=True)
class Measured:
    """Results of one model on a text; ``text`` is its name, ``symbols`` its length in tokens."""

    text: str
    symbols: int
    characters: int
    seconds: float
    metrics: dict[str, float]
    skipped: int = 0

    @property
    def unknown(self) -> str:
        """The reason why bits per character are undefined; empty if they are defined."""
        if "bits_per_char" in self.metrics:
            return ""
        return f"{self.metrics['unknown_tokens']:,.0f} tokens of the text are unknown to the model"


def evaluation(
    model: TrainedLanguageModel, options: Evaluate, progress: Progress = silent, text: Split | None = None
) -> Report:
    """See `Trained.evaluation`; ``text`` is an encoded text to evaluate on instead."""
    result = _evaluate(model, options, progress, text=text)
    metrics = result.metrics
    rows = [("text", result.text), ("loss", f"{metrics['loss']:.4f} nats per token")]
    if result.unknown:
        rows.append(("", f"{result.unknown}: not comparable"))
    else:
        rows.append(("", f"{metrics['bits_per_char']:.4f} bits per character"))
    rows += [
        ("perplexity", f"{metrics['perplexity']:.4f} per token"),
        ("size", f"{result.symbols:,} tokens, {result.characters:,} characters"),
        *([("skipped", f"{result.skipped:,} characters outside the vocabulary")] if options.unknown == "skip" else []),
        *_state_rows(options),
        ("time", f"{clock(result.seconds)}, {result.symbols / max(result.seconds, 1e-9):,.0f} tokens/s"),
    ]
    return Report(_values(model, options, result), (Pairs(rows),), notes=_notes(model, options))


def _notes(model: TrainedLanguageModel, options: Evaluate) -> tuple[str, ...]:
    """Return a note if ``--data`` is the text that the model was trained on."""
    own = getattr(getattr(model.config, "data", None), "data", None)
    if options.data is None or own is None or _place(options.data) != _place(own):
        return ()
    return (
        f"{options.data} contains the training text of this run, so the metrics are too good; omit --data to "
        "evaluate on the test part",
    )


def _place(data: str) -> str:
    return data if data.startswith("text:") else os.path.realpath(os.path.expanduser(data))


def compare(models: Mapping[str, TrainedLanguageModel], options: Evaluate, progress: Progress = silent) -> Comparison:
    """Evaluate several models, by run name, on one text; a model that cannot read it gets no metrics.

    Bits per character are comparable across vocabularies; nats and perplexity are per token of each vocabulary.

    Raises:
        ArgumentError: a model has no such unit.
        DataError: no model can read the text.
        RunError: a run's own text has changed, or the runs' own texts differ.
    """
    if options.unknown == "skip":
        raise ArgumentError("unknown", "omitted with several runs, which would be compared on different texts", "skip")
    if options.data is None:
        same_data({run: model.trained_on for run, model in models.items()}, "text, cut into the same parts")
    for model in models.values():
        with hold(model.model, options.clamp):  # check every model before any is evaluated
            pass
    results = {run: _try_evaluate(run, model, options, progress) for run, model in models.items()}
    measured = [result for result in results.values() if isinstance(result, Measured)]
    if not measured:
        raise next(result for result in results.values() if isinstance(result, DataError))
    reports = [Report(_values(model, options, results[run])) for run, model in models.items()]
    header = ("run", "model", "parameters", "nats", "bits per character", "perplexity", "")
    rows = [_row(run, report.values, results[run]) for run, report in zip(models, reports, strict=True)]
    text = f"{measured[0].text}: {max(result.characters for result in measured):,} characters"
    parts = (Table("comparison", header, rows, right=header[2:6]), Pairs([("text", text), *_state_rows(options)]))
    return Comparison(reports, Report({}, parts))


def _try_evaluate(run: str, model: TrainedLanguageModel, options: Evaluate, progress: Progress) -> Measured | DataError:
    try:
        return _evaluate(model, options, progress, run)
    except DataError as error:
        return error


def _row(run: str, values: dict[str, Any], result: Measured | DataError) -> tuple[str, ...]:
    figures, why = ("–", "–", "–"), str(result)
    if isinstance(result, Measured):
        bits = "–" if result.unknown else f"{result.metrics['bits_per_char']:.4f}"
        figures, why = (f"{result.metrics['loss']:.4f}", bits, f"{result.metrics['perplexity']:.4f}"), result.unknown
    return run, values["model"], f"{values['parameters']:,}", *figures, f"not comparable: {why}" if why else ""


def _evaluate(
    model: TrainedLanguageModel,
    options: Evaluate,
    progress: Progress,
    run: str = "the model",
    text: Split | None = None,
) -> Measured:
    """Evaluate one model; ``text`` is an encoded text to evaluate on instead.

    Raises:
        DataError: the text cannot be read, is too short, or cannot be written in the model's vocabulary.
    """
    name = "an encoded text"
    skipped: Counter[str] = Counter()
    if text is None and options.data is not None:
        name, text = _other_text(model, options, skipped)
    elif text is None:
        name, text = model.own_text(options.split or "test", run)
    if len(text) < 2:
        raise DataError(
            f"the text is too short to evaluate: {name} has {len(text):,} of at least 2 tokens; choose another "
            "--split, or a text with --data"
        )
    begin = time.perf_counter()
    with hold(model.model, options.clamp), progress(len(text) - 1, "tokens") as done:
        metrics = model.metrics(
            text,
            window=options.window,
            lanes=options.lanes,
            fresh_windows=min(options.fresh, len(text)),
            progress=done,
        )
    seconds = time.perf_counter() - begin
    return Measured(name, len(text), text.characters, seconds, metrics, skipped.total())


def _other_text(model: TrainedLanguageModel, options: Evaluate, skipped: Counter[str]) -> tuple[str, Split]:
    """Return the name and the text of ``--data``, encoded with the model's vocabulary; count skipped characters."""
    corpus = model.config.data.open(options.data, encoding=options.encoding, errors=options.errors)

    def known(text: str) -> str:
        outside = model.vocabulary.outside(text)
        skipped.update(character for character in text if character in outside)
        return "".join(character for character in text if character not in outside) if outside else text

    if options.unknown == "skip":
        corpus.keep = known
    return options.data or "", encode_text(corpus, model.vocabulary)


def _values(model: TrainedLanguageModel, options: Evaluate, result: Measured | DataError) -> dict[str, Any]:
    """Return the values for JSON: the metrics, or under ``why`` the reason why there are none."""
    name = model_name(flatten(model.config)) if model.config is not None else ""
    values: dict[str, Any] = {"model": name, "parameters": model.size}
    if isinstance(result, DataError):
        values |= {"text": options.data or "", "why": str(result)}
    else:
        values |= {"text": result.text, "symbols": result.symbols, "seconds": result.seconds, **result.metrics}
        values |= {"skipped": result.skipped} if options.unknown == "skip" else {}
    return values | ({"clamp": options.clamp} if options.clamp else {})


def _state_rows(options: Evaluate) -> list[tuple[str, str]]:
    """Return the printed rows on how the state is handled."""
    state = f"reset every {options.fresh:,} tokens" if options.fresh else "carried through the text"
    return [("state", state), *(("held", unit) for unit in options.clamp)]
