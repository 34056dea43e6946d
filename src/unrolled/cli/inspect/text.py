"""The text that `unrolled inspect` looks at: the one that is named, or what a language model was not trained on."""

from __future__ import annotations

from typing import Any

from ...data import open_corpus
from ...errors import DataError
from ...tasks.common.writer import Writer


def text_of(model: Any, data: str, limit: int) -> tuple[str, list[int], str]:
    """The text, where its documents begin, and what to call it.

    Args:
        data: what is named; if nothing is, the test part of a language model's own text.
        limit: characters at most.

    Raises:
        DataError: there is none.
        RunError: the model's own text cannot be read, or has changed.
    """
    if not data:
        return _held_out(model, limit)
    text, starts = beginning(model, data, limit)
    source = "a text given" if data.startswith("text:") else data
    return text, starts, source


def beginning(model: Any, data: str, limit: int) -> tuple[str, list[int]]:
    """The first ``limit`` characters of a text, and where its documents begin.

    Raises:
        DataError: there are none.
    """
    corpus = model.corpus(data) if isinstance(model, Writer) else open_corpus(data, line_ends="unify")
    parts, starts, count = list[str](), list[int](), 0
    for text, begun in corpus.chunks():
        text = text[: limit - count]
        starts += [count + at for at in begun if at < len(text)]
        parts.append(text)
        count += len(text)
        if count >= limit:
            break
    if not count:
        raise DataError(f"{data} has no text in it; give a text with --data")
    return "".join(parts), starts


def _held_out(model: Any, limit: int) -> tuple[str, list[int], str]:
    if not isinstance(model, Writer):
        raise DataError("this model is no language model, so it has no text of its own to show; name one with --data")
    named = model.config.data.data
    _, test = model.own_text("test")
    begins = [int(start) for start in test.starts if start < limit] or [0]
    parts, starts, count = list[str](), list[int](), 0
    for begin, end in zip(begins, [*begins[1:], min(len(test), max(begins[-1], limit))], strict=True):
        text = model.vocabulary.decode(test.tokens[begin:end])[: limit - count]
        if text:
            starts.append(count)
            parts.append(text)
            count += len(text)
    if not count:
        raise DataError(f"no part of {named} was kept for testing; name a text with --data")
    return "".join(parts), starts, f"{named} (test part)"
