"""Vocabularies: round trips for any text, storage as plain data, hostile data, prompts."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import (
    BPEVocabulary,
    ByteVocabulary,
    CharVocabulary,
    StreamingDecoder,
    build_vocabulary,
    vocabulary_from_json,
)
from unrolled.data.words import tokens
from unrolled.errors import ArgumentError, DataError

SOME = "def f(x):\r\n    return x  # naïve 😀 '1'\n\n\tthe cat's the\n"
BPE = build_vocabulary("bpe", [SOME * 20], vocab_size=285)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.sampled_from("ab_1 .,'\t\r\n\x1c\x85\u00a0é😀字")),
)


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
@given(text=texts)
@settings(max_examples=60, deadline=None)
def test_what_is_encoded_is_decoded_again(kind, text):
    vocabulary = BPE if kind == "bpe" else build_vocabulary(kind, [text or "x"])
    ids = vocabulary.encode(text)
    assert ids.dtype == vocabulary.dtype
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode(ids.tolist()) == text
    assert text == "" or int(ids.max()) < len(vocabulary)
    decoder = StreamingDecoder(vocabulary)
    assert "".join(decoder.feed(id) for id in ids) + decoder.flush() == text
    each = StreamingDecoder(vocabulary)
    assert each.feed_each(ids[:3]) + each.feed_each(ids[3:]) == [decoder.feed(id) for id in ids]


@given(text=texts)
def test_tokens_join_to_the_text(text):
    assert "".join(tokens(text)) == text


def test_how_words_are_cut():
    assert tokens("def f(x):\r\n    return  x\n\n\tthe <unk>") == [
        "def", " f", "(", "x", "):", "\r\n", "   ", " return", " ", " x", "\n", "\n", "\t", "the", " <", "unk", ">",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_plain_data_makes_the_same_vocabulary(kind):
    vocabulary = build_vocabulary(kind, [SOME], vocab_size=280)
    again = vocabulary_from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert (type(again), len(again), again.unknown) == (type(vocabulary), len(vocabulary), vocabulary.unknown)
    assert again.encode(SOME).tolist() == vocabulary.encode(SOME).tolist()
    assert again.to_json() == vocabulary.to_json()


def test_characters_are_numbered_by_code_point():
    assert CharVocabulary("hello").encode("hello").tolist() == [1, 0, 2, 2, 3]


@pytest.mark.parametrize(("size", "dtype"), [(256, np.uint8), (257, np.uint16), (65536, np.uint16), (65537, np.uint32)])
def test_ids_take_the_smallest_type(size, dtype):
    codes = [code for code in range(size + 2048) if not 0xD800 <= code < 0xE000][:size]
    vocabulary = CharVocabulary("".join(map(chr, codes)))
    assert vocabulary.encode("a").dtype == dtype
    last = chr(codes[-1])
    assert vocabulary.decode(vocabulary.encode(last)) == last


def test_rare_characters_become_unknown():
    vocabulary = build_vocabulary("char", ["aaa", "bb", "c"], min_count=2)
    assert vocabulary.symbols == "ab\ufffd"
    assert vocabulary.encode("abcd😀").tolist() == [0, 1, 2, 2, 2]
    vocabulary.check_prompt("anything: é")


def test_rare_words_become_unknown_and_frequent_ones_come_first():
    vocabulary = build_vocabulary("word", ["the cat", "the dog", " the dog"], min_count=2)
    assert vocabulary.words == ["<unk>", " dog", "the"]
    assert vocabulary.decode(vocabulary.encode("the mouse dog")) == "the<unk> dog"


def test_byte_pairs_are_deterministic_and_shorter_than_bytes():
    again = build_vocabulary("bpe", [SOME * 20], vocab_size=285)
    assert again.to_json() == BPE.to_json()
    assert len(BPE) == 285
    assert len(BPE.encode(SOME)) < 0.8 * len(SOME.encode())


def test_a_character_that_comes_in_parts_is_held_back():
    decoder = StreamingDecoder(ByteVocabulary())
    assert [decoder.feed(byte) for byte in "a😀".encode()] == ["a", "", "", "", "😀"]
    decoder.feed(0xF0)
    assert decoder.flush() == "\ufffd"
    ids = np.frombuffer(b"a\xf0\x9f\x98\x80b\xc3" + b"c\xff\xc3\xa9", np.uint8)
    assert decoder.feed_each(ids[:3]) == ["a", "", ""]
    assert decoder.feed_each(ids[3:]) == ["", "😀", "b", "", "\ufffdc", "\ufffd", "", "é"]
    assert ByteVocabulary().decode([0x61, 0xFF]) == "a\ufffd"


def test_text_outside_the_vocabulary_is_refused_by_name():
    vocabulary = CharVocabulary("helo")
    vocabulary.check_prompt("hello")
    with pytest.raises(ArgumentError, match=r"prompt .*'é' \(U\+00E9\), '😀' \(U\+1F600\)"):
        vocabulary.check_prompt("hellé😀é")
    with pytest.raises(DataError, match=r"'é' \(U\+00E9\), first at character 2;"):
        vocabulary.encode("heé")
    for other in (ByteVocabulary(), BPE):
        with pytest.raises(ArgumentError, match=r"U\+DC80"):
            other.check_prompt("a\udc80")
        with pytest.raises(DataError, match=r"U\+DC80"):
            other.encode("a\udc80")


def changed_bpe(change):
    data = json.loads(BPE.to_json()["tokenizer"])
    change(data)
    return {"kind": "bpe", "tokenizer": json.dumps(data)}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"kind": "pickle"},
        {"kind": ["char"]},
        {"kind": "char", "symbols": "ba", "unknown": False},
        {"kind": "char", "symbols": "aa", "unknown": False},
        {"kind": "char", "symbols": "", "unknown": False},
        {"kind": "char", "symbols": "ab", "unknown": True},
        {"kind": "char", "symbols": "ab"},
        {"kind": "char", "symbols": "a\ud800", "unknown": False},
        {"kind": "char", "symbols": ["a"], "unknown": False},
        {"kind": "word", "words": "ab"},
        {"kind": "word", "words": ["a", "a"]},
        {"kind": "word", "words": ["a", 1]},
        {"kind": "word", "words": ["<unk>"]},
        {"kind": "word", "words": ["a\ud800"]},
        {"kind": "bpe"},
        {"kind": "bpe", "tokenizer": "{}"},
        {"kind": "bpe", "tokenizer": "not json"},
        {"kind": "bpe", "tokenizer": "[" * 100_000},
        changed_bpe(lambda d: d.update(normalizer={"type": "Lowercase"})),
        changed_bpe(lambda d: d["model"].update(type="WordPiece")),
        changed_bpe(lambda d: d["model"]["vocab"].update(zz=9999)),
        changed_bpe(lambda d: d["model"]["vocab"].pop("a")),
        changed_bpe(lambda d: d["model"]["merges"].append(["q", "qqq"])),
        changed_bpe(lambda d: d["model"].update(merges=5)),
        changed_bpe(lambda d: d.pop("pre_tokenizer")),
    ],
)
def test_nonsense_from_a_model_file_is_refused(data):
    with pytest.raises(DataError):
        vocabulary_from_json(data)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("chars", {}, "vocabulary must be one of char, .*did you mean 'char'"),
        ("word", {"min_count": 0}, "min_count must be at least 1"),
        ("bpe", {"vocab_size": 100}, "vocab_size must be between 256"),
    ],
)
def test_wrong_options_are_refused(kind, options, message):
    with pytest.raises(ArgumentError, match=message):
        build_vocabulary(kind, ["text"], **options)


def test_bpe_from_a_string_checks_it():
    assert BPEVocabulary(BPE.tokenizer).to_json() == BPE.to_json()


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
@pytest.mark.parametrize("wrong", [[-1], [0, 10**6], np.array([0, -2])])
def test_symbols_that_there_are_not(kind, wrong):
    """−1 would be the last one in Python."""
    vocabulary = build_vocabulary(kind, ["the cat sat on the mat. " * 20], vocab_size=300)
    assert vocabulary.decode([]) == ""
    with pytest.raises(
        ArgumentError, match=rf"ids must be token ids from 0 to {len(vocabulary) - 1}, got (-1|1000000|-2)"
    ):
        vocabulary.decode(wrong)
