"""The translator: an encoder–decoder with or without attention.

    h_1 … h_S = recurrent layers over the source, bidirectional by default                     (S, B, C)
    m         = [last output of each direction]                                                (B, C)
    s_0       = tanh(W_0 m + b_0), for every leaf of the state of every decoder layer (counters start at 0)
    no attention:  s_t = cell(x_t, s_{t-1}), or cell([x_t; m], s_{t-1}) with the context at every step; y_t = s_t
    attention:     s_t, y_t as in cells/attentive.py; further layers read y_t; residual connections add s_t (u_t)
    p(w_t)    = softmax(E dropout tanh(W_r [y_t; x_t] + b_r) + b)                              (T, B, V)

x_t is the embedding of the previous token; E is the embedding table itself if it is tied (Press and Wolf 2017).
Sutskever et al. 2014; Cho et al. 2014; Bahdanau et al. 2015; Luong et al. 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from ...attend import attend
from ...cells import State, check_rate, check_size
from ...cells.attentive import Attentive, Memory, check_begins_with_output, feed_size, hidden
from ...errors import ArgumentError
from ...layers import LockedDropout, Stack
from ...training.config import refuse_changed
from ..common.recurrent import Recurrent
from .units import BEGIN

# S source positions, T target positions, B sentences, N rows, E embedding_size, C encoder_size, V target vocabulary


@dataclass(frozen=True, kw_only=True)
class EncoderDecoder:
    """The options of the encoder and the decoder."""

    attention: Literal["none", "additive", "dot", "scaled", "general"] = "additive"
    """none, additive (Bahdanau 2015), or dot, scaled or general (Luong 2015)"""
    attention_size: int | None = None
    """hidden width of additive attention (default: hidden_size)"""
    input_feeding: bool = False
    """input feeding with dot, scaled or general attention (Luong et al. 2015)"""
    context: Literal["start", "every"] = "start"
    """without attention: condition the decoder at its start, or at every step"""
    bidirectional: bool = True
    """use a bidirectional encoder"""
    encoder_size: int | None = None
    """output width of the encoder, both directions together (default: hidden_size)"""
    embedding_size: int = 256
    """width of the embeddings and of the layer before the output"""
    tied: bool = True
    """tie the output weights to the target embedding"""
    label_smoothing: float = 0.0
    """label smoothing (Szegedy et al. 2016)"""
    scheduled_sampling: float = 0.0
    """final rate of scheduled sampling, rising linearly from 0 (Bengio et al. 2015)"""

    def __post_init__(self) -> None:
        check_size("embedding_size", self.embedding_size)
        for name in ("encoder_size", "attention_size"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        for name in ("label_smoothing", "scheduled_sampling"):
            check_rate(name, getattr(self, name))
        unused = [] if self.attention == "additive" else ["attention_size"]
        unused += ["context"] if self.attention != "none" else []
        unused += ["input_feeding"] if self.attention in ("none", "additive") else []
        refuse_changed(self, unused, f"with --attention {self.attention}, which does not use it")


class Encoded(NamedTuple):
    """The output of the encoder for a batch of sentences."""

    memory: Memory | None  # with attention
    context: Tensor  # m (B, C)
    state: State  # s_0 of every layer of the decoder


class DecoderState(NamedTuple):
    """The state carried from one target token to the next; every leaf has the rows in dimension 0."""

    state: State
    context: Tensor  # (N, C); width 0 if no step needs it
    rows: Tensor  # (N,) int64: the sentence that each row translates


class Translator(nn.Module):
    """Source ids → logits of the target tokens; see the module for the equations.

    Args:
        sources: vocabulary size of the source language.
        targets: vocabulary size of the target language.
        recurrent: the options of the recurrent layers of both sides.
        options: the options of the encoder and the decoder.

    Raises:
        ArgumentError: sizes do not match.
    """

    def __init__(self, sources: int, targets: int, recurrent: Recurrent, options: EncoderDecoder) -> None:
        super().__init__()
        self.options = options
        E, H = options.embedding_size, recurrent.hidden_size
        if recurrent.proj_size:
            raise ArgumentError("proj_size", "0 in a translator", recurrent.proj_size)
        C = options.encoder_size or H
        directions = 1 + options.bidirectional
        if C % directions:
            raise ArgumentError("encoder_size", "even, with half for each direction", C)
        if options.attention in ("dot", "scaled") and C != H:
            expected = f"the width of the state, hidden_size ({H}), with --attention {options.attention}"
            raise ArgumentError("encoder_size", expected, C, "omit it, or use --attention general or additive")
        self.source = _embedding(sources, E)
        self.target = _embedding(targets, E)
        self.encoder = recurrent.build(E, hidden_size=C // directions, bidirectional=options.bidirectional)
        for cell in [*self.encoder.cells][-directions:]:
            check_begins_with_output(cell)
        self.attention: Attentive | None = None
        above = recurrent.num_layers
        if options.attention == "none":
            width = E + (C if options.context == "every" else 0)
        else:
            fed = feed_size(options.attention, C, H, options.input_feeding)
            cell = next(recurrent.build(E + fed, num_layers=1).cells)
            check_begins_with_output(cell)
            self.attention = Attentive(
                cell, E, C, score=options.attention, attention_size=options.attention_size,
                input_feeding=options.input_feeding,
            )  # fmt: skip
            width, above = self.attention.output_size, above - 1
        self.decoder: Stack | None = recurrent.build(width, num_layers=above) if above else None
        self._leaves = [leaf[0].numel() for leaf in tree_leaves(self._zero(1)) if leaf.is_floating_point()]
        self.bridge = nn.Linear(C, sum(self._leaves))
        top = H if self.decoder is not None else width
        self.readout = nn.Linear(top + E, E)
        self.output = nn.Linear(E, targets)
        if options.tied:
            self.output.weight = self.target.weight
        locked = recurrent.locked_dropout
        self.drop: nn.Module = LockedDropout(recurrent.rate) if locked else nn.Dropout(recurrent.rate)
        self.drop_out = nn.Dropout(recurrent.rate)
        self.backend = recurrent.backend if recurrent.backend in ("auto", "reference", "native") else "auto"

    def _zero(self, rows: int) -> State:
        """Return a zero state of every layer of the decoder."""
        first = () if self.attention is None else (self.attention.cell.initial_state(rows),)
        return (*first, *(() if self.decoder is None else self.decoder.initial_state(rows)))

    def encode(self, ids: Tensor, lengths: Tensor) -> Encoded:
        """Encode source sentences ``ids (S, B)`` of ``lengths (B,)``."""
        h, state = self.encoder(self.drop(self.source(ids)), lengths=lengths)  # (S, B, C)
        context = torch.cat([hidden(last) for last in state[-self.encoder.num_directions :]], dim=1)  # m
        parts = iter(torch.tanh(self.bridge(context)).split(self._leaves, dim=1))
        memory = None if self.attention is None else self.attention.remember(self.drop(h), lengths)
        zero, form = tree_flatten(self._zero(context.size(0)))
        leaves = [next(parts).reshape(leaf.shape) if leaf.is_floating_point() else leaf for leaf in zero]  # no counters
        state = tree_unflatten(leaves, form)
        return Encoded(memory, context, state)

    def begin(self, encoded: Encoded) -> DecoderState:
        """Return the decoder state before the first token of each sentence."""
        context, state = encoded.context, encoded.state
        if self.attention is not None or self.options.context == "start":
            context = context[:, :0]
        if self.attention is not None:
            state = (self.attention.begin(state[0]), *state[1:])
        return DecoderState(state, context, torch.arange(context.size(0), device=context.device))

    def decode(
        self, ids: Tensor, decoder: DecoderState, memory: Memory | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Run the decoder over the previous tokens.

        Args:
            ids: ``(T, N)``, the previous token at each position.
            decoder: the state to start from.
            memory: the encoder outputs, with attention.
            lengths: ``(N,)``, the number of tokens that are not padding.

        Returns:
            The input of `logits` ``(T, N, ·)``, the attention weights ``(T, N, S)``, and the final state.
        """
        x = self.drop(self.target(ids))  # (T, N, E)
        state, weights, y = decoder.state, None, x
        if self.attention is not None:
            assert memory is not None
            same = lengths is not None  # in training row n is sentence n
            y, weights, first = attend(
                self.attention, x, state[0], memory, rows=None if same else decoder.rows, lengths=lengths,
                noise=self.attention.cell.draw_noise(*ids.shape) if self.training else None, backend=self.backend,
            )  # fmt: skip
            state = (first, *state[1:])
        elif self.options.context == "every":
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

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """Return logits ``(M, V)`` of the M target positions that are not padding, in the order of steps.

        Args:
            source: ``(S, B)`` ids of sentences of ``source_lengths (B,)``.
            before: ``(T, B)``, the previous token at each target position, for targets of ``lengths (B,)``.
        """
        return self.logits(self.read(source, source_lengths, before, lengths))

    def read(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """Return ``(M, ·)``, the outputs from which `forward` computes the logits."""
        encoded = self.encode(source, source_lengths)
        outputs, _, _ = self.decode(before, self.begin(encoded), encoded.memory, lengths)
        return outputs[inside(before.size(0), lengths)]

    def step(self, memory: Memory | None) -> Any:
        """Return a decoding step for `beam_search`: ``(ids (N,), state) → log p (N, V), weights (N, S), state``."""

        def step(ids: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None, DecoderState]:
            outputs, weights, state = self.decode(ids[None], state, memory)
            return F.log_softmax(self.logits(outputs[0]).float(), 1), None if weights is None else weights[0], state

        return step


def shifted(target: Tensor) -> Tensor:
    """Return ``(T, B)``: the previous token at each position; `BEGIN` at the first."""
    return torch.cat([torch.full_like(target[:1], BEGIN), target[:-1]])


def inside(T: int, lengths: Tensor) -> Tensor:
    """Return a mask ``(T, B)`` of the positions that are not padding."""
    return torch.arange(T, device=lengths.device)[:, None] < lengths


def _embedding(symbols: int, size: int) -> nn.Embedding:
    table = nn.Embedding(symbols, size)
    nn.init.normal_(table.weight, std=size**-0.5)  # small enough for tied output weights
    return table
