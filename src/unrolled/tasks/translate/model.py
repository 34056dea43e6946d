"""The translator: an encoder–decoder with or without attention.

    h_1 … h_S = recurrent layers over the source, bidirectional by default                     (S, B, C)
    m         = [last output of each direction]                                                (B, C)
    s_0 and the decoder as in layers/decoder.py

Sutskever et al. 2014; Cho et al. 2014; Bahdanau et al. 2015; Luong et al. 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ...cells import check_rate, check_size
from ...cells.attentive import check_begins_with_output, hidden
from ...errors import ArgumentError
from ...layers.decoder import Decoder, Encoded, embedding, inside
from ...training.config import refuse_changed
from ..common.recurrent import Recurrent

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


class Translator(Decoder):
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
        self.source = embedding(sources, E)
        self.target = embedding(targets, E)
        self.encoder = recurrent.build(E, hidden_size=C // directions, bidirectional=options.bidirectional)
        for cell in [*self.encoder.cells][-directions:]:
            check_begins_with_output(cell)
        attention: dict[str, Any] = {}
        if options.attention != "none":
            attention = {"attention_size": options.attention_size, "input_feeding": options.input_feeding}
        self.add_decoder(
            recurrent.build,
            C,
            hidden_size=H,
            num_layers=recurrent.num_layers,
            dropout=recurrent.rate,
            locked_dropout=recurrent.locked_dropout,
            backend=recurrent.backend,
            tied=options.tied,
            score=None if options.attention == "none" else options.attention,
            every=options.attention == "none" and options.context == "every",
            **attention,
        )

    def encode(self, ids: Tensor, lengths: Tensor, steps: int | None = None) -> Encoded:
        """Encode source sentences ``ids (S, B)`` of ``lengths (B,)``; for ``steps`` see `Attentive.remember`."""
        h, state = self.encoder(self.drop(self.source(ids)), lengths=lengths)  # (S, B, C)
        context = torch.cat([hidden(last) for last in state[-self.encoder.num_directions :]], dim=1)  # m
        memory = None if self.attention is None else self.attention.remember(self.drop(h), lengths, steps)
        return Encoded(memory, context, self.start(context))

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """Return logits ``(M, V)`` of the M target positions that are not padding, in the order of steps.

        Args:
            source: ``(S, B)`` ids of sentences of ``source_lengths (B,)``.
            before: ``(T, B)``, the previous token at each target position, for targets of ``lengths (B,)``.
        """
        return self.logits(self.read(source, source_lengths, before, lengths))

    def read(self, source: Tensor, source_lengths: Tensor, before: Tensor, lengths: Tensor) -> Tensor:
        """Return ``(M, ·)``, the outputs from which `forward` computes the logits."""
        encoded = self.encode(source, source_lengths, before.numel())
        outputs, _, _ = self.decode(before, self.begin(encoded), encoded.memory, lengths)
        return outputs[inside(before.size(0), lengths)]
