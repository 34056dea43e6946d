"""Queries about a text from the page: a language model reads it, or a classifier or tagger answers it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...analysis import capture
from ...analysis.tokenized import tokenize
from ...analysis.units import stack_of
from ...analysis.unrolled import unroll
from ...cells import Trace
from ...errors import ArgumentError
from ...results.pieces import number_of
from ...tasks.common.prediction import Predictor
from ...tasks.common.writer import Writer
from ..packing import in_base64, levels
from ..states import STATES
from ..traces import Plane
from . import requests

NEXT, TOP = 10, 5  # next tokens listed, for a typed text and for each step


@torch.no_grad()
def typed(model: Writer, text: str, plane: Plane, index: int, low: float, high: float) -> dict[str, Any]:
    """Return a unit's values over the text, the surprise per character in nats, the state and the next tokens.

    Characters outside the vocabulary are skipped.
    """
    outside = model.vocabulary.outside(text)
    kept = np.array([place for place, c in enumerate(text) if c not in outside], dtype=np.int64)
    skipped = [place for place, c in enumerate(text) if c in outside]
    whole, text = len(text), "".join(text[place] for place in kept) if skipped else text
    shown = text or model.opening()
    read = tokenize(model.vocabulary, shown)
    trace: dict[Plane, Tensor] = {}

    def take(name: str, begin: int, gates: Trace) -> None:
        trace.update({(name, gate): z for gate, z in gates.items()})

    with capture(stack_of(model.model), take, chunk=1 << 40):
        logits, _ = model.model(torch.from_numpy(read.ids)[:, None])
    log_p = F.log_softmax(logits[:, 0].double(), dim=-1)  # (T, V)
    last = {int(place): step for step, place in enumerate(read.places)}  # of each character that ends a token
    nats = -log_p[:-1].gather(1, torch.from_numpy(read.ids)[1:, None])[:, 0]
    surprise: list[float | None] = [None] * len(text)
    for step, place in enumerate(read.places[1:].tolist() if text else ()):
        surprise[place] = round((surprise[place] or 0.0) + float(nats[step]), 4)
    places = np.array(sorted(last))
    ends = places[np.minimum(np.searchsorted(places, np.arange(len(text))), len(places) - 1)]
    z = trace[plane][:, 0, index].float().numpy()
    values = np.full(whole, np.nan, dtype=np.float32)
    every: list[float | None] = [None] * whole
    if text:
        values[kept] = z[[last[int(end)] for end in ends]]
        for place, nat in zip(kept.tolist(), surprise, strict=True):
            every[place] = nat
    return {
        "next": _likeliest(model, log_p[-1], NEXT),
        "surprise": every,
        "skipped": skipped,
        "values": in_base64(levels(values, low, high)),
        "low": low,
        "high": high,
        "state": [
            {"recurrence": name, "gate": gate, "values": _rounded(z[-1, 0])}
            for (name, gate), z in trace.items()
            if gate in STATES
        ],
    }


def unrolled(model: Writer, request: requests.Unroll) -> dict[str, Any]:
    """Return every step of a short text: states, gradients and predictions.

    Raises:
        ArgumentError: the text has too many tokens.
    """
    count = len(model.vocabulary.encode(request.text)) if not model.vocabulary.outside(request.text) else 0
    if count > requests.UNROLLED:
        raise ArgumentError("text", f"at most {requests.UNROLLED} tokens", count, "give a shorter text")
    found = unroll(model, request.text, last_only=request.last_only, gates=request.gates)
    spelled = [model.vocabulary.decode([id]) for id in found.ids]
    norms = {layer.name: (layer.h.norm(dim=1).tolist(), layer.grad.norm(dim=1).tolist()) for layer in found.layers}
    steps = []
    for t, (id, log_p) in enumerate(zip(found.ids, found.log_p, strict=True)):
        guess = int(log_p.argmax())
        target = found.ids[t + 1] if t + 1 < len(found.ids) else None
        layers = []
        for layer in found.layers:
            fields: dict[str, Any] = {"recurrence": layer.name, "h": _rounded(layer.h[t])}
            fields["grad"] = _figures(layer.grad[t])
            if layer.c is not None:
                fields["c"] = _rounded(layer.c[t])
            if request.gates:
                fields["gates"] = {name: _rounded(z[t]) for name, z in layer.gates.items()}
            h_norm, grad_norm = norms[layer.name]
            layers.append({**fields, "h_norm": _figure(h_norm[t]), "grad_norm": _figure(grad_norm[t])})
        steps.append({
            "x": spelled[t], "x_id": id,
            "target": None if target is None else spelled[t + 1],
            "guess": model.vocabulary.decode([guess]), "p_guess": _p(log_p[guess]),
            "p_target": None if target is None else _p(log_p[target]),
            "loss": None if target is None else _figure(-float(log_p[target])),
            "right": None if target is None else guess == target,
            "top": _likeliest(model, log_p, TOP),
            "layers": layers,
        })  # fmt: skip
    return {"symbols": spelled, "steps": steps, "loss": found.loss}


def predicted(model: Predictor, text: str) -> dict[str, Any]:
    """Return a classifier's or tagger's answer for a text, with the most probable classes and the explanation."""
    [prediction] = model.predict([text], explain=True)
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])[:NEXT]
    return {
        "answer": prediction.answer,
        "other": "" if prediction.margin is None else prediction.margin.other,
        "scale": prediction.scale if prediction.scale is None else _figure(prediction.scale),
        "explanation": "" if prediction.margin is None else prediction.margin.plain(),
        "classes": [{"name": name, "p": _figure(float(p))} for name, p in ranked],
        "pieces": [
            {
                "text": piece.text,
                "label": piece.label,
                "number": number_of(piece.label, prediction.labels),
                "weight": _figure(float(piece.weight)),
                "probability": None if piece.probability is None else _figure(piece.probability),
                "unknown": bool(piece.unknown),
                "speaks_for": piece.speaks_for,
                "explanation": "" if piece.margin is None else piece.margin.plain(),
            }
            for piece in prediction.pieces
        ],
    }


def _likeliest(model: Writer, log_p: Tensor, count: int) -> list[dict[str, Any]]:
    best = log_p.topk(min(count, len(log_p)))
    return [
        {"symbol": model.vocabulary.decode([id]), "p": _p(value)}
        for id, value in zip(best.indices.tolist(), best.values, strict=True)
    ]  # fmt: skip


def _p(log_p: Tensor) -> float:
    return _figure(float(log_p.exp()))


def _rounded(values: Tensor) -> list[float]:
    """Round a state to three decimals."""
    rounded: list[float] = values.double().round(decimals=3).add(0.0).tolist()  # no negative zero
    return rounded


def _figures(values: Tensor) -> list[float]:
    return [_figure(value) for value in values.tolist()]


def _figure(value: float) -> float:
    """Round to four significant figures."""
    return float(f"{value:.4g}")
