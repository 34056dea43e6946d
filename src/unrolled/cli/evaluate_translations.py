"""unrolled evaluate RUN [RUN …] for translators: BLEU and chrF, side by side and by the length of the sentences."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..analysis.length_picture import Bucket, length_picture
from ..tasks.translate_scores import by_length
from ..tasks.translate_trained import Measures, TrainedTranslator
from .look import printable
from .reporters import emit
from .tables import show_table

COLUMNS = ("run", "loss", "perplexity", "BLEU", "BLEU cased", "chrF", "exact", "sentences/s")


def show_translators(models: list[TrainedTranslator], options: Any) -> None:
    """Measure all on the same kind of pairs and print."""
    rows: list[tuple[str, ...]] = []
    lengths: dict[str, list[Bucket]] = {}
    signatures: dict[str, str] = {}
    for run, model in zip(options.run, models, strict=True):
        begin = time.perf_counter()
        found = model.evaluate_data(options.data, options.split or "test", target=options.target, **options.search())
        measures: Measures = found["measures"]
        seconds = time.perf_counter() - begin
        pairs = found["pairs"]
        scores, summary = measures.scores, measures.summary()
        rate = len(pairs) / seconds
        signatures |= {
            "BLEU": scores.bleu_signature,
            "BLEU cased": scores.cased_bleu_signature,
            "chrF": scores.chrf_signature,
        }
        lengths[Path(run).name or run] = by_length(measures.translations, pairs.target, pairs.source)
        if options.json:
            emit(
                "evaluated",
                run=run,
                text=options.data or f"{model.config.data.data}, {options.split or 'test'}",
                pairs=len(pairs),
                **summary,
                signatures=signatures,
                by_length=[
                    dict(zip(("low", "high", "count", "bleu"), one, strict=True))
                    for one in lengths[Path(run).name or run]
                ],
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
        print(f"picture: {printable(options.picture)}")


def _show_lengths(lengths: dict[str, list[Bucket]]) -> None:
    """BLEU of each run, by how many words the source has."""
    bleus = [{low: bleu for low, _, _, bleu in one} for one in lengths.values()]
    rows = [
        (f"{low}-{high}", f"{count:,}", *(f"{one[low]:.2f}" if low in one else "" for one in bleus))
        for low, high, count, _ in next(iter(lengths.values()))
    ]
    columns = ("words", "sentences", *lengths)
    show_table(columns, rows, right=columns)
