"""Sentences as numbers and back, for each kind of symbol; unknown words; pieces that stand for each number."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.common.language import BEGIN, END, SPECIAL, Language
from unrolled.tasks.translate.units import Units

TEXTS = ["Ein Hund läuft.", "Ein Hund (alt) bellt, laut.", "Der Hund läuft und bellt."] * 2
KINDS = ("char", "word", "bpe", "byte")


def language(kind, texts=TEXTS, **options):
    if kind == "bpe":
        options.setdefault("vocab_size", 300)
    return Language.build(texts, kind, Units(**options), "source")


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    one = language(kind)
    assert Language.from_json(one.to_json()).to_json() == one.to_json()
    for text in TEXTS:
        ids = one.encode(f"  {text} ")
        assert ids.min() >= SPECIAL > max(BEGIN, END)
        assert ids.max() < len(one)
        assert one.decode(ids.tolist()) == text
        pieces = one.source_pieces(text, ids.tolist())
        assert len(pieces) == len(ids)
        if kind != "byte":
            assert "".join(pieces).strip() == text
    assert len(one.encode(" ")) == 1  # a sentence is never without a symbol


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_text(text):
    """Bytes and byte pairs write anything; every kind has one piece for each number, in small letters too."""
    for kind in KINDS:
        for lowercase in (False, True):
            one = LANGUAGES[kind, lowercase]
            ids = one.encode(text)
            if text.strip():
                if kind in ("bpe", "byte"):
                    assert one.decode(ids.tolist()) == (text.lower() if lowercase else text).strip()
                assert len(one.source_pieces(text, ids.tolist())) == len(ids)
                assert len(one.pieces(ids.tolist())) == len(ids)
            for most in (1, len(ids) - 1, len(ids), len(ids) + 1):
                assert one.longer(text, most) == (len(ids) > most) or most < 1


LANGUAGES = {(kind, lowercase): language(kind, lowercase=lowercase) for kind in KINDS for lowercase in (False, True)}


def test_a_short_sentence_is_not_cut_to_know_that_it_is_short(monkeypatch):
    one = language("bpe")
    assert one.longer("ein Hund", 2)
    monkeypatch.setattr(one, "encode", lambda text: pytest.fail("it was"))
    assert not one.longer("ein Hund", 9)


def test_the_first_word_is_the_same_symbol_as_elsewhere():
    one = language("word")
    assert one.encode("Hund")[0] == one.encode("Ein Hund")[1]


def test_small_letters():
    one = language("word", lowercase=True)
    assert one.decode(one.encode("EIN Hund LÄUFT.").tolist()) == "ein hund läuft."
    assert one.source_pieces("EIN Hund", one.encode("EIN Hund").tolist()) == [" EIN", " Hund"]
    turkish = one.encode("İstanbul läuft")  # whose first letter is two in lower case
    assert len(one.source_pieces("İstanbul läuft", turkish.tolist())) == len(turkish)


def test_unknown_words_and_letters():
    word = language("word")
    ids = word.encode("Ein Dackel bellt.").tolist()
    assert [id == word.unknown for id in ids] == [False, True, False, False]
    assert word.decode(ids) == "Ein<unk> bellt."
    assert word.decode(ids, ["x", " Dachs", "y", "z"]) == "Ein Dachs bellt."
    assert word.decode(ids[:1] + ids[2:], ["x", "y", "z"]) == "Ein bellt."
    char = language("char")
    ids = char.encode("Ein Hut?").tolist()
    assert [n for n, id in enumerate(ids) if id == char.unknown] == [7]
    assert char.decode(ids, list("12345678")) == "Ein Hut8"
    assert char.decode([char.unknown, *char.encode("H").tolist()], [" ", "x"]) == "H"
    assert char.decode([*char.encode("H").tolist(), char.unknown, *char.encode("H").tolist()], list("x y")) == "H H"
    assert language("byte").unknown is None
    assert char.source_pieces("Hut?", char.encode("Hut?").tolist()) == list("Hut?")


def test_rare_ones_are_unknown():
    texts = ["aa b dd", "aa c dd"]
    assert len(language("word", texts)) == SPECIAL + 3  # the unknown one, aa and dd
    assert len(language("word", texts, min_count=1)) == SPECIAL + 5
    assert len(language("char", texts)) == SPECIAL + 4  # with the space


@pytest.mark.parametrize("kind", ["word", "char"])
def test_nothing_to_learn_from(kind):
    message = "the source text has only 1 token seen 2 times or more: nothing can be learned from it"
    with pytest.raises(DataError, match=message):
        language(kind, ["a"] * 5)


@pytest.mark.parametrize("data", [None, [], {"vocabulary": 3}, {"vocabulary": {"kind": "char", "symbols": 4}}])
def test_nonsense_in_a_file(data):
    with pytest.raises(DataError):
        Language.from_json(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": "word", "vocab_size": 9}, "vocab_size must be omitted with --vocabulary word"),
        ({"vocabulary": "byte", "min_count": 1}, "min_count must be omitted with --vocabulary byte"),
        ({"max_symbols": 0}, "max_symbols must be"),
    ],
)
def test_options_of_no_use(options, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        Units(**options)
