"""The options of a stack of recurrent layers, and the stack they describe."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from ...cells import CELLS, INITIALISERS, check_cell_name, check_rate, check_size
from ...errors import ArgumentError, RunError, did_you_mean
from ...layers import Stack
from ...scan import BACKENDS
from ...training import modelfile
from ...training.config import refuse_changed
from ...training.modelfile import ModelFile

M = TypeVar("M", bound=nn.Module)

LONGEST = 1 << 16  # steps that a layer may skip: it keeps as many states
OF_ALL_CELLS = ("init",)
OF_GATED = ("layer_norm", "recurrent_dropout", "zoneout", "weight_drop")
OF_ONE_CELL = {
    "rnn": (*OF_GATED, "nonlinearity"),
    "gru": (*OF_GATED, "reset_after"),
    "lstm": (*OF_GATED, "forget_bias", "peepholes", "proj_size"),
    "mingru": ("forget_bias", "candidate"),
    "minlstm": ("forget_bias", "candidate"),
    "rglru": (),
    "qrnn": ("forget_bias", "filter_width"),
}


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """The recurrent layers."""

    cell: str = "lstm"
    """rnn, gru, lstm, mingru, minlstm, rglru, qrnn, or module:Class for a cell of your own"""
    hidden_size: int = 256
    """units per layer"""
    num_layers: int = 2
    """layers, one on top of the other"""
    dropout: float = 0.1
    """dropout on what a layer passes up"""
    locked_dropout: bool = True
    """draw one dropout mask per window instead of one per step"""
    recurrent_dropout: float = 0.0
    """variational dropout inside the recurrence (Gal and Ghahramani 2016)"""
    zoneout: float = 0.0
    """probability that a unit keeps its old value (Krueger et al. 2017)"""
    weight_drop: float = 0.0
    """dropped recurrent connections (Merity et al. 2018)"""
    layer_norm: bool = False
    """layer normalisation inside the cell (Ba et al. 2016)"""
    residual: bool = False
    """add a layer's input to its output"""
    feedforward_size: int = 0
    """after every layer a network of two layers over its units, with so many between, added to its output; 0: none"""
    dilation: int = 1
    """skip connections across time: layer 1 goes on from 1 step before, layer 2 from so many, layer 3 from their
    square, … (Chang et al. 2017)"""
    initial_state: Literal["zero", "random", "learned"] = "zero"
    """the state before the first step"""
    init: str = "torch"
    """initial weights: torch, xavier, lecun, orthogonal or identity"""
    forget_bias: float = 1.0
    """lstm, mingru, minlstm, qrnn: initial bias of the gate that keeps the memory"""
    peepholes: bool = False
    """lstm: let the gates see the memory"""
    proj_size: int = 0
    """lstm: width of a projected output; 0 for none"""
    reset_after: bool = True
    """gru: reset gate after the recurrent product (torch, cuDNN) or before it (Cho et al. 2014)"""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """rnn: the nonlinearity"""
    candidate: Literal["linear", "positive"] = "positive"
    """mingru, minlstm: what enters the state (Feng et al. 2024, section 3 or appendix B)"""
    filter_width: int = 2
    """qrnn: how many inputs the gates see"""
    backend: str = "auto"
    """auto, reference, native, torch or cudnn: how recurrences are computed"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "dilation", "filter_width"):
            check_size(name, getattr(self, name))
        for name in ("proj_size", "feedforward_size"):
            check_size(name, getattr(self, name), least=0)
        if (self.num_layers - 1) * math.log(self.dilation) > math.log(LONGEST):
            remedy = "a lower dilation, or fewer layers"
            got = f"{self.dilation} with {self.num_layers} layers"
            raise ArgumentError("dilation", f"one by which no layer skips more than {LONGEST:,} steps", got, remedy)
        if self.dilation > 1 and self.num_layers == 1:
            raise ArgumentError("dilation", "left out with one layer, whose dilation is 1", self.dilation)
        if not math.isfinite(self.forget_bias):
            raise ArgumentError("forget_bias", "a finite number", self.forget_bias)
        for name in ("dropout", "recurrent_dropout", "zoneout", "weight_drop"):
            check_rate(name, getattr(self, name))
        if not math.isfinite(self.forget_bias):
            raise ArgumentError("forget_bias", "a finite number", self.forget_bias)
        for name, known in (("init", INITIALISERS), ("backend", BACKENDS)):
            if getattr(self, name) not in known:
                near = did_you_mean(getattr(self, name), known)
                raise ArgumentError(name, f"one of {', '.join(known)}", getattr(self, name), near)
        check_cell_name(self.cell)  # imported when a model is built: opening a file must not run its code
        self._refuse_what_the_cell_lacks()

    def _refuse_what_the_cell_lacks(self) -> None:
        """An option that would be ignored is an error, not a surprise after hours."""
        own = OF_ONE_CELL.get(self.cell, ())
        foreign = [name for names in OF_ONE_CELL.values() for name in names if name not in own]
        if self.cell not in CELLS:
            foreign += [*OF_ALL_CELLS, "initial_state"]
        refuse_changed(self, foreign, f"with --cell {self.cell}, which has no such option")

    def build(
        self,
        input_size: int,
        *,
        hidden_size: int | None = None,
        num_layers: int | None = None,
        bidirectional: bool = False,
    ) -> Stack:
        """The stack, for inputs of width ``input_size``; other sizes than its own where they are given."""
        options: dict[str, Any] = {}
        if self.cell in CELLS:
            options = {name: getattr(self, name) for name in (*OF_ALL_CELLS, *OF_ONE_CELL[self.cell])}
            options["initial"] = self.initial_state
        return Stack.build(
            self.cell,
            input_size,
            hidden_size or self.hidden_size,
            num_layers or self.num_layers,
            bidirectional=bidirectional,
            dropout=self.dropout,
            locked_dropout=self.locked_dropout,
            residual=self.residual,
            feedforward_size=self.feedforward_size,
            dilation=self.dilation,
            backend=self.backend,
            **options,
        )


def restored(file: ModelFile, options: Recurrent, build: Callable[[], M]) -> M:
    """The model that ``build`` makes, with the weights of a file.

    A file may claim any size: nothing of that size is allocated before the tensors in it are known to have it.

    Raises:
        RunError: the weights do not fit.
    """
    if options.num_layers > len(file.tensors):
        raise RunError("the weights in the model file do not fit its config: it has fewer tensors than layers")
    if options.cell in CELLS:
        with torch.device("meta"):
            modelfile.check_fit(build(), file.tensors, "the model file")
    model = build()
    modelfile.restore(model, file.tensors, "the model file")
    return model
