"""Predictions and reports as plain data."""

from unrolled.results import Pairs, Piece, Prediction, Report, Text, is_blank, silent


def test_pieces_say_where_they_stand():
    pieces = (Piece("Ada", "person"), Piece(" was "), Piece("great", weight=-0.5))
    said = Prediction("Ada was great", "good", {"good": 0.9}, pieces, more={"score": 1})
    assert said.as_json() == {
        "text": "Ada was great",
        "answer": "good",
        "probabilities": {"good": 0.9},
        "pieces": [
            {"begin": 0, "end": 3, "text": "Ada", "label": "person"},
            {"begin": 8, "end": 13, "text": "great", "weight": -0.5},
        ],
        "score": 1,
    }


def test_a_blank_text_has_every_key_and_nothing_in_it():
    assert is_blank(" \t\u2003\n")
    assert Prediction(" ").as_json() == {"text": " ", "answer": "", "probabilities": {}, "pieces": []}


def test_an_answer_in_parts_alone():
    assert Prediction("a.png", parts=(Text("x"),)).as_json() == {
        "text": "a.png",
        "parts": [{"kind": "text", "name": "", "text": "x"}],
    }


def test_a_report_as_text():
    assert Report({}, (Pairs([("a", "b")]), Text("c"))).plain() == "a  b\n\nc"
    assert Report({}).plain() == ""


def test_silent_progress():
    with silent(3, "texts") as done:
        assert done(2) is None
