"""``unrolled predict`` for the task ``translate``: sentences in the other language, and where each word was looked
for."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...analysis.alignment import Alignment, alignment_text
from ...analysis.alignment_picture import alignments_picture
from ...analysis.picture import check_picture, drawn
from ...errors import ArgumentError, UnrolledWarning
from ...results import Input, Part, Picture, Prediction, is_blank
from ..common.text_inputs import TextInputs, readable
from .searching import Searching
from .writing import Translated

if TYPE_CHECKING:
    from .trained import TrainedTranslator

PICTURED = 12  # in one picture
WIDTH, NARROWEST = 100, 16  # of an alignment where there is no terminal; anywhere


@dataclass(frozen=True, kw_only=True)
class Predict(Searching, TextInputs):
    """Which texts, how they are translated, and what is shown of it."""

    n_best: int | None = None
    """show so many translations of each sentence, best first, after the score of each: its log-probability (in nats)
    over the length penalty, plus the coverage penalty"""
    show_alignment: bool = False
    """show where each word of the translation was looked for"""
    picture: str | None = None
    """draw that into this file (.png, .svg or .pdf), for the first 12 sentences"""

    def check(self, model: Any) -> None:
        super().check(model)
        for name in ("show_alignment", "picture"):
            if getattr(self, name) and model.attention is None:
                raise ArgumentError(name, "left out for a translator without attention", getattr(self, name))
        if self.picture is not None:
            check_picture(Path(self.picture))


def predictions(
    model: TrainedTranslator, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`; line n of a file is answered by line n, be it empty: translations are read beside
    their sources."""
    options.check(model.model)
    asked = options.given()
    scored = model.config.decoding.changed(**asked).n_best > 1 or options.n_best is not None
    shown: list[Alignment] = []
    warned = False
    for some in inputs:
        texts, failed = readable(some)
        answers = iter(model.translate([text for text in texts if not is_blank(text)], **asked))
        for text in texts:
            if is_blank(text):
                yield Prediction("", more={"translations": []})
                continue
            found = next(answers)
            if not warned and model.reads_like_target(text):
                warned = True
                told = f"{text[:60]!r} reads like the language that is translated into"
                warnings.warn(told, UnrolledWarning, stacklevel=2)
            yield _prediction(text, found, scored, options.show_alignment)
            if options.picture is not None and len(shown) < PICTURED:
                shown.append(_alignment(found[0]))
        if failed is not None:
            raise failed
    if options.picture is not None and shown:
        path = Path(options.picture)
        yield Picture("alignments", lambda: drawn(lambda to: alignments_picture(to, shown), path.suffix), path=path)


def _prediction(text: str, found: list[Translated], scored: bool, aligned: bool) -> Prediction:
    lines: list[str] = []
    told: list[dict[str, Any]] = []
    for one in found:
        lines.append((f"{one.score:8.3f}\t" if scored else "") + one.text)
        told.append({"text": one.text, "score": one.score, "log_probability": one.log_probability})
        if aligned:
            weights = _alignment(one).weights
            lines.append(alignment_text(one.source, one.target, weights, _width()) + "\n")
            told[-1] |= {"source": one.source, "target": one.target, "weights": weights.tolist()}
    best = found[0].text
    return Prediction(text, best, lines=tuple(lines), more={"answer": best, "translations": told})


def _alignment(one: Translated) -> Alignment:
    assert one.weights is not None
    return Alignment(one.source, one.target, one.weights)


def _width() -> int:
    """Columns of an alignment: the terminal's, if it goes to one."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return max(width, NARROWEST)
