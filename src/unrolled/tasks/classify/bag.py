"""A bag of words: logistic regression on the words and pairs of neighbouring words of a text.

    x_j = idf_j (1 + log n_j) / ‖·‖,  n_j the count of word or pair j in the text, idf_j = 1 + log((1 + N) / (1 + N_j))
    z = W x + b (B, C)

Its weights are fitted at once (bag_fit.py). It knows the order of words only within pairs, and on a few hundred texts
it is hard to beat.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import RunError

# T steps, B texts, N occurrences of words and pairs in a text, F known words and pairs, C classes


class Presence(nn.Module):
    """The embedding of a bag: a single number for each token, 1 if it is present."""

    size = 1


class Bag(nn.Module):
    """``ids (T, B), lengths (B,)`` → logits ``(B, C)``.

    Args:
        symbols: the vocabulary size.
        terms: the known words and pairs, ascending, as numbers (see `numbers`): ``(F,)`` int64.
        idf: ``(F,)`` float32.
        classes: C.
    """

    terms: Tensor
    idf: Tensor

    def __init__(self, symbols: int, terms: Tensor, idf: Tensor, classes: int) -> None:
        super().__init__()
        self.symbols, self.embedding = symbols, Presence()
        self.register_buffer("terms", terms)
        self.register_buffer("idf", idf)
        self.weight = nn.Parameter(torch.zeros(len(terms), classes))
        self.bias = nn.Parameter(torch.zeros(classes))

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], symbols: int, classes: int) -> Bag:
        """Build the model from the tensors of a model file, which is not trusted.

        Raises:
            RunError: the tensors are not a valid model.
        """
        blank = Bag(symbols, torch.zeros(0, dtype=torch.int64), torch.zeros(0), classes)
        terms, weight = tensors.get("terms"), tensors.get("weight")
        valid = (
            tensors.keys() == blank.state_dict().keys()
            and terms is not None
            and weight is not None
            and terms.dtype == torch.int64
            and terms.dim() == 1
            and bool((terms.diff() > 0).all())
            and all(tensors[name].dtype == torch.float32 for name in ("idf", "weight", "bias"))
            and tensors["idf"].shape == terms.shape
            and weight.shape == (len(terms), classes)
            and tensors["bias"].shape == (classes,)
        )
        if not valid or terms is None:
            raise RunError("the tensors in the model file are not a bag of words; restore it or train anew")
        model = cls(symbols, terms, tensors["idf"], classes)
        model.load_state_dict(tensors)
        return model

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.scaled(ids, lengths, torch.ones(*ids.shape, 1, device=ids.device))

    def scaled(self, ids: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """Return the logits with each token scaled by ``present (T, B, 1)``, and a pair by the mean of its two."""
        columns, values = self.occurrences(ids, lengths)
        share = torch.cat([present[..., 0], (present[:-1, :, 0] + present[1:, :, 0]) / 2])
        return torch.einsum("nb,nbc->bc", values * share, self.weight[columns]) + self.bias

    def occurrences(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the term of each occurrence, and its share of x: ``(N, B)`` each, 0 for unknown terms.

        The shares of a term that occurs n times sum to its x.
        """
        found, inside = numbers(ids, lengths, self.symbols)
        if not len(self.terms):
            return torch.zeros_like(found), torch.zeros(found.shape, device=ids.device)
        columns = torch.searchsorted(self.terms, found).clamp(max=len(self.terms) - 1)
        known = inside & (self.terms[columns] == found)
        columns = columns.masked_fill(~known, 0)
        texts = torch.arange(ids.size(1), device=ids.device).expand_as(found)
        once, which, counts = torch.unique(
            texts[known] * len(self.terms) + columns[known], return_inverse=True, return_counts=True
        )
        x = self.idf[once % len(self.terms)] * (1 + counts.to(self.idf.dtype).log())
        squares = torch.zeros(ids.size(1), device=ids.device).index_add_(0, once // len(self.terms), x * x)
        x = x / squares.sqrt()[once // len(self.terms)] / counts
        return columns, torch.zeros(found.shape, device=ids.device).masked_scatter(known, x[which])


def numbers(ids: Tensor, lengths: Tensor, symbols: int) -> tuple[Tensor, Tensor]:
    """Return a number for each word and then each pair of a text, and whether it is inside: ``(2T − 1, B)`` each."""
    step = torch.arange(len(ids), device=ids.device)[:, None]
    ids = ids.long() + 1
    pairs = ids[:-1] * (symbols + 1) + ids[1:]
    return torch.cat([ids, pairs]), torch.cat([step < lengths, step[1:] < lengths])


def terms_of(batches: list[tuple[Tensor, Tensor]], symbols: int) -> tuple[Tensor, Tensor]:
    """Return the distinct terms of all texts, ascending, and their idf."""
    found: list[Tensor] = []
    texts = 0
    for ids, lengths in batches:
        terms, inside = numbers(ids, lengths, symbols)
        for column in range(ids.size(1)):
            found.append(terms[inside[:, column], column].unique())
        texts += ids.size(1)
    terms, counts = torch.cat(found).unique(return_counts=True)
    return terms, torch.from_numpy(1 + np.log((1 + texts) / (1 + counts.numpy()))).float()
