"""The options of a language model that follow from the model and the text unless they are given.

H hidden_size, L num_layers, P parameters, C training characters, N training steps, S steps per epoch.

    batch_size    32, and fewer lanes for a short text: at least `WINDOWS` windows per lane
    bptt          64, and less for a text that is shorter than that
    dropout       0.3 · log10(10 · P/C), from 0 to 0.5: none below 0.1 parameters per character, 0.3 at 1
    lr            0.065 · c · (128/H)^0.6 · L^−0.55 · (1000/max(N, 1000))^⅓ · (B·T/2048)^0.2, c by cell (`CELL`)
    weight_decay  1 / (lr · M), M = min(N, 15 S) and at least 500: the decay forgets the weights over M steps, the whole
                  training or 15 epochs (Wang and Aitchison 2024)
    ema_decay     1 − 20/N, from 0.9 to 0.998: the average reaches back over a twentieth of the training

docs/defaults.md explains the rule and the measurements behind it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ...cells import CELLS
from ...training.config import update
from ...training.options import integer, number
from .config import LanguageModelConfig
from .model import new_model

LANES, WINDOW, WINDOWS = 32, 64, 16
EPOCHS, FEWEST = 15.0, 500  # epochs, at most, and steps, at least, over which the decay forgets the weights
LONGEST, SHARE = 500, 0.05  # steps of the average, and as a share of the training
RATE = 0.065  # of an LSTM with one layer of 128 units, 2,048 tokens per step and at most 1,000 steps
CELL = {"rnn": 0.32, "gru": 0.32, "lstm": 1.0, "mingru": 1.0, "minlstm": 5.0, "rglru": 0.3, "qrnn": 0.5}
OTHER = 0.003  # the learning rate for custom cells, and for other kinds of model and of optimizer


def with_sizes(config: LanguageModelConfig, tokens: int, characters: int, symbols: int) -> LanguageModelConfig:
    """Return ``config`` with batch size, window and dropout.

    Args:
        config: the options.
        tokens: tokens of training text.
        characters: characters of training text.
        symbols: size of the vocabulary.
    """
    bptt = config.windows.bptt or max(1, min(WINDOW, (tokens - 1) // 4))
    lanes = config.training.batch_size or max(1, min(LANES, (tokens - 1) // (WINDOWS * bptt)))
    dropout = config.model.dropout
    config = update(config, batch_size=lanes, bptt=bptt, dropout=dropout or 0.0)
    if dropout is None:
        share = parameters(config, symbols) / max(1, characters)
        config = update(config, dropout=round(min(0.5, max(0.0, 0.3 * math.log10(10 * share))), 2))
    return config


def parameters(config: LanguageModelConfig, symbols: int) -> int:
    """Return the number of parameters of the model, which is not built, except if its cell is a custom one."""
    with torch.device("meta" if config.model.cell in CELLS else "cpu"), torch.random.fork_rng(devices=[]):
        model: nn.Module = new_model(symbols, config)
    return sum(p.numel() for p in model.parameters())


def usual(config: LanguageModelConfig, steps: int, steps_per_epoch: float) -> dict[str, Any]:
    """Return learning rate, weight decay and decay of the average for a training of ``steps`` steps."""
    training = config.training
    lr = number(training.lr) if isinstance(training.lr, float) else peak(config, steps)
    memory = max(FEWEST, min(steps, EPOCHS * steps_per_epoch))
    decay = 1 / (lr * memory) if training.optimizer == "adamw" else 0.0
    reach = min(LONGEST, max(10.0, SHARE * steps))
    return {"lr": lr, "weight_decay": float(f"{decay:.2g}"), "ema_decay": round(1 - 1 / reach, 4)}


def peak(config: LanguageModelConfig, steps: int) -> float:
    """Return the learning rate."""
    model = config.model
    made_for = config.baseline.kind == "recurrent" and config.training.optimizer in ("adamw", "adam")
    if not made_for or model.cell not in CELL:
        return OTHER
    size = (128 / model.hidden_size) ** 0.6 / model.num_layers**0.55
    length = (1000 / max(1000, steps)) ** (1 / 3)
    tokens = integer(config.training.batch_size) * integer(config.windows.bptt)
    return float(f"{RATE * CELL[model.cell] * size * length * (tokens / 2048) ** 0.2:.2g}")
