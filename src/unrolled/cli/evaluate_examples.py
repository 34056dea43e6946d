"""unrolled evaluate RUN for models that answer questions: how often they are right, and what they take for what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..errors import SaveError
from ..tasks.classify.baselines import baselines
from ..tasks.classify.measures import Measures, measure
from ..tasks.classify.trained import TrainedClassifier
from ..tasks.common.prediction import Part
from .reading import show_how
from .terminal.look import printable
from .terminal.reporters import emit
from .terminal.tables import show_pairs, show_table

MOST_ROWS = 30  # classes in the table


def show_classifier(
    model: TrainedClassifier, run: str, data: str | None, split: Part, *, beside: bool, as_json: bool
) -> None:
    """Measure and print; the confusion matrix is drawn into the run's folder.

    Args:
        beside: print the baselines too.
    """
    examples, notes = model.find(data, split)
    if data is not None:
        how = [f"{data}: {examples.how}"] if examples.how else []
        first = (f"{label} ← {text}" for text, label in zip(examples.texts, examples.labels, strict=True))
        show_how([*how, *notes], first, as_json=as_json)
    measures = measure(model, examples)
    others = baselines(model.config.data.read().train, examples, model.classes) if beside else {}
    name = data or f"{model.config.data.data}, {split}"
    if as_json:
        extra = {other: one.summary() for other, one in others.items()}
        emit(
            "evaluated",
            run=run,
            text=name,
            texts=len(examples),
            **measures.summary(),
            confusion=measures.confusion.tolist(),
            classes=measures.classes,
            **({"baselines": extra} if extra else {}),
        )
        return
    show_pairs(
        [
            ("texts", f"{name}: {len(examples):,} of {len(model.classes)} classes"),
            ("accuracy", f"{measures.accuracy:.4f}"),
            ("macro F1", f"{measures.macro_f1:.4f}"),
            ("log loss", f"{measures.loss:.4f} nats"),
            ("calibration error", f"{measures.calibration_error:.4f}"),
        ]
    )
    print()
    show_table(
        ("class", "texts", "precision", "recall", "F1"), _rows(measures), right=("texts", "precision", "recall", "F1")
    )
    if others:
        print()
        rows = [_beside("this run", measures), *(_beside(other, one) for other, one in others.items())]
        show_table(("", "accuracy", "macro F1", "log loss"), rows, right=("accuracy", "macro F1", "log loss"))
    picture = _draw(measures, Path(run))
    if picture is not None:
        print(f"\nconfusion matrix: {printable(str(picture))}")


def _rows(measures: Measures) -> list[tuple[str, ...]]:
    hits, there, said = measures.confusion.diagonal(), measures.confusion.sum(1), measures.confusion.sum(0)
    rows = []
    for number in sorted(range(len(measures.classes)), key=lambda n: -there[n])[:MOST_ROWS]:
        precision = hits[number] / said[number] if said[number] else math.nan
        recall = hits[number] / there[number] if there[number] else math.nan
        f1 = 2 * hits[number] / (there[number] + said[number]) if there[number] + said[number] else math.nan
        figures = (f"{value:.3f}" if math.isfinite(value) else "–" for value in (precision, recall, f1))
        rows.append((measures.classes[number], f"{there[number]:,}", *figures))
    return rows


def _beside(name: str, one: Measures) -> tuple[str, ...]:
    figures = (one.accuracy, one.macro_f1, one.loss)
    return (name, *(f"{value:.4f}" if math.isfinite(value) else "–" for value in figures))


def _draw(measures: Measures, run: Path) -> Path | None:
    """The confusion matrix as RUN/confusion.png; `None` without matplotlib, or where RUN is no folder."""
    if not run.is_dir() or len(measures.classes) > 60:
        return None
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    counts: Any = measures.confusion
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    names = [name if len(name) <= 20 else name[:19] + "…" for name in map(printable, measures.classes)]
    names = [name.replace("$", r"\$") for name in names]  # no mathematics
    side = max(3.2, 1.5 + 0.55 * len(names))
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    for row in range(len(names)):
        for column in range(len(names)):
            colour = "white" if shares[row, column] > 0.5 else "#333"
            axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_title(f"accuracy {measures.accuracy:.1%}", fontsize=11)
    path = run / "confusion.png"
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; the figures above are complete") from error
    finally:
        plt.close(figure)
    return path
