"""An expression of the page's user: its matches, and never more than its time."""

from __future__ import annotations

import re
import time

import pytest

from unrolled.errors import ArgumentError
from unrolled.inspector import own, regex
from unrolled.inspector.labels import Text


def test_the_matches_are_those_of_re():
    text = "x = 12\ny3 = '\ud800é'  # 7\n" * 3
    found = regex.matches(r"^\w+|#.*$", text)
    inside = {at for m in re.finditer(r"^\w+|#.*$", text, re.MULTILINE) for at in range(*m.span())}
    assert found.tolist() == [at in inside for at in range(len(text))]
    assert own(r"a digit=\d", limited=True).label(Text(text)).tolist() == [c.isdigit() for c in text]


def test_a_catastrophic_expression_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regex, "SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(ArgumentError, match=r"expression must be matched within 0\.3 seconds, got '\(a\+\)\+\$'"):
        regex.matches("(a+)+$", "a" * 40 + "b")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("expression", "expected"), [("(", "that compiles"), ("", "from 1 to 200"), ("a" * 201, "from 1 to 200")]
)
def test_what_is_no_expression_is_one_line(expression, expected):
    with pytest.raises(ArgumentError, match=expected) as caught:
        regex.matches(expression, "a text")
    assert "\n" not in str(caught.value)
