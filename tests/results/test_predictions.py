"""Predictions and reports as plain data."""

from unrolled.results import Margin, Pairs, Piece, Prediction, Report, Text, is_blank, silent


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


def test_an_explanation_has_a_scale_and_names_classes():
    margin = Margin("good", "bad", 4.0, 1.0)
    pieces = (
        Piece("fine", weight=1.0, speaks_for="good"),
        Piece(" "),
        Piece("zorb", "", -0.25, "bad", unknown=("zorb",)),
    )
    said = Prediction("fine zorb", "good", {"good": 0.98}, pieces, margin=margin, scale=2.0)
    found = said.as_json()
    assert [found[name] for name in ("for", "against", "margin", "baseline", "scale")] == ["good", "bad", 4.0, 1.0, 2.0]
    assert found["pieces"] == [
        {"begin": 0, "end": 4, "text": "fine", "weight": 1.0, "for": "good"},
        {"begin": 5, "end": 9, "text": "zorb", "weight": -0.25, "for": "bad", "unknown": ["zorb"]},
    ]
    assert said.marked() == "fine(+2.00) zorb(-0.50, unknown)"
    assert said.explanation() == "log-odds of good against bad +4.00 nats (+1.00 without the words)"


def test_an_entity_has_its_probability_and_margin():
    margin = Margin("person", "no entity", 5.0, -3.0, own=6.0)
    said = Prediction("Ada  Zorb", pieces=(Piece("Ada  Zorb", "person", 0.0, "", 0.97, margin, ("Zorb",)),))
    assert said.marked() == "[Ada  Zorb]person(97%, unknown: Zorb)"
    assert said.explanation() == (
        "Ada Zorb: log-odds of person against no entity +5.00 nats "
        "(-3.00 without the words, +6.00 itself, +2.00 the other words)"
    )
    [piece] = said.as_json()["pieces"]
    assert (piece["probability"], piece["own"], piece["unknown"]) == (0.97, 6.0, ["Zorb"])


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
