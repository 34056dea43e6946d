"""The decoder of an encoder–decoder: recurrent layers with or without attention that write a sentence.

    m         = a summary of the input, of width C                                             (B, C)
    s_0       = tanh(W_0 m + b_0), for every leaf of the state of every layer (counters start at 0)
    no attention:  s_t = cell(x_t, s_{t-1}), or cell([x_t; m], s_{t-1}) with the context at every step; y_t = s_t
    attention:     s_t, y_t as in cells/attentive.py; further layers read y_t; residual connections add s_t (u_t)
    p(w_t)    = softmax(E dropout tanh(W_r [y_t; x_t] + b_r) + b)                              (T, B, V)

x_t is the embedding of the previous token; E is the embedding table itself if it is tied (Press and Wolf 2017).
Sutskever et al. 2014; Cho et al. 2014; Bahdanau et al. 2015; Luong et al. 2015; pictures: Xu et al. 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from ..attend import attend
from ..cells import State
from ..cells.attentive import Attentive, Memory, check_begins_with_output, feed_size
from ..cells.state import select
from .dropout import LockedDropout
from .rnn import Stack

# S positions of the input, T target positions, B inputs, N rows, E embedding_size, C context_size, V target vocabulary


class Encoded(NamedTuple):
    """The output of the encoder for a batch of inputs."""

    memory: Memory | None  # with attention
    context: Tensor  # m (B, C)
    state: State  # s_0 of every layer of the decoder

    def of(self, rows: Tensor) -> Encoded:
        """Select the inputs with the indices ``rows (N,)``, one for each row; the memory stays that of all inputs."""
        return Encoded(self.memory, self.context[rows], select(self.state, rows))


class DecoderState(NamedTuple):
    """The state carried from one target token to the next; every leaf has the rows in dimension 0."""

    state: State
    context: Tensor  # (N, C); width 0 if no step needs it
    rows: Tensor  # (N,) int64: the input that each row describes


class Decoder(nn.Module):
    """Base class of encoder–decoders; see the module for the equations.

    A subclass sets ``target``, the embedding of the target tokens, calls `add_decoder` in its constructor, and encodes
    its inputs itself. (Modules are created in the order of training, which decides their initial weights.)
    """

    target: nn.Embedding
    attention: Attentive | None
    decoder: Stack | None

    def add_decoder(
        self,
        build: Callable[..., Stack],
        context_size: int,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        locked_dropout: bool,
        backend: str,
        tied: bool,
        score: str | None = "additive",
        every: bool = False,
        bridge: bool = True,
        **attention: Any,
    ) -> None:
        """Create the layers.

        Args:
            build: ``build(input_size, num_layers=)`` returns recurrent layers.
            context_size: C, width of m, and of an encoder output h_i.
            hidden_size: units of a layer.
            num_layers: layers of the decoder; the first has the attention.
            dropout: rate of dropout of embeddings, encoder outputs and the readout.
            locked_dropout: draw one mask for all steps.
            backend: of attention, see `attend`.
            tied: use the embedding as output weights.
            score: the score of the attention; `None`: no attention.
            every: without attention, add m to the input of every step.
            bridge: s_0 depends on m, else it is the initial state of the cells.
            attention: further options of `Attentive`.
        """
        V, E = self.target.weight.shape
        self.attention, above = None, num_layers
        width = E + (context_size if every else 0)
        if score is not None:
            fed = feed_size(score, context_size, hidden_size, bool(attention.get("input_feeding")))
            cell = next(build(E + fed, num_layers=1).cells)
            check_begins_with_output(cell)
            self.attention = Attentive(cell, E, context_size, score=score, **attention)
            width, above = self.attention.output_size, above - 1
        self.decoder = build(width, num_layers=above) if above else None
        self.every = every
        self._leaves = [leaf[0].numel() for leaf in tree_leaves(self._zero(1)) if leaf.is_floating_point()]
        self.bridge = nn.Linear(context_size, sum(self._leaves)) if bridge else None
        top = width if self.decoder is None else self.decoder.output_size
        self.readout = nn.Linear(top + E, E)
        self.output = nn.Linear(E, V)
        if tied:
            self.output.weight = self.target.weight
        self.drop: nn.Module = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)
        self.drop_out = nn.Dropout(dropout)
        self.backend = backend if backend in ("auto", "reference", "native") else "auto"

    def _zero(self, rows: int) -> State:
        """Return a zero state of every layer of the decoder."""
        first = () if self.attention is None else (self.attention.cell.initial_state(rows),)
        return (*first, *(() if self.decoder is None else self.decoder.initial_state(rows)))

    def start(self, context: Tensor) -> State:
        """Return s_0 of every layer for contexts m ``(B, C)``."""
        if self.bridge is None:
            return self._zero(context.size(0))
        parts = iter(torch.tanh(self.bridge(context)).split(self._leaves, dim=1))
        zero, form = tree_flatten(self._zero(context.size(0)))
        leaves = [next(parts).reshape(leaf.shape) if leaf.is_floating_point() else leaf for leaf in zero]  # no counters
        return tree_unflatten(leaves, form)

    def begin(self, encoded: Encoded) -> DecoderState:
        """Return the decoder state before the first token of each input."""
        context, state = encoded.context, encoded.state
        if self.attention is not None or not self.every:
            context = context[:, :0]
        if self.attention is not None:
            state = (self.attention.begin(state[0]), *state[1:])
        return DecoderState(state, context, torch.arange(context.size(0), device=context.device))

    def decode(
        self,
        ids: Tensor,
        decoder: DecoderState,
        memory: Memory | None,
        lengths: Tensor | None = None,
        draws: Tensor | None = None,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Run the decoder over the previous tokens.

        Args:
            ids: ``(T, N)``, the previous token at each position.
            decoder: the state to start from.
            memory: the encoder outputs, with attention.
            lengths: ``(N,)``, the number of tokens that are not padding.
            draws: ``(T, N)``, with hard attention, see `attend`.
            rows: ``(N,)``, with ``lengths``: the input of each row; `None`: row n has input n.

        Returns:
            The input of `logits` ``(T, N, ·)``, the attention weights ``(T, N, S)``, and the final state.
        """
        return self.read_on(self.drop(self.target(ids)), decoder, memory, lengths, draws, rows)

    def read_on(
        self,
        x: Tensor,
        decoder: DecoderState,
        memory: Memory | None,
        lengths: Tensor | None = None,
        draws: Tensor | None = None,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Run `decode` on embeddings ``x (T, N, E)``."""
        state, weights, y = decoder.state, None, x
        if self.attention is not None:
            assert memory is not None
            rows = decoder.rows if lengths is None else rows
            y, weights, first = attend(
                self.attention, x, state[0], memory, rows=rows, lengths=lengths, draws=draws,
                noise=self.attention.cell.draw_noise(*x.shape[:2]) if self.training else None, backend=self.backend,
            )  # fmt: skip
            state = (first, *state[1:])
        elif self.every:
            y = torch.cat([x, decoder.context.expand(x.size(0), *decoder.context.shape)], dim=2)
        if self.decoder is not None:
            first_layers, below = 0, None
            if self.attention is not None:
                y = self.drop(y)
                first_layers, below = 1, y[:, :, : self.attention.cell.output_size]
            y, after = self.decoder(y, state[first_layers:], lengths=lengths, below=below)
            state = (*state[:first_layers], *after)
        return torch.cat([y, x], dim=2), weights, decoder._replace(state=state)

    def logits(self, outputs: Tensor) -> Tensor:
        """Apply the head: outputs ``(…, ·)`` of `decode` → logits ``(…, V)``."""
        return self.output(self.drop_out(torch.tanh(self.readout(outputs))))

    def step(self, memory: Memory | None) -> Any:
        """Return a decoding step for `beam_search`: ``(ids (N,), state) → log p (N, V), weights (N, S), state``."""

        def step(ids: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None, DecoderState]:
            outputs, weights, state = self.decode(ids[None], state, memory)
            return F.log_softmax(self.logits(outputs[0]).float(), 1), None if weights is None else weights[0], state

        return step


def inside(T: int, lengths: Tensor) -> Tensor:
    """Return a mask ``(T, B)`` of the positions that are not padding."""
    return torch.arange(T, device=lengths.device)[:, None] < lengths


def embedding(symbols: int, size: int) -> nn.Embedding:
    """Return the embedding of ``symbols`` tokens in ``size`` numbers."""
    table = nn.Embedding(symbols, size)
    nn.init.normal_(table.weight, std=size**-0.5)  # small enough for tied output weights
    return table
