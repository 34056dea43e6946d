"""The embedding and the head of word models: dropout, the projection before tied weights, initial weights."""

import dataclasses

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig, Windows
from unrolled.tasks.lm.embedding import WordEmbedding
from unrolled.tasks.lm.model import LanguageModel
from unrolled.training.config import update


def pieces(**windows):
    return Recurrent(hidden_size=4, dropout=0.0), Windows(**windows)


def test_tied_weights_of_another_width_have_a_projection():
    model = LanguageModel(6, *pieces(tied=True, embedding_size=3)).eval()
    ids = torch.randint(6, (5, 2))
    hidden, _ = model.stack(model.embedding(ids))
    expected = hidden @ model.projection.weight.T @ model.embedding.weight.T + model.head.bias
    torch.testing.assert_close(model(ids)[0], expected)
    torch.testing.assert_close(hidden @ model.head_weight.T + model.head.bias, expected)  # as when frozen


def test_the_loss_is_cross_entropy_with_and_without_stored_logits(monkeypatch):
    model = LanguageModel(6, *pieces(tied=True, embedding_size=3))
    ids, targets = torch.randint(6, (2, 5, 2))
    expected = torch.nn.functional.cross_entropy(model(ids)[0].flatten(0, 1), targets.flatten())
    for size in (6, 7):
        monkeypatch.setattr("unrolled.tasks.lm.model.FUSED_FROM", size)
        torch.testing.assert_close(model.loss(ids, targets, None, None)[0], expected)


def test_initial_weights_in_a_range():
    model = LanguageModel(6, *pieces(embedding_size=3, init_range=0.01))
    for name, parameter in model.named_parameters():
        assert 0 < parameter.abs().max() <= 0.01, name
    with pytest.raises(ArgumentError, match="init_range must be omitted with --layer-norm"):
        update(LanguageModelConfig(), init_range=0.1, layer_norm=True)


def test_dropout_of_words_and_of_embedded_features():
    torch.manual_seed(0)
    ids = torch.arange(40).repeat(3, 1).T  # (40, 3): each word in three lanes
    x = WordEmbedding(40, 30, words=0.5)
    kept = (x(ids) / x.weight[ids]).detach()  # 0 or 1/(1 - p), equal for a word everywhere
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))
    assert set(kept.unique().tolist()) <= {0.0, 2.0}
    assert 8 <= (kept[:, 0, 0] == 0).sum() <= 32
    x = WordEmbedding(40, 30, features=0.5)
    kept = (x(ids) / x.weight[ids]).detach()
    assert torch.equal(kept, kept[:1].expand_as(kept))  # one mask for all steps
    assert 20 <= (kept[0] == 0).sum() <= 70
    assert torch.equal(x.eval()(ids), x.weight[ids])
    with pytest.raises(ArgumentError, match=r"word_dropout must be omitted with one-hot tokens, got 0\.1"):
        LanguageModel(6, *pieces(word_dropout=0.1))


def test_dropout_before_the_output_layer_has_its_own_rate():
    recurrent, windows = pieces(output_dropout=0.0)
    model = LanguageModel(6, dataclasses.replace(recurrent, dropout=0.9, num_layers=1), windows)
    ids = torch.zeros(20, 3, dtype=torch.long)
    assert torch.equal(model(ids)[0], model.eval()(ids)[0])


def test_the_first_layer_reads_small_tied_embeddings_at_full_size():
    inputs = {}
    for tied in (True, False):
        torch.manual_seed(0)
        model = LanguageModel(300, *pieces(tied=tied, embedding_size=100))
        inputs[tied] = (model.embedding.weight @ next(model.stack.cells).weight_ih.T).std().item()
    assert inputs[True] == pytest.approx(inputs[False], rel=0.1)
