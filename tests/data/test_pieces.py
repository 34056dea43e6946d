"""Cutting text between tokens: nothing lost, the same tokens, whatever the chunks were."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import build_vocabulary
from unrolled.data.corpus import cut_documents
from unrolled.data.pieces import Chunk, cut_safely, last_cut, pieces
from unrolled.data.words import tokens

BPE = build_vocabulary("bpe", ["the cat's 12 ab\r\n  a" * 9], vocab_size=290)
texts = st.text(st.sampled_from("ab1_ .,'\t\r\n\x1c\u00a0é"), max_size=40)


@given(left=texts, right=texts)
@settings(deadline=None)
def test_a_cut_changes_no_token(left, right):
    text = left + right
    cut = last_cut(text)
    assert tokens(text[:cut]) + tokens(text[cut:]) == tokens(text)
    apart = [*BPE.encode(text[:cut]), *BPE.encode(text[cut:])]
    assert apart == list(BPE.encode(text))


def test_where_the_last_cut_is():
    assert last_cut("one two  \n three") == 7
    assert last_cut("one") == 0
    assert last_cut("  one") == 0
    assert last_cut("one\x1c \n") == 0


@given(text=texts, size=st.integers(1, 9))
def test_pieces_of_bounded_size(text, size):
    parts = list(cut_safely(text, size))
    assert "".join(parts) == text
    assert all(0 < len(part) <= size for part in parts)


@given(documents=st.lists(texts.filter(bool), min_size=1, max_size=5), size=st.integers(1, 9))
@settings(deadline=None)
def test_documents_begin_where_they_did_however_the_text_came(documents, size):
    text = "".join(documents)
    starts = [sum(map(len, documents[:i])) for i in range(len(documents))]
    chunks = [
        Chunk(text[at : at + size], tuple(s - at for s in starts if at <= s < at + size))
        for at in range(0, len(text), size)
    ]
    parts = list(pieces(chunks))
    whole = "".join(part.text for part in parts)
    begins = [sum(len(p.text) for p in parts[:i]) for i, part in enumerate(parts) if part.begins]
    assert (whole, begins) == (text, starts)
    encoded = [token for part in parts for token in tokens(part.text)]
    assert encoded == [token for document in documents for token in tokens(document)]


def expected_documents(text, separator):
    """The starts by the plain definition, on the whole text."""
    starts, at = [0], 0
    while (at := text.find(separator, at)) >= 0:
        at += len(separator)
        starts.append(at)
    return [start for start in starts if start < len(text)]


@given(
    text=st.text(st.sampled_from("ab"), min_size=1, max_size=30),
    separator=st.sampled_from(["a", "aa", "ab", "aba", "b" * 7]),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_separators_are_found_across_chunks(text, separator, cuts):
    edges = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    chunks = list(cut_documents([text[a:b] for a, b in pairwise(edges)], separator))
    assert "".join(chunk.text for chunk in chunks) == text
    found, position = [], 0
    for chunk in chunks:
        assert chunk.text
        found += [position + start for start in chunk.starts]
        position += len(chunk.text)
    assert found == expected_documents(text, separator)


def test_long_text_without_places_to_cut_is_cut_at_its_length():
    parts = [piece.text for piece in pieces([Chunk("x" * 10, (0,)), Chunk("x" * 10, ())], size=12)]
    assert parts == ["x" * 20]
    assert list(cut_safely("x" * 5, 2)) == ["xx", "xx", "x"]
