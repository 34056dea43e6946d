"""A 2×512 LSTM over 96 symbols writes, temperature 0.8, one stream: ours frozen, and loops that people write."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ...decoding import Sampling
from ...decoding.frozen import draws
from ...tasks.common.recurrent import Recurrent
from ...tasks.lm.config import Windows
from ...tasks.lm.model import LanguageModel
from . import peers
from .measure import Work

SYMBOLS, HIDDEN, LAYERS, TEMPERATURE = 96, 512, 2, 0.8
LENGTH = 100  # symbols of one call


def writing(precision: Any, others: tuple[str, ...]) -> tuple[Callable[[], dict[str, Work]], float]:
    """The works, each `LENGTH` symbols long, and the bytes of weights that they must read."""

    def make() -> dict[str, Work]:
        makers: dict[str, Callable[[], Work]] = {"LSTMCell loop": cell_loop, "onnxruntime": onnxruntime_loop}
        return {"unrolled": frozen(precision), **{name: makers[name]() for name in others}}

    return make, float(LENGTH * _model().freeze(precision).bytes_per_step)


def _model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(SYMBOLS, Recurrent(hidden_size=HIDDEN, num_layers=LAYERS), Windows()).eval()


def frozen(precision: Any) -> Work:
    """Our frozen copy."""
    model = _model()
    copy, state = model.freeze(precision), model.stack.initial_state(1)
    begin, how = torch.zeros(1, SYMBOLS), draws(Sampling(temperature=TEMPERATURE), 0, 1)
    return lambda: copy.run(begin, state, LENGTH, how)


def _choose(logits: torch.Tensor) -> int:
    return int(torch.multinomial(torch.softmax(logits / TEMPERATURE, -1), 1))


def cell_loop() -> Work:
    """The fastest plain loop in PyTorch: `nn.LSTMCell` after `nn.LSTMCell`."""
    cells = [nn.LSTMCell(HIDDEN if layer else SYMBOLS, HIDDEN) for layer in range(LAYERS)]
    head, eye = nn.Linear(HIDDEN, SYMBOLS), torch.eye(SYMBOLS)

    @torch.inference_mode()
    def work() -> None:
        state = [(torch.zeros(1, HIDDEN), torch.zeros(1, HIDDEN)) for _ in cells]
        x = torch.zeros(1, SYMBOLS)
        for _ in range(LENGTH):
            for layer, cell in enumerate(cells):
                x, _ = state[layer] = cell(x, state[layer])
            x = eye[_choose(head(x)[0])][None]

    return work


class _Step(nn.Module):
    """One step of the model, as people export it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(SYMBOLS, HIDDEN, LAYERS), nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, x: Any, h: Any, c: Any) -> Any:
        y, (h, c) = self.lstm(x, (h, c))
        return self.head(y[0]), h, c


def onnxruntime_loop() -> Work:
    """The same step exported and run by onnxruntime."""
    ort = importlib.import_module("onnxruntime")
    state = torch.zeros(LAYERS, 1, HIDDEN)
    file = io.BytesIO()
    example = (torch.zeros(1, 1, SYMBOLS), state, state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age; its successor needs one more package
        torch.onnx.export(_Step().eval(), example, file, input_names=["x", "h", "c"], dynamo=False)  # type: ignore[arg-type]
    session, eye = peers.onnxruntime_session(ort, file.getvalue()), torch.eye(SYMBOLS).numpy()

    def work() -> None:
        h = c = state.numpy()
        x = eye[:1, None]
        for _ in range(LENGTH):
            logits, h, c = session.run(None, {"x": x, "h": h, "c": c})
            x = eye[_choose(torch.from_numpy(logits[0]))][None, None]

    return work
