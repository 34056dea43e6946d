"""Language models measured on a text: one of them in full, several side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..analysis import hold
from ..data import Split, encode_text
from ..errors import DataError, RunError
from ..tasks.lm.trained import TrainedLanguageModel
from ..training.config import flatten
from .terminal.console import counting
from .terminal.look import clock, model_name
from .terminal.reporters import emit
from .terminal.tables import show_pairs, show_table

if TYPE_CHECKING:
    from .old_evaluate import Evaluate


@dataclass(frozen=True)
class Measured:
    """One model on a text; ``why`` says why there are no figures."""

    run: str
    model: str
    parameters: int
    text: str
    symbols: int = 0
    characters: int = 0
    seconds: float = 0.0
    metrics: dict[str, float] | None = None
    why: str = ""


def evaluate(models: list[TrainedLanguageModel], options: Evaluate) -> None:
    """Measure the models of ``options.run`` and print what came out.

    Raises:
        DataError: the text cannot be read, or not in any model's vocabulary.
        RunError: a run's own text is not what it was, or the runs' own texts are not the same.
    """
    if options.data is None:
        _check_one_text(models, options)
    for model in models:
        with hold(model.model, options.clamp):  # refuses what a model lacks before any is measured
            pass
    found: list[Measured] = []
    for run, model in zip(options.run, models, strict=True):
        found.append(_measure(run, model, options))
        if options.json:
            emit("evaluated", **_values(found[-1]), **({"clamp": options.clamp} if options.clamp else {}))
    if all(one.metrics is None for one in found):
        raise DataError(found[0].why)
    if not options.json and len(found) == 1:
        _show(found[0], options)
    elif not options.json:
        _compare(found, options)


def _measure(run: str, model: TrainedLanguageModel, options: Evaluate) -> Measured:
    about = model_name(flatten(model.config))
    try:
        name, text = other(model, options) if options.data is not None else model.own_text(options.split or "test", run)
    except DataError as error:
        if len(options.run) == 1:
            raise
        return Measured(run, about, model.size, options.data or "", why=str(error))
    if len(text) < 2:
        raise DataError(
            f"too little text to measure: {name} has {len(text):,} of the 2 symbols it takes; choose another --split, "
            "or a text with --data"
        )
    begin = time.perf_counter()
    with hold(model.model, options.clamp), counting(len(text) - 1, "symbols") as counter:
        metrics = model.evaluate(
            text,
            window=options.window,
            lanes=options.lanes,
            fresh_windows=min(options.fresh, len(text)),
            progress=counter,
        )
    seconds = time.perf_counter() - begin
    return Measured(run, about, model.size, name, len(text), text.characters, seconds, metrics)


def other(model: TrainedLanguageModel, options: Evaluate) -> tuple[str, Split]:
    """(its name, the text of ``--data`` in the model's vocabulary)."""
    assert options.data is not None
    corpus = model.config.data.open(options.data, encoding=options.encoding, errors=options.errors)
    return options.data, encode_text(corpus, model.vocabulary)


def _check_one_text(models: list[TrainedLanguageModel], options: Evaluate) -> None:
    """Raise `RunError` unless all were trained on one text, cut into the same parts."""
    texts = [model.trained_on for model in models]
    for run, text in zip(options.run, texts, strict=True):
        if text != texts[0]:
            raise RunError(
                f"{options.run[0]} and {run} were not trained on the same text, cut into the same parts; "
                "say with --data on which text to compare them"
            )


def _values(found: Measured) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in ("run", "model", "parameters", "text")}
    if found.metrics is None:
        return {**values, "why": found.why}
    return {**values, "symbols": found.symbols, "seconds": found.seconds, **found.metrics}


def _show(found: Measured, options: Evaluate) -> None:
    metrics = found.metrics
    assert metrics is not None
    rows = [("text", found.text), ("loss", f"{metrics['loss']:.4f} nats per symbol")]
    if "bits_per_char" in metrics:
        rows.append(("", f"{metrics['bits_per_char']:.4f} bits per character"))
    if "unknown_tokens" in metrics:
        rows.append(("", f"{_unknown(metrics)}: not comparable"))
    rows += [
        ("perplexity", f"{metrics['perplexity']:.4f} per symbol"),
        ("size", f"{found.symbols:,} symbols, {found.characters:,} characters"),
        ("state", _how(options)),
        *(("held", unit) for unit in options.clamp),
        ("time", f"{clock(found.seconds)}, {found.symbols / max(found.seconds, 1e-9):,.0f} symbols/s"),
    ]
    show_pairs(rows)


def _compare(found: list[Measured], options: Evaluate) -> None:
    """Bits per character are what is compared: nats and perplexity are per symbol, whatever a model's symbols are."""
    header = ("run", "model", "parameters", "nats", "bits per character", "perplexity", "")
    rows = []
    for one in found:
        figures, note = ("–", "–", "–"), f"not comparable: {one.why}"
        if one.metrics is not None:
            bits = one.metrics.get("bits_per_char")
            note = "" if bits is not None else f"not comparable: {_unknown(one.metrics)}"
            shown = "–" if bits is None else f"{bits:.4f}"
            figures = (f"{one.metrics['loss']:.4f}", shown, f"{one.metrics['perplexity']:.4f}")
        rows.append((one.run, one.model, f"{one.parameters:,}", *figures, note))
    show_table(header, rows, right=header[2:6])
    characters = max(one.characters for one in found)
    print()
    held = [("held", unit) for unit in options.clamp]
    show_pairs([("text", f"{found[0].text}: {characters:,} characters"), ("state", _how(options)), *held])


def _unknown(metrics: dict[str, float]) -> str:
    return f"{metrics['unknown_tokens']:,.0f} symbols of the text are unknown to the model"


def _how(options: Evaluate) -> str:
    return f"afresh every {options.fresh:,} symbols" if options.fresh else "carried from beginning to end"
