"""Adaptive softmax: the loss is that of the log-probabilities, which sum to one; where it cannot be used."""

import pytest
import torch
import torch.nn.functional as F

from unrolled.errors import ArgumentError
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm import adaptive
from unrolled.tasks.lm.config import LanguageModelConfig, Windows
from unrolled.tasks.lm.model import LanguageModel
from unrolled.training.config import update


def test_loss_and_log_probabilities_agree(monkeypatch):
    monkeypatch.setattr(adaptive, "SMALLEST", 20)
    torch.manual_seed(0)
    model = LanguageModel(50, Recurrent(hidden_size=32, dropout=0.0), Windows(softmax="adaptive", embedding_size=4))
    ids, targets = torch.randint(50, (2, 6, 3))
    logits, _ = model(ids)
    assert logits.shape == (6, 3, 50)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(6, 3))
    loss, _ = model.loss(ids, targets, None, None)
    torch.testing.assert_close(loss, F.cross_entropy(logits.flatten(0, 1), targets.flatten()))
    with torch.autocast("cpu", torch.bfloat16):
        assert model.loss(ids, targets, None, None)[0].dtype == torch.float32
    assert "adaptive softmax" in model.unfreezable()


def test_where_it_cannot_be_used():
    with pytest.raises(ArgumentError, match="softmax must be full with fewer than 4,096 tokens, got 'adaptive for 50'"):
        LanguageModel(50, Recurrent(), Windows(softmax="adaptive"))
    with pytest.raises(ArgumentError, match="tied must be off with --softmax adaptive"):
        Windows(softmax="adaptive", tied=True)
    with pytest.raises(ArgumentError, match="softmax must be full with --vocabulary char"):
        update(LanguageModelConfig(), softmax="adaptive")
