"""The options of a stack of recurrent layers, and the stack built from them."""

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
from ...training.config import by_rule, refuse_changed
from ...training.modelfile import ModelFile

M = TypeVar("M", bound=nn.Module)

LONGEST = 1 << 16  # largest dilation of a layer, which keeps as many states
COMMON_OPTIONS = ("init",)
STANDARD_OPTIONS = ("layer_norm", "recurrent_dropout", "zoneout", "weight_drop")
CELL_OPTIONS = {
    "rnn": (*STANDARD_OPTIONS, "nonlinearity"),
    "gru": (*STANDARD_OPTIONS, "reset_after"),
    "lstm": (*STANDARD_OPTIONS, "forget_bias", "peepholes", "proj_size"),
    "mingru": ("forget_bias", "candidate"),
    "minlstm": ("forget_bias", "candidate"),
    "rglru": (),
    "qrnn": ("forget_bias", "filter_width"),
}


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """The recurrent layers."""

    cell: str = "lstm"
    """rnn, gru, lstm, mingru, minlstm, rglru, qrnn or module:Class"""
    hidden_size: int = 256
    """units per layer"""
    num_layers: int = 2
    """number of stacked layers"""
    dropout: float | None = by_rule(0.1)
    """dropout on each layer's output"""
    locked_dropout: bool = True
    """one dropout mask per window instead of per step"""
    recurrent_dropout: float = 0.0
    """variational recurrent dropout (Gal and Ghahramani 2016)"""
    zoneout: float = 0.0
    """zoneout probability (Krueger et al. 2017)"""
    weight_drop: float = 0.0
    """dropout on recurrent weights (Merity et al. 2018)"""
    layer_norm: bool = False
    """layer normalisation in the cell (Ba et al. 2016)"""
    residual: bool = False
    """residual connections around layers"""
    feedforward_size: int = 0
    """units of a feed-forward block per layer (0: none)"""
    dilation: int = 1
    """layer n skips to the state dilation^(n-1) steps back (Chang et al. 2017)"""
    initial_state: Literal["zero", "random", "learned"] = "zero"
    """the state before the first step"""
    init: str = "torch"
    """initial weights: torch, xavier, lecun, orthogonal or identity"""
    forget_bias: float = 1.0
    """lstm, mingru, minlstm, qrnn: forget-gate bias"""
    peepholes: bool = False
    """lstm: peephole connections"""
    proj_size: int = 0
    """lstm: size of the projected output (0: none)"""
    reset_after: bool = True
    """gru: reset gate after the recurrent product, as in torch; else before it"""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """rnn: activation function"""
    candidate: Literal["linear", "positive"] = "positive"
    """mingru, minlstm: candidate state, linear or positive (Feng et al. 2024)"""
    filter_width: int = 2
    """qrnn: convolution width"""
    backend: str = "auto"
    """implementation: auto, reference, native, torch or cudnn"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "dilation", "filter_width"):
            check_size(name, getattr(self, name))
        for name in ("proj_size", "feedforward_size"):
            check_size(name, getattr(self, name), least=0)
        if (self.num_layers - 1) * math.log(self.dilation) > math.log(LONGEST):
            remedy = "a lower dilation, or fewer layers"
            got = f"{self.dilation} with {self.num_layers} layers"
            raise ArgumentError("dilation", f"so small that no layer skips more than {LONGEST:,} steps", got, remedy)
        if self.dilation > 1 and self.num_layers == 1:
            raise ArgumentError("dilation", "omitted with one layer, whose dilation is 1", self.dilation)
        if not math.isfinite(self.forget_bias):
            raise ArgumentError("forget_bias", "a finite number", self.forget_bias)
        if self.dropout is not None:
            check_rate("dropout", self.dropout)
        for name in ("recurrent_dropout", "zoneout", "weight_drop"):
            check_rate(name, getattr(self, name))
        for name, known in (("init", INITIALISERS), ("backend", BACKENDS)):
            if getattr(self, name) not in known:
                near = did_you_mean(getattr(self, name), known)
                raise ArgumentError(name, f"one of {', '.join(known)}", getattr(self, name), near)
        check_cell_name(self.cell)  # the cell is imported when a model is built: opening a file must not run code
        self._check_cell_options()

    def _check_cell_options(self) -> None:
        """Raise `ArgumentError` for an option that the cell would ignore."""
        own = CELL_OPTIONS.get(self.cell, ())
        foreign = [name for names in CELL_OPTIONS.values() for name in names if name not in own]
        if self.cell not in CELLS:
            foreign += [*COMMON_OPTIONS, "initial_state"]
        refuse_changed(self, foreign, f"with --cell {self.cell}, which has no such option")

    @property
    def rate(self) -> float:
        """The dropout; 0 if no rule has decided it."""
        return self.dropout or 0.0

    def build(
        self,
        input_size: int,
        *,
        hidden_size: int | None = None,
        num_layers: int | None = None,
        bidirectional: bool = False,
    ) -> Stack:
        """Build the stack for inputs of size ``input_size``; ``hidden_size`` and ``num_layers`` override options."""
        options: dict[str, Any] = {}
        if self.cell in CELLS:
            options = {name: getattr(self, name) for name in (*COMMON_OPTIONS, *CELL_OPTIONS[self.cell])}
            options["initial_state"] = self.initial_state
        return Stack.build(
            self.cell,
            input_size,
            hidden_size or self.hidden_size,
            num_layers or self.num_layers,
            bidirectional=bidirectional,
            dropout=self.rate,
            locked_dropout=self.locked_dropout,
            residual=self.residual,
            feedforward_size=self.feedforward_size,
            dilation=self.dilation,
            backend=self.backend,
            **options,
        )


def restored(file: ModelFile, options: Recurrent, build: Callable[[], M]) -> M:
    """Return ``build()`` with the weights of a model file.

    The file's config may claim any size: memory is allocated only after the file's tensors are known to have it.

    Raises:
        RunError: the weights do not fit the config.
    """
    if options.num_layers > len(file.tensors):
        raise RunError("the weights in the model file do not fit its config: it has fewer tensors than layers")
    if options.cell in CELLS:
        with torch.device("meta"):
            modelfile.check_fit(build(), file.tensors, "the model file")
    model = build()
    modelfile.restore(model, file.tensors, "the model file")
    return model
