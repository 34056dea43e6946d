"""What the labels say, character by character."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from unrolled.errors import ArgumentError
from unrolled.inspector import built_in, label, own
from unrolled.inspector.labels import BUILT_IN, Text
from unrolled.inspector.source import language_of

PYTHON = '''import os
def f(a, b="x # y", c=[1, (2)]):
    """Doc (with brackets."""
    if (a and
            b[1:]) or c:  # why?
        return {'k': "it's"}
'''
C = """int main(void) {
  char *s = "a \\" b"; /* (a comment */
  if (s[0] == '(' && f(s)) { return 1; } // done
}
"""


def marked(text, name):
    """The characters for which a binary label is true, the others as dots."""
    true = BUILT_IN[name](Text(text))
    assert true.dtype == np.bool_
    return "".join(c if yes or c == "\n" else "." for c, yes in zip(text, true, strict=True))


def numbers(text, name):
    return BUILT_IN[name](Text(text)).tolist()


def test_the_language_is_told():
    assert [language_of(text) for text in (PYTHON, C, "It rained.\nAnd then (later) it did not.\n")] == [
        "python", "c", "prose",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ('He said "no", and "yes', "inside double quotes", '........"no......."yes'),
        ('An "open one\n\nA "new" one', "inside double quotes", '..."open one\n\n.."new.....'),
        ("“So” he said", "inside double quotes", "“So........."),
        ("a1,234.5 b6", "in a number", ".1,234.5..6"),
        ("see https://a.b/c?d=1 now", "in a URL", "....https://a.b/c?d=1...."),
        (r"\begin{document}a\begin{eq}b\end{eq}c\end{document}", "in a LaTeX environment", "." * 27 + "b" + "." * 23),
        ("Ab c", "capital", "A..."),
        ("Ab e1", "vowel", "A..e."),
        ("Ab e1", "digit", "....1"),
    ],
)
def test_binary_labels(text, name, expected):
    assert marked(text, name) == expected


def test_strings_comments_and_conditions_of_python():
    lines = marked(PYTHON, "inside a string or comment").splitlines()
    assert lines[1] == '..........."x # y...............'
    assert lines[2] == '...."""Doc (with brackets."".'
    assert lines[4].endswith("# why?")
    assert "'k" in lines[5]
    assert "\"it's" in lines[5]
    condition = marked(PYTHON, "inside the condition of an if").splitlines()
    assert condition[3] == "...... (a and"
    assert condition[4] == "            b[1:]) or c" + "." * 9
    assert marked(PYTHON, "inside double quotes").splitlines()[5].strip(".") == "\"it's"


def test_strings_comments_and_conditions_of_c():
    lines = marked(C, "inside a string or comment").splitlines()
    assert lines[1].strip(".") == '"a \\" b.../* (a comment *'
    assert lines[2].endswith("// done")
    assert marked(C, "inside the condition of an if").splitlines()[2].strip(".") == "s[0] == '(' && f(s)"


def test_depths():
    assert numbers("a(b(c))d)e", "parenthesis depth") == [0, 1, 1, 2, 2, 1, 0, 0, 0, 0]
    assert numbers("((a\n\nb(", "parenthesis depth") == [1, 2, 2, 0, 0, 0, 1]
    assert max(numbers(PYTHON, "parenthesis depth")) == 2  # what stands in strings does not count
    assert numbers("{a[b]}", "brace depth") == [1, 1, 1, 1, 1, 0]
    assert numbers("{a[b]}", "bracket depth") == [0, 0, 1, 1, 0, 0]


def test_positions():
    assert numbers("ab\nc\n\nd", "position in the line") == [1, 2, 0, 1, 0, 0, 1]
    assert numbers("ab\nc\n\nd", "characters left in the line") == [1, 0, 1, 0, 0, 1, 0]
    assert numbers("ab, c_1", "position in the word") == [1, 2, 0, 0, 1, 2, 3]
    assert numbers("a b\n  c d\n\n\te", "indentation") == [0, 0, 0, 0, 1, 2, 2, 2, 2, 0, 0, 1, 1]


def test_left_out_and_own(monkeypatch):
    text = "The cat sat. " * 30
    module = type(sys)("my_labels")
    module.upper = lambda text: [c.isupper() for c in text]
    module.place = lambda text: np.arange(len(text)) % 13
    module.short = lambda text: [1.0]
    module.wild = lambda text: np.full(len(text), np.nan)
    module.thing = 3
    monkeypatch.setitem(sys.modules, "my_labels", module)
    labels = label(text, [*built_in(), own("cat= [cC]at"), own("my_labels:upper"), own("my_labels:place")])
    assert labels.left_out["in a URL"] == "never true in this text"
    assert labels.left_out["brace depth"] == "constant over this text"
    assert labels.names[-3:] == ["cat", "my_labels:upper", "my_labels:place"]
    assert labels.binary[-3:].tolist() == [True, True, False]
    assert labels.values[-3].sum() == 30 * 4
    np.testing.assert_array_equal(labels.values[-2], labels.values[labels.names.index("capital")])
    for said, message in [
        ("cat", "hypothesis must be NAME=REGEX or module:function, got 'cat'"),
        ("=cat", "a name before the ="),
        ("cat=(", "NAME=REGEX that compiles"),
        ("nowhere_at_all:f", "a function that can be imported"),
        ("my_labels:missing", "a function that can be imported"),
        ("my_labels:thing", "must be a function"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            own(said)
    for place in ("my_labels:short", "my_labels:wild"):
        with pytest.raises(ArgumentError, match="for each of the 390 characters"):
            label(text, [own(place)])
    with pytest.raises(ArgumentError, match="a name that no other hypothesis has"):
        label(text, [*built_in(), own("digit=[0-9]")])


def test_hypotheses_about_code_say_that_prose_is_none():
    left_out = label("It rained in Rome, and the cat saw one more rat.\n" * 5, built_in()).left_out
    for name in ("inside a string or comment", "inside the condition of an if"):
        assert left_out[name] == "this text was not recognised as Python or C-like code"
    assert left_out["digit"] == "never true in this text"
