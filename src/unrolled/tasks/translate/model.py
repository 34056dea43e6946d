"""The translator: an encoder reads a sentence, a decoder writes another, with attention or without.

    h_1 … h_S = recurrent layers over the source, in both directions unless told not to        (S, B, C)
    m         = [last output of each direction]                                                (B, C)
    s_0       = tanh(W_0 m + b_0), for every layer of the decoder and every part of its state (counters: from zero)
    no attention:  s_t = cell(x_t, s_{t-1}), or cell([x_t; m], s_{t-1}) with the context at every step; y_t = s_t
    attention:     s_t, y_t as in cells/attentive.py; further layers run over y_t; residual ones add s_t (u_t)
    p(w_t)    = softmax(E dropout tanh(W_r [y_t; x_t] + b_r) + b)                              (T, B, V)

x_t is the embedding of the word before; E is the table of embeddings itself where it is tied (Press and Wolf 2017).
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

# S source positions, T target positions, B sentences, N rows, E embedding_size, C encoder_size, V target symbols


@dataclass(frozen=True, kw_only=True)
class EncoderDecoder:
    """How the source is read and the target is written."""

    attention: Literal["none", "additive", "dot", "scaled", "general"] = "additive"
    """how the decoder looks back: not at all; additive (Bahdanau et al. 2015); or dot, scaled or general (Luong et al.
    2015)"""
    attention_size: int | None = None
    """width of the comparison in additive attention (default: hidden_size)"""
    input_feeding: bool = False
    """multiplicative attention: show the decoder what it saw at the step before (Luong et al. 2015, section 3.3)"""
    context: Literal["start", "every"] = "start"
    """without attention: hand the source to the decoder at its start, or at every step too (Cho et al. 2014)"""
    bidirectional: bool = True
    """read the source from both ends"""
    encoder_size: int | None = None
    """width of what the encoder says of a word, both directions together (default: hidden_size)"""
    embedding_size: int = 256
    """width of embeddings, and of the layer before the output"""
    tied: bool = True
    """use the target's embeddings as the weights of the output too"""
    label_smoothing: float = 0.0
    """share of the answer that is spread over all symbols (Szegedy et al. 2016)"""
    scheduled_sampling: float = 0.0
    """share of the words before that are the model's own guesses by the end of training (Bengio et al. 2015)"""

    def __post_init__(self) -> None:
        check_size("embedding_size", self.embedding_size)
        for name in ("encoder_size", "attention_size"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        for name in ("label_smoothing", "scheduled_sampling"):
            check_rate(name, getattr(self, name))
        foreign = [] if self.attention == "additive" else ["attention_size"]
        foreign += ["context"] if self.attention != "none" else []
        foreign += ["input_feeding"] if self.attention in ("none", "additive") else []
        refuse_changed(self, foreign, f"with --attention {self.attention}, which has no use for it")


class Encoded(NamedTuple):
    """What the encoder left of a batch of sentences."""

    memory: Memory | None  # with attention
    context: Tensor  # m (B, C)
    state: State  # s_0, of every layer of the decoder


class Writing(NamedTuple):
    """What is carried from one written word to the next; every leaf has the rows in dimension 0."""

    state: State
    context: Tensor  # (N, C); of width 0 where no step needs it
    rows: Tensor  # (N,) int64: the sentence that each row translates


class Translator(nn.Module):
    """Source ids → logits of the target's symbols; see the module.

    Args:
        sources: symbols of the source language.
        targets: symbols of the target language.
        recurrent: the layers of both.
        options: the rest.

    Raises:
        ArgumentError: sizes that do not fit.
    """

    def __init__(self, sources: int, targets: int, recurrent: Recurrent, options: EncoderDecoder) -> None:
        super().__init__()
        self.options = options
        E, H = options.embedding_size, recurrent.hidden_size
        if recurrent.proj_size:
            raise ArgumentError("proj_size", "0 in a translator", recurrent.proj_size)
        C = options.encoder_size or H
        ways = 1 + options.bidirectional
        if C % ways:
            raise ArgumentError("encoder_size", "even: half of it for each direction", C)
        if options.attention in ("dot", "scaled") and C != H:
            expected = f"the width of the state, hidden_size ({H}), with --attention {options.attention}"
            raise ArgumentError("encoder_size", expected, C, "leave it out, or use --attention general or additive")
        self.source = _embedding(sources, E)
        self.target = _embedding(targets, E)
        self.encoder = recurrent.build(E, hidden_size=C // ways, bidirectional=options.bidirectional)
        for cell in [*self.encoder.cells][-ways:]:
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
        self.drop: nn.Module = LockedDropout(recurrent.dropout) if locked else nn.Dropout(recurrent.dropout)
        self.drop_out = nn.Dropout(recurrent.dropout)
        self.backend = recurrent.backend if recurrent.backend in ("auto", "reference", "native") else "auto"

    def _zero(self, rows: int) -> State:
        """A state of every layer of the decoder."""
        first = () if self.attention is None else (self.attention.cell.initial_state(rows),)
        return (*first, *(() if self.decoder is None else self.decoder.initial_state(rows)))

    def encode(self, ids: Tensor, lengths: Tensor) -> Encoded:
        """``ids (S, B)``, of which ``lengths (B,)`` are true."""
        h, state = self.encoder(self.drop(self.source(ids)), lengths=lengths)  # (S, B, C)
        context = torch.cat([hidden(one) for one in state[-self.encoder.num_directions :]], dim=1)  # m
        parts = iter(torch.tanh(self.bridge(context)).split(self._leaves, dim=1))
        memory = None if self.attention is None else self.attention.remember(self.drop(h), lengths)
        zero, form = tree_flatten(self._zero(context.size(0)))
        begun = [next(parts).reshape(like.shape) if like.is_floating_point() else like for like in zero]  # no counters
        state = tree_unflatten(begun, form)
        return Encoded(memory, context, state)

    def begin(self, encoded: Encoded) -> Writing:
        """The state before the first word of each sentence."""
        context, state = encoded.context, encoded.state
        if self.attention is not None or self.options.context == "start":
            context = context[:, :0]
        if self.attention is not None:
            state = (self.attention.begin(state[0]), *state[1:])
        return Writing(state, context, torch.arange(context.size(0), device=context.device))

    def decode(
        self, ids: Tensor, writing: Writing, memory: Memory | None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Writing]:
        """The words before, ``ids (T, N)`` → what `logits` is computed of ``(T, N, ·)``, the weights ``(T, N, S)`` and
        the state after. ``lengths (N,)``: how many of the words are true."""
        x = self.drop(self.target(ids))  # (T, N, E)
        state, weights, y = writing.state, None, x
        if self.attention is not None:
            assert memory is not None
            same = lengths is not None  # in training row n is sentence n
            y, weights, first = attend(
                self.attention, x, state[0], memory, rows=None if same else writing.rows, lengths=lengths,
                noise=self.attention.cell.draw_noise(*ids.shape) if self.training else None, backend=self.backend,
            )  # fmt: skip
            state = (first, *state[1:])
        elif self.options.context == "every":
            y = torch.cat([x, writing.context.expand(x.size(0), *writing.context.shape)], dim=2)
        if self.decoder is not None:
            own, below = 0, None
            if self.attention is not None:
                y = self.drop(y)
                own, below = 1, y[:, :, : self.attention.cell.output_size]
            y, after = self.decoder(y, state[own:], lengths=lengths, below=below)
            state = (*state[:own], *after)
        return torch.cat([y, x], dim=2), weights, writing._replace(state=state)

    def logits(self, read: Tensor) -> Tensor:
        """``(…, ·)`` of `decode` → ``(…, V)``."""
        return self.output(self.drop_out(torch.tanh(self.readout(read))))

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """Logits ``(M, V)`` of the M true target positions, those of step 0 first.

        Args:
            source: ``(S, B)`` ids, of which ``source_lengths (B,)`` are true.
            before: ``(T, B)``, the words before, of which ``lengths (B,)`` are true.
        """
        return self.logits(self.read(source, source_lengths, before, lengths))

    def read(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """``(M, ·)``, what `forward` computes the logits of."""
        encoded = self.encode(source, source_lengths)
        read, _, _ = self.decode(before, self.begin(encoded), encoded.memory, lengths)
        return read[inside(before.size(0), lengths)]

    def step(self, memory: Memory | None) -> Any:
        """A step of writing, as `beam_search` takes it: ``(ids (N,), Writing) → log p (N, V), weights, Writing``."""

        def step(ids: Tensor, writing: Writing) -> tuple[Tensor, Tensor | None, Writing]:
            read, weights, writing = self.decode(ids[None], writing, memory)
            return F.log_softmax(self.logits(read[0]).float(), 1), None if weights is None else weights[0], writing

        return step


def shifted(target: Tensor) -> Tensor:
    """``(T, B)``: the word before each; `BEGIN` before the first."""
    return torch.cat([torch.full_like(target[:1], BEGIN), target[:-1]])


def inside(T: int, lengths: Tensor) -> Tensor:
    """``(T, B)`` bool: the true positions."""
    return torch.arange(T, device=lengths.device)[:, None] < lengths


def _embedding(symbols: int, size: int) -> nn.Embedding:
    table = nn.Embedding(symbols, size)
    nn.init.normal_(table.weight, std=size**-0.5)  # small enough for the weights of an output, too
    return table
