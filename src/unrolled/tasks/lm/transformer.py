"""The Transformer language model: a decoder that writes with a cache of keys and values.

    x_t = E[w_t]                                             the embedding of token t                          (1)
    x_t ← x_t + Attention(LayerNorm(x))_t                    in each layer; see attention.py                   (2)
    x_t ← x_t + W_2 gelu(W_1 LayerNorm(x_t) + b_1) + b_2     4H units; see layers/mixing.py                    (3)
    logits_t = W LayerNorm(x_t) + b                          W = E if tied                                     (4)

Vaswani et al. 2017, without the encoder; layer norm before each part: Xiong et al. 2020. Dropout follows the embedding
and precedes both additions; attention weights have none, because it would rule out the fast kernels of
`scaled_dot_product_attention`. Initial weights as in GPT-2 (Radford et al. 2019): normal with standard deviation 0.02,
divided by √(2L) for the two products that are added to x; biases are zero.

The state is the cache: keys and values of the last C − 1 tokens. It is carried between windows and detached, as in
Transformer-XL (Dai et al. 2019, section 3.2), so that a window attends to tokens before it, and L layers see up to
L·(C − 1) tokens back. One token at a time gives the same logits as a whole text.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells.norm import LayerNorm
from ...layers.mixing import Mixing
from .attention import Attention, KeyValue, Rotation, rotation, visible
from .history import positions

# T steps, B lanes, V vocabulary size, L layers, H units, N heads, D = H/N units per head, C tokens of context

STD = 0.02
AT_ONCE = 256  # steps; a longer text is read in blocks, because masks grow with the square of their length


class Cache(NamedTuple):
    """``read (B,)`` int64: tokens since the beginning of the document; ``layers``: keys and values of each layer."""

    read: Tensor
    layers: tuple[KeyValue, ...]


class Layer(nn.Module):
    """Equations 2 and 3."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = LayerNorm(width)
        self.attention = Attention(width, heads)
        self.drop = nn.Dropout(dropout)
        self.mixing = Mixing(width, 4 * width, dropout)

    def forward(self, x: Tensor, cache: KeyValue, rotate: Rotation, mask: Tensor) -> tuple[Tensor, KeyValue]:
        """Return ``x (T, B, H)`` and the cache after it."""
        y, cache = self.attention(self.norm(x), cache, rotate, mask)
        return self.mixing(x + self.drop(y)), cache


class Transformer(nn.Module):
    """``ids (T, B)`` → logits ``(T, B, V)`` of each next token.

    Args:
        symbols: V, the vocabulary size.
        width: H, a multiple of 2N.
        layers: L.
        heads: N.
        context: C, the tokens that a token attends to, itself included.
        dropout: rate for the embedding and the output of both parts of a layer.
        tied: use the embedding as output weights.
    """

    def __init__(
        self, symbols: int, width: int, layers: int, heads: int, context: int, dropout: float = 0.0, tied: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.context = heads, context
        self.embedding = nn.Embedding(symbols, width)
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers))
        self.norm = LayerNorm(width)
        self.head = nn.Linear(width, symbols)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                added = name.endswith(("attention.output.weight", "mixing.narrow.weight"))
                nn.init.normal_(p, std=STD / (2 * layers) ** 0.5 if added else STD)
            elif name.endswith(".bias") or name == "head.bias":
                nn.init.zeros_(p)
        if tied:
            del self.head.weight  # forward uses the embedding's
        self.tied = tied

    def forward(self, ids: Tensor, state: Cache | None = None, resets: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Return logits ``(T, B, V)`` and the final state; ``resets (T, B)`` mark the first steps of documents."""
        cache = self.initial_state(ids.shape[1]) if state is None else state
        blocks = ids.long().split(AT_ONCE)
        starts = [None] * len(blocks) if resets is None else resets.split(AT_ONCE)
        outputs = []
        for block, start in zip(blocks, starts, strict=True):
            y, cache = self._read(block, cache, start)
            outputs.append(y)
        weight = self.embedding.weight if self.tied else self.head.weight
        return F.linear(self.norm(torch.cat(outputs)), weight, self.head.bias), cache  #                       (4)

    def _read(self, ids: Tensor, cache: Cache, resets: Tensor | None) -> tuple[Tensor, Cache]:
        """Return the output of the last layer, ``(T, B, H)``, and the state after it."""
        T, x = len(ids), self.drop(self.embedding(ids))  #                                                     (1)
        if T == 0:
            return x, cache
        p = positions(T, cache.read, resets)
        rotate, mask = rotation(p, x.shape[-1] // self.heads, x.dtype), visible(p, self.context - 1)
        after = []
        for layer, before in zip(self.layers, cache.layers, strict=True):
            x, kept = layer(x, before, rotate, mask)
            after.append(kept)
        return x, Cache(p[-1] + 1, tuple(after))

    def initial_state(self, batch_size: int) -> Cache:
        """Return the state before the first step: zeros, which are masked and take no memory."""
        weight = self.embedding.weight
        size = (batch_size, self.heads, self.context - 1, weight.shape[1] // self.heads)
        empty = weight.new_zeros(()).expand(size)
        read = torch.zeros(batch_size, dtype=torch.int64, device=weight.device)
        return Cache(read, (KeyValue(empty, empty),) * len(self.layers))

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the leaves of the state, in order."""
        layers = (f"layer {number + 1} {leaf}" for number in range(len(self.layers)) for leaf in KeyValue._fields)
        return ("tokens read", *layers)
