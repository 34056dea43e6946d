"""From texts to symbols and back to where they stood."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.classify.text_input import Embedding, TextOptions, Tokenizer, initial_vectors

TEXTS = ["The cat's asleep.", "the DOG isn't — naïve 😀"]
KINDS = ["word", "char", "byte", "bpe"]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(st.text(max_size=60))
def test_pieces_joined_are_the_text_and_number_the_symbols(kind, text):
    text = text.encode(errors="ignore").decode()
    reader = READERS[kind]
    pieces = reader.pieces(text)
    assert "".join(piece for piece, _ in pieces) == text
    numbers = [number for _, number in pieces if number is not None]
    assert numbers == list(range(len(numbers)))
    assert len(reader.encode(text)) == max(1, len(numbers))


READERS = {
    kind: Tokenizer.build(TEXTS, TextOptions(vocabulary=kind, **({"vocab_size": 300} if kind == "bpe" else {})))
    for kind in KINDS
}


def test_words_are_lowered_and_rare_ones_unknown():
    reader = Tokenizer.build(TEXTS, TextOptions())
    assert reader.encode("THE cat")[0] == reader.encode("the")[0] != 0
    assert reader.encode("giraffe").tolist() == [0]
    assert reader.encode("  ").tolist() == [0]
    kept = Tokenizer.build(["a a b"], TextOptions(min_count=2))
    assert kept.encode("a b").tolist() == [1, 0]
    assert Tokenizer.build(["Up"], TextOptions(lowercase=False)).encode("up").tolist() == [0]


def test_a_character_never_seen_is_read_as_unknown():
    reader = READERS["char"]
    assert reader.encode("€").tolist() == [reader.vocabulary.unknown]


def test_embeddings_start_from_the_file_and_may_stay(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("the 1 2\ncat 3 4\n")
    options = TextOptions(embeddings=str(path), freeze_embeddings=True)
    reader = Tokenizer.build(TEXTS, options)
    vectors, told = initial_vectors(reader, TEXTS, options, 0)
    assert "vectors of width 2 for 2 of the" in told
    table = Embedding(len(reader.vocabulary), options, vectors).eval()
    ids = torch.from_numpy(reader.encode("the cat").astype(np.int64))[:, None]
    assert table(ids)[:, 0].tolist() == [[1, 2], [3, 4]]
    assert not any(p.requires_grad for p in table.parameters())
    with pytest.raises(ArgumentError, match="omitted, or 2 as in the file"):
        initial_vectors(reader, TEXTS, TextOptions(embeddings=str(path), embedding_size=3), 0)
    path.write_text("the 1 2\ncat 3\n")
    with pytest.raises(DataError, match="line 2 has 1 numbers instead of 2"):
        initial_vectors(reader, TEXTS, options, 0)
    with pytest.raises(ArgumentError, match="did you mean 'learned'"):
        initial_vectors(reader, TEXTS, TextOptions(embeddings="learnt"), 0)


def test_one_hot_symbols_and_their_vectors():
    table = Embedding(5, TextOptions(embeddings="one-hot"))
    ids = torch.tensor([[1], [4]])
    assert table(ids) is ids
    assert table.vectors(ids).tolist() == [[[0, 1, 0, 0, 0]], [[0, 0, 0, 0, 1]]]


def test_word_dropout_reads_as_unknown_while_training():
    torch.manual_seed(0)
    table = Embedding(5, TextOptions(word_dropout=0.5, embedding_dropout=0.0))
    ids = torch.full((1000, 1), 3)
    found = table(ids)
    unknown = (found == table.table.weight[0]).all(-1).float().mean()
    assert 0.45 < unknown < 0.55
    assert (table.eval()(ids) == table.table.weight[3]).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"vocabulary": "char", "embeddings": "word2vec"}, "learned or one-hot unless vocabulary is word"),
        ({"freeze_embeddings": True}, "omitted with --embeddings learned"),
        ({"embeddings": "one-hot", "embedding_size": 7}, "omitted with --embeddings one-hot"),
        ({"word2vec": "cbow"}, "omitted with --embeddings learned"),
        ({"vocab_size": 300}, "omitted with --vocabulary word"),
        ({"vocabulary": "byte", "min_count": 2}, "omitted with --vocabulary byte"),
        ({"word_dropout": 1.5}, "word_dropout"),
        ({"max_length": 0}, "max_length"),
    ],
)
def test_options_that_contradict(options, expected):
    with pytest.raises(ArgumentError, match=expected):
        TextOptions(**options)
