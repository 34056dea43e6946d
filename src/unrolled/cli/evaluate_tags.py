"""unrolled evaluate RUN for taggers: how many entities were found, of each type."""

from __future__ import annotations

from ..tasks.common.prediction import Part
from ..tasks.tag.trained import TrainedTagger
from .reading import show_how
from .terminal.reporters import emit
from .terminal.tables import show_pairs, show_table


def show_tagger(model: TrainedTagger, run: str, data: str | None, split: Part, *, as_json: bool) -> None:
    """Measure and print."""
    if data is not None:
        how: list[str] = []
        some = model.find(data, how)
        show_how(how, (" ".join(map("/".join, zip(one.words, one.tags, strict=True))) for one in some), as_json=as_json)
    found = model.evaluate_data(data, split)
    name = data or f"{model.config.data.data}, {split}"
    if as_json:
        emit("evaluated", run=run, text=name, **found)
        return
    rows = [("text", name), ("loss", f"{found['loss']:.4f} nats per word"), ("accuracy", f"{found['accuracy']:.4f}")]
    show_pairs(rows)
    if model.tags.plain:
        return
    print()
    every = {name: found[name] for name in ("precision", "recall", "f1")}
    total = sum(one["entities"] for one in found["types"].values())
    table = [
        (name, f"{one['entities']:,}", *(f"{one[figure]:.4f}" for figure in every))
        for name, one in [*found["types"].items(), ("all", {**every, "entities": total})]
    ]
    show_table(
        ("type", "entities", "precision", "recall", "F1"), table, right=("entities", "precision", "recall", "F1")
    )
