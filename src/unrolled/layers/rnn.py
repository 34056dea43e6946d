"""Stacks of recurrent layers, in one or two directions.

    (1)  →y_t^l = forward cell of layer l over x_1^l … x_t^l        ←y_t^l = backward cell over x_T^l … x_t^l
    (2)  y_t^l  = [→y_t^l, ←y_t^l]                                  with one direction: →y_t^l
    (3)  y_t^l  = y_t^l + x_t^l                                     residual, from the second layer on
    (4)  y_t^l  = Mixing(y_t^l)                                     if there is a feed-forward block, see `Mixing`
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
from ..cells.base import start
from ..cells.contract import check_sizes_set
from ..cells.dilated import Dilated
from ..checks import checked
from ..errors import ArgumentError, ShapeError, did_you_mean
from ..kernels.arguments import shape_of_inputs
from ..scan import BACKENDS, choose, is_token_ids, scan
from .dropout import LockedDropout, check_dropout
from .mixing import Mixing

# T steps, B lanes, I input_size, O output_size (of all directions together)


class Stack(nn.Module):
    """Stacked layers of cells over a sequence, time first; see the module for the equations.

    The state is a flat tuple of the cells' states, one per layer and direction in torch's order: layer 0 forward, layer
    0 backward, layer 1 forward, … Residual connections and dropout act on the outputs, not on the state.

    Args:
        layers: the cells of each layer: ``(forward,)`` or ``(forward, backward)``, the same in all layers.
        dropout: rate of dropout between layers; there is none after the last.
        locked_dropout: draw one dropout mask for all steps, see `LockedDropout`.
        residual: add a layer's input to its output from the second layer on, where the widths agree.
        feedforward_size: width of a `Mixing` block after every layer; 0: none.
        backend: the backend of every recurrence, see `scan`.

    Raises:
        ArgumentError: there are no layers, their sizes do not fit, or a rate or the backend is invalid.
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
        if feedforward_size and layers[0][0].space_dims:
            raise ArgumentError("feedforward_size", "0 for cells over maps", feedforward_size)
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
        """Build ``num_layers`` layers of the cell `make_cell` returns for ``cell, **cell_options``.

        With dilation d the layers are `Dilated` by 1, d, d², … (Chang et al. 2017, section 2.2). The other arguments
        are those of the class.

        >>> Stack.build("lstm", 8, 16, num_layers=2, bidirectional=True).output_size
        32
        """
        check_size("num_layers", num_layers)
        check_size("dilation", dilation)
        layers: list[list[Cell]] = []
        width = input_size
        for number in range(num_layers):
            cells = [make_cell(cell, width, hidden_size, **cell_options) for _ in range(1 + bidirectional)]
            if number and dilation > 1:
                cells = [Dilated(inner, dilation**number) for inner in cells]
            layers.append(cells)
            width = sum(layer_cell.output_size for layer_cell in cells)
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
        """Return the outputs of the last layer ``(T, B, O)`` and the state after the last step; see `run`."""
        outputs, state = self.run(inputs, state, lengths=lengths, resets=resets, below=below)
        return outputs[-1], state

    def run(
        self,
        inputs: Tensor,
        state: tuple[State, ...] | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        below: Tensor | None = None,
    ) -> tuple[list[Tensor], tuple[State, ...]]:
        """Run the stack and return the outputs of every layer, for heads that read them all.

        Args:
            inputs: ``(T, B, I)``, time first; or token ids ``(T, B)`` int64, see `scan`; ``(T, B, I, *space)`` for
                cells over maps.
            state: the state returned by an earlier call, to continue from; `None` means `initial_state`.
            lengths: ``(B,)`` int64; past the end of a sequence the outputs are zero and the state is kept.
            resets: ``(T, B)`` bool, true at the first step of a document, see `scan`.
            below: ``(T, B, O)``, the output of a layer below this stack; with residual connections it is added to the
                output of the first layer.

        Returns:
            The outputs of each layer ``(T, B, O)`` and the state after the last step. Dropout is applied to all but
            the last layer's outputs; a head applies its own.

        Raises:
            ShapeError: inputs, state, lengths or resets do not fit.
            BackendError: the requested backend cannot run these cells.
        """
        rows = self._rows()
        first = rows[0][0]
        if not is_token_ids(inputs) and (inputs.dim() != 3 + first.space_dims or inputs.size(2) != first.input_size):
            raise ShapeError(f"inputs must be {shape_of_inputs(first)}, got {tuple(inputs.shape)}")
        before = self.initial_state(inputs.size(1), inputs.shape[3:]) if state is None else state
        entries = self.num_layers * self.num_directions
        if len(before) != entries:
            raise ShapeError(f"state must have {entries} entries, one per layer and direction, got {len(before)}")
        outputs: list[Tensor] = []
        after: list[State] = []
        x = inputs
        for layer in rows:
            directions = []
            for cell in layer:
                y, new = self._scan(cell, len(after), x, before[len(after)], lengths=lengths, resets=resets)
                directions.append(y)
                after.append(new)
            y = directions[0] if len(directions) == 1 else torch.cat(directions, dim=2)  # (2)
            shortcut = x if outputs else below
            if self.residual and shortcut is not None and shortcut.shape[2:] == y.shape[2:]:
                y = y + shortcut  # (3)
            if self.mixing is not None:
                y = self.mixing[len(outputs)](y)  # (4)
            if len(outputs) < self.num_layers - 1:
                y = self.dropout(y)  # (5)
            outputs.append(y)
            x = y
        return outputs, tuple(after)

    runner: Callable[..., tuple[Tensor, State]] = staticmethod(scan)  # `analysis.capture` sets a tracing one

    def _scan(self, cell: Cell, index: int, x: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        """Run one recurrence (1) of the stack; ``index`` is the cell's index in `cells`."""
        noise = cell.draw_noise(x.size(0), x.size(1)) if self.training else None
        reverse = index % self.num_directions == 1
        return self.runner(cell, x, state, noise=noise, reverse=reverse, backend=self.backend, **options)

    def check_backend(self, device: torch.device) -> None:
        """Raise `BackendError` if the requested backend cannot run one of the cells on ``device``; see `scan`."""
        for cell in self.cells:
            noise = cell.draw_noise(1, 1) if self.training else None
            inputs = torch.zeros(1, 1, cell.input_size, *[1] * cell.space_dims, device=device)
            choose(cell, inputs, noise=noise, backend=self.backend)

    def initial_state(self, batch_size: int, space: Sequence[int] = ()) -> tuple[State, ...]:
        """Return the state before the first step of ``batch_size`` sequences, of input maps of sizes ``space``."""
        states = []
        for layer in self._rows():
            states += [start(cell, batch_size, space) for cell in layer]
            space = layer[0].output_space(space)
        return tuple(states)

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells, in the order of the state's entries."""
        return (cell for layer in self._rows() for cell in layer)

    @property
    def input_size(self) -> int:
        return next(self.cells).input_size

    @property
    def hidden_size(self) -> int:
        """Hidden size of the last layer, in one direction."""
        return list(self.cells)[-1].hidden_size

    @property
    def output_size(self) -> int:
        """Width of the outputs, all directions together."""
        return sum(cell.output_size for cell in list(self.cells)[-self.num_directions :])

    def _rows(self) -> list[list[Cell]]:
        layers: Any = self._modules["layers"]  # twice as fast as iterating over module lists
        return [list(layer._modules.values()) for layer in layers._modules.values()]

    def extra_repr(self) -> str:
        return f"residual={self.residual}, backend={self.backend!r}"


def _check_layers(layers: Sequence[Sequence[Cell]]) -> None:
    """Raise `ArgumentError` unless all layers have the same number of directions, one or two, and fit together."""
    directions = {len(layer) for layer in layers}
    if directions not in ({1}, {2}):
        received = [len(layer) for layer in layers]
        raise ArgumentError("layers", "layers of one cell each, or of two each", received, "counts are cells per layer")
    check_sizes_set(layers[0][0])
    width = layers[0][0].input_size
    for number, layer in enumerate(layers):
        for cell in layer:
            check_sizes_set(cell)
            if cell.input_size != width:
                raise ArgumentError(f"layers[{number}]", f"cells with input_size {width}", cell.input_size)
            if cell.space_dims != layers[0][0].space_dims:
                expected = f"cells over inputs with {layers[0][0].space_dims} dimensions of space"
                raise ArgumentError(f"layers[{number}]", expected, cell.space_dims)
        width = sum(cell.output_size for cell in layer)
