"""The text for `unrolled inspect`: the one given, or the test part of the run's own data."""

from __future__ import annotations

from typing import Any

from ...data import open_corpus
from ...errors import DataError
from ...tasks.common.inspectable import OfLines
from ...tasks.common.writer import Writer


def text_of(model: Any, data: str, limit: int) -> tuple[str, list[int], str]:
    """Return the text, the positions where its documents begin, and its name for display.

    Args:
        data: the name of a text; if empty, the test part of the run's own data.
        limit: the most characters to read.

    Raises:
        DataError: there is no text.
        RunError: the run's own data cannot be read, or has changed.
    """
    if not data:
        return _held_out(model, limit)
    text, starts = beginning(model, data, limit)
    source = "the given text" if data.startswith("text:") else data
    return text, starts, source


def beginning(model: Any, data: str, limit: int) -> tuple[str, list[int]]:
    """Return the first ``limit`` characters of a text, and the positions where its documents begin.

    Raises:
        DataError: the text is empty.
    """
    corpus = model.corpus(data) if isinstance(model, Writer) else open_corpus(data, line_ends="unify")
    parts, starts, count = list[str](), list[int](), 0
    for text, document_starts in corpus.chunks():
        text = text[: limit - count]
        starts += [count + at for at in document_starts if at < len(text)]
        parts.append(text)
        count += len(text)
        if count >= limit:
            break
    if not count:
        raise DataError(f"{data} has no text; give another text with --data")
    return "".join(parts), starts


def _held_out(model: Any, limit: int) -> tuple[str, list[int], str]:
    if isinstance(model, OfLines):
        return _test_lines(model, limit)
    if not isinstance(model, Writer):
        raise DataError("this model has no text of its own; give a text with --data")
    name = model.config.data.data
    _, test = model.own_text("test")
    begins = sorted({0, *(int(start) for start in test.starts if start < limit)})  # the first document may be cut
    parts, starts, count = list[str](), list[int](), 0
    for begin, end in zip(begins, [*begins[1:], min(len(test), max(begins[-1], limit))], strict=True):
        text = model.vocabulary.decode(test.tokens[begin:end])[: limit - count]
        if text:
            starts.append(count)
            parts.append(text)
            count += len(text)
    if not count:
        raise DataError(f"{name} has no test part; give a text with --data")
    return "".join(parts), starts, f"{name} (test part)"


def _test_lines(model: Any, limit: int) -> tuple[str, list[int], str]:
    """Return the test part of a model that reads its texts separately, a line for each text."""
    lines = [" ".join(line.split()) for line in model.own_lines()]
    text = "".join(f"{line}\n" for line in lines if line)[:limit]
    name = model.config.data.data
    if not text:
        raise DataError(f"{name} has no test part; give a text with --data")
    return text, [0], f"{name} (test part)"
