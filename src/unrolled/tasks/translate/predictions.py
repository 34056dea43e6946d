"""``unrolled predict`` for the task ``translate``: translations and alignments."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...analysis.alignment import Alignment, alignment_text
from ...analysis.alignment_picture import alignments_picture
from ...analysis.picture import check_picture, picture_bytes
from ...data.bitext import SOURCE_NAMES
from ...data.input_table import TextLayout
from ...data.rows import Column
from ...errors import ArgumentError, UnrolledWarning
from ...results import Input, Part, Picture, Prediction, is_blank
from ..common.prediction import readable
from ..common.search_options import SearchOptions
from ..common.sentences import as_cells, as_value
from ..common.table_inputs import Note, TableInputs
from .decoding import Translated

if TYPE_CHECKING:
    from .trained import TrainedTranslator

PICTURED = 12  # sentences in one picture
WIDTH, NARROWEST = 100, 16  # columns of an alignment: without a terminal; at least


@dataclass(frozen=True, kw_only=True)
class Predict(SearchOptions, TableInputs):
    """The texts to translate, the options of the search, and the output."""

    form: Literal["auto", "lines", "csv", "tsv", "jsonl"] = "auto"
    """format of the file (default: from its name)"""
    source_column: str | None = None
    """name, key or number of the source column in a table (default: as in training)"""
    scores: bool = False
    """show the score of each translation, as --n-best does"""
    unknown: Literal["read", "skip"] = "read"
    """words outside the vocabulary: read as the unknown token, or skip"""

    n_best: int | None = None
    """translations per sentence, best first, with their scores"""
    show_alignment: bool = False
    """show the attention of each target token to the source"""
    picture: str | None = None
    """draw the alignments of the first 12 sentences to this file: .png, .svg or .pdf"""

    def check(self, model: Any) -> None:
        super().check(model)
        for name in ("show_alignment", "picture"):
            if getattr(self, name) and model.attention is None:
                raise ArgumentError(name, "omitted for a translator without attention", getattr(self, name))
        if self.picture is not None:
            check_picture(Path(self.picture))


def inputs(model: TrainedTranslator, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
    """See `Trained.inputs`."""
    own = model.config.data
    alike = own.target is None and Path(own.data).suffix == Path(options.file or "").suffix
    layout = TextLayout(
        column=Column("source", "--source-column", own.source_column, SOURCE_NAMES),
        form=own.form if alike else "auto",
        header=own.header,
        delimiter=own.delimiter,
        encoding=own.encoding,
        errors=own.errors,
        first=True,
    )
    return options.read(words, layout, note, options.source_column)


def predictions(
    model: TrainedTranslator, inputs: Iterable[Sequence[Input]], options: Predict
) -> Iterator[Prediction | Part]:
    """See `Trained.predictions`; line n of the output translates line n of a file, also where it is blank."""
    options.check(model.model)
    search = options.given()
    scored = options.scores or model.config.decoding.changed(**search).n_best > 1 or options.n_best is not None
    what = "summary" if model.config.data.summary else "translation"  # the column of a table
    shown: list[Alignment] = []
    warned = False
    for batch in inputs:
        texts, failed = readable(batch, Input.text)
        given = [text for text in texts if not is_blank(text)]
        read = [model.reader.known(text) for text in given] if options.unknown == "skip" else given
        answers = iter(model.translate(read, **search))
        for text in texts:
            if is_blank(text):
                yield Prediction("", more={"translations": []})
                continue
            translations = next(answers)
            if what == "translation" and not warned and model.reads_like_target(text):
                warned = True
                warnings.warn(f"{text[:60]!r} looks like the target language", UnrolledWarning, stacklevel=2)
            found = model.reader.unknown_in(text)
            yield replace(_prediction(text, translations, scored, options.show_alignment, what), unknown=found)
            if options.picture is not None and len(shown) < PICTURED:
                shown.append(_alignment(translations[0]))
        if failed is not None:
            raise failed
    if options.picture is not None and shown:
        path = Path(options.picture)
        yield Picture(
            "alignments", lambda: picture_bytes(lambda to: alignments_picture(to, shown), path.suffix), path=path
        )


def _prediction(text: str, translations: list[Translated], scored: bool, aligned: bool, what: str) -> Prediction:
    lines: list[str] = []
    values: list[dict[str, Any]] = []
    for translated in translations:
        lines.append((f"{translated.score:z8.3f}\t" if scored else "") + translated.text)
        values.append(as_value(translated))
        if aligned:
            alignment = _alignment(translated)
            lines.append(alignment_text(translated.source, translated.target, alignment.weights, _width()) + "\n")
            weights = alignment.weights.tolist()
            values[-1] |= {"source": translated.source, "target": translated.target, "weights": weights}
    best = translations[0].text
    more = {"answer": best, "translations": values}
    return Prediction(text, best, lines=tuple(lines), more=more, cells=as_cells(what, translations))


def _alignment(translated: Translated) -> Alignment:
    assert translated.weights is not None
    return Alignment(translated.source, translated.target, translated.weights)


def _width() -> int:
    """Return the columns of an alignment: those of the terminal, if the output is one."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return max(width, NARROWEST)
