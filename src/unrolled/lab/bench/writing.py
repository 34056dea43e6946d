"""Text generation of a 2×512 LSTM with 96 tokens at temperature 0.8, one stream: our frozen model, common loops, and a
Transformer of as many parameters with its cache."""

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
from ...tasks.lm.transformer import Transformer
from . import peers
from .measure import Work

TOKENS, HIDDEN, LAYERS, TEMPERATURE = 96, 512, 2, 0.8
LENGTH = 100  # tokens per call
SIMILAR: dict[str, Any] = {"width": 264, "layers": 4, "heads": 4, "context": 256}  # parameters: the LSTM's + 0.3 %


def writing(precision: Any, others: tuple[str, ...]) -> tuple[Callable[[], dict[str, Work]], float]:
    """Return a maker of the functions, each of which generates `LENGTH` tokens, and the bytes of weights they read."""

    def make() -> dict[str, Work]:
        makers: dict[str, Callable[[], Work]] = {
            "LSTMCell loop": cell_loop,
            "onnxruntime": onnxruntime_loop,
            "onnxruntime int8": lambda: onnxruntime_loop(int8=True),
            "Transformer": transformer_loop,
        }
        return {"unrolled": frozen(precision), **{name: makers[name]() for name in others}}

    return make, float(LENGTH * _model().freeze(precision).bytes_per_step)


def _model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(TOKENS, Recurrent(hidden_size=HIDDEN, num_layers=LAYERS), Windows()).eval()


def frozen(precision: Any) -> Work:
    """Return generation with our frozen model."""
    model = _model()
    copy, state = model.freeze(precision), model.stack.initial_state(1)
    logits, sampling = torch.zeros(1, TOKENS), draws(Sampling(temperature=TEMPERATURE), 0, 1)
    return lambda: copy.run(logits, state, LENGTH, sampling)


def _choose(logits: torch.Tensor) -> int:
    return int(torch.multinomial(torch.softmax(logits / TEMPERATURE, -1), 1))


def cell_loop() -> Work:
    """Return the fastest plain PyTorch loop: stacked `nn.LSTMCell`."""
    cells = [nn.LSTMCell(HIDDEN if layer else TOKENS, HIDDEN) for layer in range(LAYERS)]
    head, eye = nn.Linear(HIDDEN, TOKENS), torch.eye(TOKENS)

    @torch.inference_mode()
    def work() -> None:
        state = [(torch.zeros(1, HIDDEN), torch.zeros(1, HIDDEN)) for _ in cells]
        x = torch.zeros(1, TOKENS)
        for _ in range(LENGTH):
            for layer, cell in enumerate(cells):
                x, _ = state[layer] = cell(x, state[layer])
            x = eye[_choose(head(x)[0])][None]

    return work


def transformer_loop() -> Work:
    """Return generation with `SIMILAR`, after as many tokens as its context has."""
    torch.manual_seed(0)
    model = Transformer(TOKENS, **SIMILAR).eval()

    @torch.inference_mode()
    def work() -> None:
        (logits, state), x = before, torch.zeros(1, 1, dtype=torch.int64)
        for _ in range(LENGTH):
            x[0, 0] = _choose(logits[-1, 0])
            logits, state = model(x, state)

    with torch.inference_mode():
        before = model(torch.randint(TOKENS, (SIMILAR["context"], 1)))
    return work


class _Step(nn.Module):
    """One step of the model, as usually exported."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(TOKENS, HIDDEN, LAYERS), nn.Linear(HIDDEN, TOKENS)

    def forward(self, x: Any, h: Any, c: Any) -> Any:
        y, (h, c) = self.lstm(x, (h, c))
        return self.head(y[0]), h, c


def onnxruntime_loop(int8: bool = False) -> Work:
    """Return a loop over the same step, exported and run by onnxruntime; ``int8``: after its dynamic quantization."""
    ort = importlib.import_module("onnxruntime")
    state = torch.zeros(LAYERS, 1, HIDDEN)
    file = io.BytesIO()
    example = (torch.zeros(1, 1, TOKENS), state, state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation of this exporter; its successor needs another package
        torch.onnx.export(_Step().eval(), example, file, input_names=["x", "h", "c"], dynamo=False)  # type: ignore[arg-type]
    model = file.getvalue()
    if int8:
        model = peers.quantized(importlib.import_module("onnx").load_from_string(model))
    session, eye = peers.onnxruntime_session(ort, model), torch.eye(TOKENS).numpy()

    def work() -> None:
        h = c = state.numpy()
        x = eye[:1, None]
        for _ in range(LENGTH):
            logits, h, c = session.run(None, {"x": x, "h": h, "c": c})
            x = eye[_choose(torch.from_numpy(logits[0]))][None, None]

    return work
