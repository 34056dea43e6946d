"""Fit a bag of words: logistic regression with an L2 penalty, its strength selected by folds of the training texts.

minimise  C Σ_i −log softmax(W x_i + b)_{y_i} + ½‖W‖²       by L-BFGS, in float64
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...data.batches import pad
from ...data.counter import uniform
from ...data.vocabulary import Ids
from .bag import Bag, terms_of

# N texts, F terms, C classes

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)  # C, the inverse of the penalty
FOLDS = 3
_FOLD = 0xBA6  # random stream
TOGETHER = 64  # texts read together


def fit_bag(ids: Sequence[Ids], labels: Tensor, symbols: int, classes: int, weights: Tensor | None = None) -> Bag:
    """Return a bag of words fitted to encoded texts.

    Args:
        ids: the tokens of the N texts.
        labels: their classes ``(N,)``.
        symbols: the vocabulary size.
        classes: C.
        weights: of the classes in the loss ``(C,)``.
    """
    batches = [pad(list(ids[n : n + TOGETHER])) for n in range(0, len(ids), TOGETHER)]
    terms, idf = terms_of(batches, symbols)
    model = Bag(symbols, terms, idf, classes)
    x = _features(model, batches)
    each = torch.ones(len(labels)).double() if weights is None else weights.double()[labels]
    weight, bias = _fit(x, labels, each, classes, _select(x, labels, each, classes))
    with torch.no_grad():
        model.weight.copy_(weight)
        model.bias.copy_(bias)
    return model


class _Rows:
    """A sparse matrix ``(N, F)``, by rows and by columns."""

    def __init__(self, rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> None:
        self.parts, self.shape = (rows, columns, values), shape
        table = torch.sparse_coo_tensor(torch.stack([rows, columns]), values, shape, check_invariants=False).coalesce()
        self.by_row, self.by_column = table, table.t().coalesce()

    def pick(self, chosen: Tensor) -> _Rows:
        """Return the rows for which ``chosen (N,)`` is true."""
        rows, columns, values = self.parts
        kept, place = chosen[rows], chosen.cumsum(0) - 1
        return _Rows(place[rows[kept]], columns[kept], values[kept], (int(chosen.sum()), self.shape[1]))


def _features(model: Bag, batches: list[tuple[Tensor, Tensor]]) -> _Rows:
    rows, columns, values, count = [], [], [], 0
    for ids, lengths in batches:
        found, shares = model.occurrences(ids, lengths)
        present = shares.t() > 0
        rows.append(count + present.nonzero()[:, 0])
        columns.append(found.t()[present])
        values.append(shares.t()[present].double())
        count += ids.size(1)
    return _Rows(torch.cat(rows), torch.cat(columns), torch.cat(values), (count, len(model.terms)))


def _select(x: _Rows, labels: Tensor, each: Tensor, classes: int) -> float:
    """Return the strength with the lowest log loss over the folds."""
    folds = torch.from_numpy((uniform(_FOLD, np.arange(len(labels))) * FOLDS).astype(np.int64))
    totals = dict.fromkeys(STRENGTHS, 0.0)
    for fold in range(FOLDS):
        train, held = folds != fold, folds == fold
        if not train.any() or not held.any():
            continue
        inner, outer, start = x.pick(train), x.pick(held), None
        for strength in STRENGTHS:
            start = _fit(inner, labels[train], each[train], classes, strength, start)
            logits = outer.by_row @ start[0] + start[1]
            totals[strength] += float((each[held] * F.cross_entropy(logits, labels[held], reduction="none")).sum())
    return min(STRENGTHS, key=totals.__getitem__)


def _fit(
    x: _Rows,
    labels: Tensor,
    each: Tensor,
    classes: int,
    strength: float,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return weights ``(F, C)`` and biases ``(C,)``, from ``start`` on."""
    zero = torch.zeros(x.shape[1], classes, dtype=torch.float64), torch.zeros(classes, dtype=torch.float64)
    weight, bias = (part.clone().requires_grad_() for part in start or zero)
    target = F.one_hot(labels, classes).double()
    scale = 1 / math.sqrt(strength)  # loss and penalty of similar size
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=100, history_size=8, tolerance_grad=1e-3, line_search_fn="strong_wolfe"
    )

    @torch.no_grad()
    def closure() -> Tensor:
        logits = x.by_row @ weight + bias
        error = each[:, None] * (logits.softmax(1) - target)
        weight.grad = scale * (strength * (x.by_column @ error) + weight)
        bias.grad = scale * strength * error.sum(0)
        loss = (each * F.cross_entropy(logits, labels, reduction="none")).sum()
        return scale * (strength * loss + weight.square().sum() / 2)

    optimizer.step(closure)
    return weight.detach(), bias.detach()
