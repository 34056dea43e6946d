"""Language models in which a few cells are set by hand, and a text in which what they know can be told."""

from __future__ import annotations

import random

import torch

from unrolled.data import CharVocabulary
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel

QUOTE, POSITION, DEPTH = 3, 11, 6  # units
ON = 30.0  # a gate that is wholly open


def story(length: int = 9_000, seed: int = 0) -> str:
    """Lines of words with quotations over line ends, and parentheses in one another."""
    draw = random.Random(seed)
    words = "the cat sat on a mat and saw one more rat while it rained in Rome".split()
    parts: list[str] = []
    size = column = depth = 0
    inside = False
    while size < length:
        word = draw.choice(words)
        if draw.random() < 0.08:
            word, inside = word + '"' if inside else '"' + word, not inside
        if draw.random() < 0.12 and depth < 4:
            word, depth = "(" + word, depth + 1
        elif depth and draw.random() < 0.3:
            word, depth = word + ")", depth - 1
        word += "\n" if column > draw.randint(15, 70) else " "
        if word.endswith("\n") and draw.random() < 0.1:  # a paragraph ends, and with it all that is open
            word = word[:-1] + '"' * inside + ")" * depth + "\n\n"
            inside, depth = False, 0
        column = 0 if word.endswith("\n") else column + len(word)
        parts.append(word)
        size += len(word)
    return "".join(parts)


def untrained(seed: int, text: str, **recurrent) -> TrainedLanguageModel:
    """A language model for the text, as it is before training."""
    vocabulary = CharVocabulary("".join(set(text)))
    config = LanguageModelConfig(model=Recurrent(**{"hidden_size": 16, "num_layers": 1, **recurrent}))
    torch.manual_seed(seed)
    return TrainedLanguageModel(new_model(len(vocabulary), config), vocabulary, config)


@torch.no_grad()
def planted_lstm(text: str) -> TrainedLanguageModel:
    """An LSTM with a quote cell, a line-position cell and a depth counter among random units."""
    model = untrained(5, text)
    cell = next(model.model.stack.cells)
    H, symbols = cell.hidden_size, model.vocabulary.symbols
    for unit in (QUOTE, POSITION, DEPTH):
        for gate in range(4):
            for weight in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh):
                weight[gate * H + unit] = 0.0
        cell.bias_ih[3 * H + unit] = ON  # o: always open

    def gate(gate: str, unit: int, bias: float, **by_symbol: float) -> None:
        row = "ifgo".index(gate) * H + unit
        cell.bias_ih[row] = bias
        for name, weight in by_symbol.items():
            cell.weight_ih[row, symbols.index({"quote": '"', "end": "\n", "open": "(", "close": ")"}[name])] = weight

    gate("i", QUOTE, -ON, quote=2 * ON)  # at a quotation mark alone c becomes g …
    gate("f", QUOTE, ON, quote=-2 * ON)
    gate("g", QUOTE, 3.0)  # … which is 1 if h was −0.76 or 0, and −1 if it was 0.76
    cell.weight_hh[2 * H + QUOTE, QUOTE] = -10.0
    gate("i", POSITION, ON, end=-2 * ON)  # c grows by 0.01 a step, and is 0 at a line's end
    gate("f", POSITION, ON, end=-2 * ON)
    gate("g", POSITION, 0.01)
    gate("i", DEPTH, -ON, open=2 * ON, close=2 * ON)  # c grows by 1 at an opening bracket, and falls at a closing one
    gate("f", DEPTH, ON)
    gate("g", DEPTH, 0.0, open=ON, close=-ON)
    return model


@torch.no_grad()
def planted_rnn(text: str) -> TrainedLanguageModel:
    """A rectified vanilla RNN with a line-position cell and a depth counter."""
    model = untrained(6, text, cell="rnn", nonlinearity="relu")
    cell = next(model.model.stack.cells)
    symbols = model.vocabulary.symbols
    for unit in (POSITION, DEPTH):
        for weight in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh):
            weight[unit] = 0.0
        cell.weight_hh[unit, unit] = 1.0
    cell.bias_ih[POSITION] = 0.02
    cell.weight_ih[POSITION, symbols.index("\n")] = -1000.0
    cell.weight_ih[DEPTH, symbols.index("(")] = 1.0
    cell.weight_ih[DEPTH, symbols.index(")")] = -1.0
    return model
