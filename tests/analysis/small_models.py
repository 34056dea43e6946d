"""Small language models for the tests of analysis."""

import torch

from unrolled.data import CharVocabulary
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import Windows
from unrolled.tasks.lm.model import LanguageModel
from unrolled.tasks.lm.trained import TrainedLanguageModel

SYMBOLS = "\n abcdefgh"


def handle(cell="lstm", hidden_size=7, num_layers=2, seed=0, double=False, embedding_size=None, **options):
    """An untrained model with larger weights than it would begin with, so that its predictions differ."""
    torch.manual_seed(seed)
    recurrent = Recurrent(cell=cell, hidden_size=hidden_size, num_layers=num_layers, dropout=0.0, **options)
    model = LanguageModel(len(SYMBOLS), recurrent, Windows(embedding_size=embedding_size))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn_like(p))
    return TrainedLanguageModel(model.double() if double else model, CharVocabulary(SYMBOLS))


def some_text(length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return "".join(SYMBOLS[i] for i in torch.randint(len(SYMBOLS), (length,), generator=generator))
