"""Name options as Python keywords in errors: ``text_column=`` instead of ``--text-column``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ArgumentError, UnknownOption, UnrolledError
from .config import FLAGS

_FLAG = re.compile(  # a flag and its value, which is not the next word of the sentence
    r"--(no-)?([a-z][a-z0-9-]*)"
    r"(?: ('[^']*'|\d+|[A-Z](?=\W|$)|[a-z]+-?\d+|(?:csv|tsv|jsonl|lines|tab)\b|(?!and\b|or\b)\w+(?= --|[;,)]|$)))?"
)

_OF_FLAGS = {flag: name for name, flag in FLAGS.items()}


def spelled(message: str, options: Mapping[str, Any]) -> str:
    """Return a message with the flags of these options (name → value) replaced by keywords.

    >>> spelled("use --form tsv --no-header, or --text-column", {"text_column": None, "header": True, "form": "auto"})
    "use form='tsv' header=False, or text_column="
    """

    def keyword(match: re.Match[str]) -> str:
        negated, name, value = match[1], match[2].replace("-", "_"), match[3] or ""
        name = _OF_FLAGS.get(name, name)
        if name not in options:
            return match[0]
        if negated or isinstance(options[name], bool):
            return f"{name}={not negated}" + (f" {value}" if value else "")
        plain = not value or value[0] == "'" or value.isdecimal() or value.isupper()
        return f"{name}={value if plain else repr(value)}"

    return _FLAG.sub(keyword, message)


@contextlib.contextmanager
def keyword_names(options: Mapping[str, Any]) -> Iterator[None]:
    """Within, an error that names the flag of one of these options (name → value) names its keyword."""
    try:
        yield
    except UnrolledError as error:
        if isinstance(error, ArgumentError) and not isinstance(error, UnknownOption):
            error.name = error.name.removeprefix("--").replace("-", "_")
            error.expected, error.remedy = spelled(error.expected, options), spelled(error.remedy, options)
            error.args = ArgumentError(error.name, error.expected, error.received, error.remedy).args
        else:
            error.args = tuple(spelled(text, options) if isinstance(text, str) else text for text in error.args)
        raise
