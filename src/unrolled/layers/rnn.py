"""Layers of cells, stacked, in one or two directions.

    (1)  →y_t^l = forward cell of layer l over x_1^l … x_t^l        ←y_t^l = backward cell over x_T^l … x_t^l
    (2)  y_t^l  = [→y_t^l, ←y_t^l]                                  with one direction: →y_t^l
    (3)  y_t^l  = y_t^l + x_t^l                                     residual, from the second layer on
    (4)  y_t^l  = mixed                                             see `Mixing`, if there is any
    (5)  x_t^{l+1} = dropout(y_t^l)

Two directions: Schuster and Paliwal 1997. Residual: He et al. 2016; between recurrent layers: Wu et al. 2016,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..cells import Cell, State, check_size, make_cell
from ..cells.dilated import Dilated
from ..checks import checked
from ..errors import ArgumentError, ShapeError, did_you_mean
from ..scan import BACKENDS, choose, is_token_ids, scan
from .dropout import LockedDropout, check_dropout
from .mixing import Mixing

# T steps, B lanes, I input_size, O output_size (of all directions together)


class Stack(nn.Module):
    """Layers of cells over a sequence, time first; see the module for the equations.

    Its state is a flat tuple with one entry per layer and direction, each the cell's own state, in torch's
    order: layer 0 forward, layer 0 backward, layer 1 forward, … Residual connections and dropout act on what
    is passed up, never on the state.

    Args:
        layers: for each layer its cells: ``(forward,)`` or ``(forward, backward)``, alike in all layers.
        dropout: rate of dropout between layers, none after the last.
        locked_dropout: draw that mask once for all steps, see `LockedDropout`.
        residual: add a layer's input to its output from the second layer on, where the widths agree.
        feedforward_size: width of a `Mixing` after every layer; 0: none.
        backend: the path every recurrence takes, see `scan`.

    Raises:
        ArgumentError: no layers, layers that do not fit on one another, no such rate or backend.
    """

    @checked
    def __init__(
        self,
        layers: Sequence[Sequence[Cell]],
        *,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        residual: bool = False,
        feedforward_size: int = 0,
        backend: str = "auto",
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        if backend not in BACKENDS:
            remedy = did_you_mean(backend, BACKENDS)
            raise ArgumentError("backend", f"one of {', '.join(BACKENDS)}", backend, remedy)
        _check_layers(layers)
        self.layers = nn.ModuleList(nn.ModuleList(layer) for layer in layers)
        self.dropout: nn.Dropout | LockedDropout = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)
        self.residual, self.backend = residual, backend
        self.num_layers, self.num_directions = len(layers), len(layers[0])
        check_size("feedforward_size", feedforward_size, least=0)
        widths = [sum(cell.output_size for cell in layer) for layer in layers]
        self.mixing = nn.ModuleList(Mixing(width, feedforward_size) for width in widths) if feedforward_size else None

    @classmethod
    @checked
    def build(
        cls,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        residual: bool = False,
        feedforward_size: int = 0,
        dilation: int = 1,
        backend: str = "auto",
        **cell_options: Any,
    ) -> Stack:
        """A stack of ``num_layers`` layers of the cell `make_cell` gives for ``cell, **cell_options``.

        With a dilation d they are `Dilated` by 1, d, d², … (Chang et al. 2017, section 2.2).
        """
        check_size("num_layers", num_layers)
        check_size("dilation", dilation)
        layers: list[list[Cell]] = []
        width = input_size
        for number in range(num_layers):
            made = [make_cell(cell, width, hidden_size, **cell_options) for _ in range(1 + bidirectional)]
            layers.append([Dilated(one, dilation**number) for one in made] if number and dilation > 1 else made)
            width = sum(one.output_size for one in layers[-1])
        return cls(
            layers,
            dropout=dropout,
            locked_dropout=locked_dropout,
            residual=residual,
            feedforward_size=feedforward_size,
            backend=backend,
        )

    def forward(
        self,
        inputs: Tensor,
        state: tuple[State, ...] | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        below: Tensor | None = None,
    ) -> tuple[Tensor, tuple[State, ...]]:
        """``inputs (T, B, I)`` → the last layer's outputs ``(T, B, O)`` and the state after; see `run`."""
        every, state = self.run(inputs, state, lengths=lengths, resets=resets, below=below)
        return every[-1], state

    def run(
        self,
        inputs: Tensor,
        state: tuple[State, ...] | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        below: Tensor | None = None,
    ) -> tuple[list[Tensor], tuple[State, ...]]:
        """The outputs of every layer, for heads that read them all.

        Args:
            inputs: ``(T, B, I)``, time first; or symbols ``(T, B)`` int64, as `scan` takes them.
            state: what an earlier call gave, to go on from there; `None` is `initial_state`.
            lengths: ``(B,)`` int64; past its end a sequence's outputs are zero and its state stands still.
            resets: ``(T, B)`` bool, true at a document's first step, see `scan`.
            below: ``(T, B, O)``, what a layer under this stack put out: with residual connections it is added to the
                first layer's output.

        Returns:
            Each layer's outputs ``(T, B, O)`` and the state after. Below the last layer they are as the next
            layer received them, dropout included; the last layer's are bare: a head applies its own dropout.

        Raises:
            ShapeError: inputs, state, lengths or resets do not fit.
            BackendError: the backend asked for by name cannot run these cells.
        """
        rows = self._rows()
        input_size = rows[0][0].input_size
        if not is_token_ids(inputs) and (inputs.dim() != 3 or inputs.size(2) != input_size):
            raise ShapeError(f"inputs must be (T, B, {input_size}), got {tuple(inputs.shape)}")
        before = self.initial_state(inputs.size(1)) if state is None else state
        entries = self.num_layers * self.num_directions
        if len(before) != entries:
            raise ShapeError(f"state must have {entries} entries, one per layer and direction, got {len(before)}")
        every: list[Tensor] = []
        after: list[State] = []
        x = inputs
        for layer in rows:
            ways = []
            for cell in layer:
                y, new = self._scan(cell, len(after), x, before[len(after)], lengths=lengths, resets=resets)
                ways.append(y)
                after.append(new)
            y = ways[0] if len(ways) == 1 else torch.cat(ways, dim=-1)  # (2)
            under = x if every else below
            if self.residual and under is not None and under.size(2) == y.size(2):
                y = y + under  # (3)
            if self.mixing is not None:
                y = self.mixing[len(every)](y)  # (4)
            if len(every) < self.num_layers - 1:
                y = self.dropout(y)  # (5)
            every.append(y)
            x = y
        return every, tuple(after)

    runner: Callable[..., tuple[Tensor, State]] = staticmethod(scan)  # `analysis.capture` puts a tracing one here

    def _scan(self, cell: Cell, index: int, x: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        """(1): every recurrence of the stack goes through here; ``index`` is the cell's place in `cells`."""
        noise = cell.draw_noise(x.size(0), x.size(1)) if self.training else None
        reverse = index % self.num_directions == 1
        return self.runner(cell, x, state, noise=noise, reverse=reverse, backend=self.backend, **options)

    def check_backend(self, device: torch.device) -> None:
        """Raise `BackendError` if the backend asked for by name cannot run one of these cells there; see `scan`."""
        for cell in self.cells:
            noise = cell.draw_noise(1, 1) if self.training else None
            choose(cell, torch.zeros(1, 1, cell.input_size, device=device), noise=noise, backend=self.backend)

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """The state before the first step of ``batch_size`` sequences."""
        return tuple(cell.initial_state(batch_size) for cell in self.cells)

    @property
    def cells(self) -> Iterator[Cell]:
        """Every cell, in the order of the state's entries."""
        return (cell for layer in self._rows() for cell in layer)

    @property
    def input_size(self) -> int:
        return next(self.cells).input_size

    @property
    def hidden_size(self) -> int:
        """The width of the last layer's state, in one direction."""
        return list(self.cells)[-1].hidden_size

    @property
    def output_size(self) -> int:
        """The width of the outputs: that of all directions together."""
        return sum(cell.output_size for cell in list(self.cells)[-self.num_directions :])

    def _rows(self) -> list[list[Cell]]:
        layers: Any = self._modules["layers"]  # twice as quick as by iterating over module lists
        return [list(layer._modules.values()) for layer in layers._modules.values()]

    def extra_repr(self) -> str:
        return f"residual={self.residual}, backend={self.backend!r}"


def _check_layers(layers: Sequence[Sequence[Cell]]) -> None:
    """Raise `ArgumentError` unless all layers have the same one or two directions and fit on one another."""
    directions = {len(layer) for layer in layers}
    if directions not in ({1}, {2}):
        received = [len(layer) for layer in layers]
        raise ArgumentError("layers", "layers of one cell each, or of two each", received, "counts are cells per layer")
    width = layers[0][0].input_size
    for number, layer in enumerate(layers):
        for cell in layer:
            if cell.input_size != width:
                raise ArgumentError(f"layers[{number}]", f"cells with input_size {width}", cell.input_size)
        width = sum(cell.output_size for cell in layer)
