"""``unrolled predict`` for the task ``tag``: texts, or sentences that are split into words already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...data.columns import Sentence
from ...data.conll_inputs import SUFFIXES, read_words
from ...errors import ArgumentError
from ...results import Input, Prediction, chunked
from ..common.explained_texts import ExplainedTexts
from ..common.explained_texts import predictions as of_texts
from ..common.table_inputs import Note
from ..common.text_inputs import TextInputs
from .marking import marked

if TYPE_CHECKING:
    from .trained import TrainedTagger


@dataclass(frozen=True, kw_only=True)
class Predict(ExplainedTexts):
    """The texts to tag."""

    file: str | None = None
    """file with one text, or one word (.conll), per line; -: standard input"""
    form: Literal["auto", "lines", "conll"] = "auto"
    """format of the file (default: from its name)"""
    token_column: int | None = None
    """column of the words of a .conll file (default: as in training)"""


def inputs(model: TrainedTagger, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
    """See `Trained.inputs`; the content of a sentence that is split into words is its words and tags."""
    path = Path(options.file or "").expanduser()
    by_word = options.form == "conll" or (options.form == "auto" and path.suffix.lower() in SUFFIXES)
    if words or options.file in (None, "-") or not by_word:
        if options.token_column is not None:
            expected = "omitted without a --file with a word per line"
            raise ArgumentError("token_column", expected, options.token_column, "add --form conll")
        return options.inputs(words)
    columns = model.config.data.source().columns
    changes = {
        "token_column": options.token_column,
        "encoding": None if options.encoding == TextInputs.encoding else options.encoding,
        "errors": None if options.errors == TextInputs.errors else options.errors,
    }
    columns = replace(columns, **{name: value for name, value in changes.items() if value is not None})
    sentences, how = read_words(path, columns)
    note(f"{options.file}: {len(sentences):,} sentences; {how}")
    return chunked(Input({"words": sentence.words, "tags": sentence.tags}) for sentence in sentences)


def predictions(
    model: TrainedTagger, inputs: Iterable[Sequence[Input]], options: ExplainedTexts
) -> Iterator[Prediction]:
    """See `Trained.predictions`."""
    for chunk in inputs:
        sentences = [Sentence(**source.content) for source in chunk if isinstance(source.content, dict)]
        if sentences:
            yield from marked(model, sentences, options.explain)
        else:
            yield from of_texts(model, [chunk], options)
