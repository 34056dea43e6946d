"""One sentence about an invalid field of a request: its name, what was expected, what was received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EXPECTED = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "json_invalid": "must be JSON",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "finite_number": "must be a finite number",
}
_KINDS = (
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("string", "must be text"),
    ("bool", "must be true or false"),
    ("list", "must be a list"),
    ("model", "must be an object"),
    ("dict", "must be an object"),
)
_NO_VALUE = ("missing", "extra_forbidden", "json_invalid")
LONGEST = 60


def invalid_field(problem: Mapping[str, Any]) -> str:
    """Return the sentence for an error of pydantic's ``errors()``."""
    kind = problem["type"]
    place = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query"))
    by_kind = next((words for start, words in _KINDS if kind.startswith(start)), "must be valid")
    limits = {name: _grouped(value) for name, value in problem.get("ctx", {}).items()}
    expected = _EXPECTED.get(kind, by_kind).format_map(limits)
    if kind == "json_invalid" or not place:
        return f"the body: {expected}"
    return f"{place}: {expected}" + ("" if kind in _NO_VALUE else f", got {_received(kind, problem.get('input'))}")


def _received(kind: str, value: Any) -> str:
    if kind in ("string_too_long", "too_long", "string_too_short"):
        return f"{len(value):,}"
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _grouped(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
