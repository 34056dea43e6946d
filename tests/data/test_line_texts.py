"""The texts of lines, and what is odd about them."""

import pytest

from unrolled.data.line_texts import TextNotes, order_notes, shape_notes


def test_texts_are_cleaned_and_changes_are_counted():
    notes = TextNotes()
    assert notes.clean("\ufeffa  b\n", "1.txt") == "a b"
    assert notes.clean("e\u0301\u200f x", "2.txt") == "\u00e9 x"
    assert notes.clean("one\ntwo", "3.txt") == "one two"
    assert notes.clean("می\u200cخواهم", "4.txt") == "می\u200cخواهم"  # a joiner can be seen
    assert notes.clean(" plain ", "5.txt") == "plain"
    said = "\n".join(notes.notes())
    for part in ("byte order mark: removed (1.txt)", "runs of spaces: replaced by single ones (1.txt)",
                 "without width, such as marks of direction: removed (2.txt)", "normal form NFC: converted (2.txt)",
                 "1 of 5 texts of several lines"):  # fmt: skip
        assert part in said
    assert len(notes.notes()) == 5


@pytest.mark.parametrize(("form", "text"), [("NFD", "e\u0301"), ("NFKC", "\u00e9"), ("none", "\u00e9")])
def test_normal_forms(form, text):
    assert TextNotes(form).clean("\u00e9", "") == text


@pytest.mark.parametrize(
    "text",
    ["שלום עולם", "(שלום) עולם ארץ", "مدرسة كبيرة", "\ufeb3\ufefc\ufee1", "हिन्दी की किताब", "Latin (text) only"],
)
def test_logical_order_is_not_warned_about(text):
    assert order_notes([text], ["a"]) == []


@pytest.mark.parametrize(
    "text",
    ["םולש ץרא", ")ילש( הלע", "ةريبك ةسردم", "\ufee1\ufefc\ufeb3", "िह की", "\ufeee\ufe91 \ufe8e\ufee7"],
)
def test_visual_order_is_warned_about(text):
    (note,) = order_notes([text, "abc"], ["a.txt", "b.txt"])
    assert note.startswith("1 of 2 texts that seem to be in visual order")
    assert "a.txt" in note


def test_a_few_odd_texts_among_many_are_not_visual_order():
    assert order_notes(["שלום עולם"] * 9 + ["םולש"], list("abcdefghij")) == []


def test_shapes():
    line, page, turned = "twenty characters at", "x" * 300, "turned by 90 degrees"
    notes, odd = shape_notes([line, page, turned, "I"], [8.0, 0.7, 0.1, 0.3], ["a", "b", "c", "d"])
    assert odd == 2
    assert "1 of 4 pictures higher than wide" in notes[0]
    assert "(c)" in notes[0]
    assert "pages or paragraphs?" in notes[1]
    assert "(b)" in notes[1]
