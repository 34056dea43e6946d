"""Words read letter by letter: each as if it were alone, and as the equations say."""

import pytest
import torch
import torch.nn.functional as F

from unrolled.errors import ArgumentError
from unrolled.layers import CharacterReader

WORDS = [[3, 4, 5, 6, 2], [1], [2, 2], [6, 5, 4]]


def batch(words):
    lengths = torch.tensor([len(word) for word in words])
    letters = torch.zeros(int(lengths.max()), len(words), dtype=torch.long)
    for lane, word in enumerate(words):
        letters[: len(word), lane] = torch.tensor(word)
    return letters, lengths


@pytest.mark.parametrize("reader", ["recurrent", "convolution"])
def test_a_word_reads_the_same_alone_and_beside_longer_ones(reader):
    torch.manual_seed(0)
    model = CharacterReader(7, 6, embedding_size=5, reader=reader)
    together = model(*batch(WORDS))
    assert together.shape == (4, 6)
    for lane, word in enumerate(WORDS):
        torch.testing.assert_close(model(*batch([word]))[0], together[lane])
    assert (together[0] - together[3]).abs().max() > 0.01
    (together**2).sum().backward()
    assert not model.embedding.weight.grad[0].any()  # padding
    assert model.embedding.weight.grad[1:].abs().sum(1).min() > 0


def test_the_convolution_is_torchs():
    torch.manual_seed(0)
    model = CharacterReader(7, 4, embedding_size=5)
    weight = model.convolution.weight.view(4, 3, 5).transpose(1, 2)  # (U, E, width)
    for word in WORDS:
        x = model.embedding(torch.tensor(word)).T[None]  # (1, E, L)
        expected = F.conv1d(x, weight, model.convolution.bias, padding=1).tanh().amax(2)
        torch.testing.assert_close(model(*batch([word])), expected)


def test_the_recurrent_reader_ends_where_the_word_does():
    torch.manual_seed(0)
    model = CharacterReader(7, 6, embedding_size=5, reader="recurrent", cell="gru")
    torchs = torch.nn.GRU(5, 3, bidirectional=True)
    forward, backward = model.stack.cells
    for cell, suffix in ((forward, ""), (backward, "_reverse")):
        for name, p in cell.named_parameters():
            getattr(torchs, f"{name}_l0{suffix}").data = p.data
    for word in WORDS:
        _, h = torchs(model.embedding(torch.tensor(word)))  # (2, 3)
        torch.testing.assert_close(model(*batch([word]))[0], h.flatten())
    letters, lengths = batch([[5, 4, 3], [3, 4, 5]])
    a, b = model(letters, lengths)
    assert (a - b).abs().max() > 0.01  # the order of letters matters


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="output_size must be even: half of it for each direction, got 5"):
        CharacterReader(7, 5, reader="recurrent")
    with pytest.raises(ArgumentError, match="embedding_size"):
        CharacterReader(7, 5, embedding_size=0)
