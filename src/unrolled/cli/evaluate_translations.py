"""unrolled evaluate RUN [RUN …] for translators: BLEU and chrF, side by side and by the length of the sentences."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis.length_picture import Bucket, check_length_picture, length_picture
from ..analysis.picture import check_picture
from ..data.parallel import Pairs
from ..errors import RunError
from ..tasks.translate.scores import buckets, by_length
from ..tasks.translate.trained import TrainedTranslator
from .predict_translation import refuse_coverage
from .reading import show_how
from .terminal.look import printable
from .terminal.reporters import emit
from .terminal.tables import show_table

COLUMNS = ("run", "loss", "perplexity", "BLEU", "BLEU cased", "chrF", "exact", "sentences/s")


def show_translators(models: list[TrainedTranslator], options: Any) -> None:
    """Measure all on the same pairs and print.

    Raises:
        RunError: the runs' own pairs are not the same.
    """
    if options.picture is not None:
        check_picture(Path(options.picture))
    for model in models:
        refuse_coverage(model, options)
    pairs = _pairs(models, options)
    if options.picture is not None:
        check_length_picture(Path(options.picture), [len(some) for some in buckets(pairs.source).values()])
    rows: list[tuple[str, ...]] = []
    lengths: dict[str, list[Bucket]] = {}
    signatures: dict[str, str] = {}
    for run, name, model in zip(options.run, _names(options.run), models, strict=True):
        begin = time.perf_counter()
        measures = model.evaluate(pairs, **options.search())
        rate = len(pairs) / (time.perf_counter() - begin)
        scores, summary = measures.scores, measures.summary()
        signatures = {
            "BLEU": scores.bleu_signature,
            "BLEU cased": scores.cased_bleu_signature,
            "chrF": scores.chrf_signature,
        }
        lengths[name] = by_length(measures.translations, pairs.target, pairs.source)
        if options.json:
            emit(
                "evaluated",
                run=run,
                text=options.data or f"{model.config.data.data}, {options.split or 'test'}",
                pairs=len(pairs),
                **summary,
                signatures=signatures,
                by_length=[dict(zip(("low", "high", "count", "bleu"), one, strict=True)) for one in lengths[name]],
            )
            continue
        rows.append(
            (printable(run), f"{summary['loss']:.4f}", f"{summary['perplexity']:.2f}", f"{scores.bleu:.2f}",
             f"{scores.cased_bleu:.2f}", f"{scores.chrf:.2f}", f"{scores.exact:.2%}", f"{rate:,.0f}")
        )  # fmt: skip
    if not options.json:
        show_table(COLUMNS, rows, right=COLUMNS[1:])
        print()
        _show_lengths(lengths)
        print()
        for name, signature in signatures.items():
            print(f"{name}: {signature}")
    if options.picture is not None:
        length_picture(Path(options.picture), lengths)
        print(f"picture: {printable(options.picture)}", file=sys.stderr)


def _pairs(models: list[TrainedTranslator], options: Any) -> Pairs:
    """What all are measured on; notes go to standard error."""
    first: Pairs | None = None
    for run, model in zip(options.run, models, strict=True):
        given = options.read("translate")
        pairs, notes = model.find(options.data, options.split or "test", given.pop("target", None), **given)
        if first is None:
            first = pairs
            if options.data is not None:
                examples = (f"{a} → {b}" for a, b in zip(pairs.source, pairs.target, strict=True))
                show_how([f"{options.data}: {pairs.how}"] if pairs.how else [], examples, as_json=options.json)
            for note in notes if options.data is not None else ():
                print(f"note: {printable(note)}", file=sys.stderr)
            if options.data is not None and _exchanged(model, pairs.source):
                what = "--data and --target" if options.target else "its columns"
                print(
                    f"note: the sources in {printable(options.data)} read like the language that is translated into: "
                    f"are {what} exchanged?",
                    file=sys.stderr,
                )
        elif pairs != first:
            raise RunError(
                f"{options.run[0]} and {run} have not the same {options.split or 'test'} pairs; "
                "say with --data on which pairs to compare them"
            )
    assert first is not None
    return first


def _exchanged(model: TrainedTranslator, texts: Sequence[str]) -> bool:
    some = texts[:200]
    return 2 * sum(model.reads_like_target(text) for text in some) > len(some)


def _names(runs: Sequence[str]) -> list[str]:
    """A short name for each run, no two alike."""
    short = [Path(run).name if Path(run).name != "model.safetensors" else "" for run in runs]
    names: list[str] = []
    for run, name in zip(runs, short, strict=True):
        whole = name if name and short.count(name) == 1 else run
        names.append(whole if whole not in names else f"{whole} ({len(names) + 1})")
    return names


def _show_lengths(lengths: dict[str, list[Bucket]]) -> None:
    """BLEU of each run, by how many words the source has."""
    bleus = [{low: bleu for low, _, _, bleu in one} for one in lengths.values()]
    rows = [
        (f"{low}-{high}", f"{count:,}", *(f"{one[low]:.2f}" for one in bleus))
        for low, high, count, _ in next(iter(lengths.values()))
    ]
    columns = ("words", "sentences", *lengths)
    show_table(columns, rows, right=columns)
