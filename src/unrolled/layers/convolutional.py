"""Layers of convolutional recurrent cells, with the interface of torch's recurrent layers.

The output of a layer is the input of the next. Stride, padding and dilation belong to the first layer; the others keep
the size of maps, so that the states of all layers are one tensor, as in torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from ..cells import OVER_MAPS, State, check_size
from ..cells.convolutional import Maps
from ..checks import checked
from ..errors import ArgumentError, ShapeError
from ..kernels.arguments import shape_of_inputs
from .map_options import OF_FIRST_LAYER, OF_STACK, LSTMOptions, MapOptions, without_keras_names
from .rnn import Stack

# T steps, B lanes, I input_size, H hidden_size, both in channels; L layers × directions; space: sizes of a map


class ConvolutionalLayer(nn.Module):
    """Base class of `ConvLSTM` and `ConvGRU`, which choose the cell."""

    cell: ClassVar[str]

    def __init__(
        self,
        input_size: int,
        hidden_size: int | None,
        kernel_size: Maps,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        options: dict[str, Any],
    ) -> None:
        super().__init__()
        options = without_keras_names({"hidden_size": hidden_size, "bias": bias} | options)
        hidden_size = options.pop("hidden_size")
        check_size("num_layers", num_layers)
        if hidden_size is None:
            raise ArgumentError("hidden_size", "a number of channels", hidden_size)
        stacked = {name: options.pop(name) for name in OF_STACK if name in options}
        first = {name: options.pop(name) for name in OF_FIRST_LAYER if name in options}
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.bidirectional = batch_first, bidirectional
        layers = []
        for number in range(num_layers):
            width, geometry = (hidden_size * (1 + bidirectional), {}) if number else (input_size, first)
            make = partial(OVER_MAPS[self.cell], width, hidden_size, kernel_size, **geometry, **options)
            layers.append([make() for _ in range(1 + bidirectional)])
        self.stack = Stack(layers, dropout=dropout, **stacked)

    def run(
        self, input: Tensor, hx: Sequence[Tensor] | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the outputs in the form of ``input``, and the leaves of the state ``(L, B, H, *space')``."""
        cell = next(self.stack.cells)
        dims = input.dim() - cell.space_dims if isinstance(input, Tensor) else 0
        if dims not in (2, 3) or input.size(dims - 1) != self.input_size:
            received = tuple(input.shape) if isinstance(input, Tensor) else type(input).__name__
            order = shape_of_inputs(cell, "B, T" if self.batch_first else "T, B")
            raise ShapeError(f"input must be {order} or unbatched {shape_of_inputs(cell, 'T')}, got {received}")
        batched = dims == 3
        x = input.unsqueeze(1) if not batched else input.transpose(0, 1) if self.batch_first else input
        state = None if hx is None else self._state(hx, x, batched)
        outputs, after = self.stack(x, state, lengths=lengths, resets=resets)
        leaves = tuple(torch.stack(leaf) if len(leaf) > 1 else leaf[0][None] for leaf in zip(*after, strict=True))
        if not batched:
            return outputs.squeeze(1), tuple(leaf.squeeze(1) for leaf in leaves)
        return outputs.transpose(0, 1) if self.batch_first else outputs, leaves

    def _state(self, hx: Sequence[Tensor], x: Tensor, batched: bool) -> tuple[State, ...]:
        """Convert leaves ``(L, B, H, *space')`` to the state of the stack.

        Raises:
            ShapeError: a leaf does not fit.
        """
        cells: list[Any] = list(self.stack.cells)
        names = cells[0].state_leaves
        lane = (len(cells), x.size(1)) if batched else (len(cells),)
        shape = (*lane, self.hidden_size, *cells[0].output_space(x.shape[3:]))
        for name, leaf in zip(names, hx, strict=False):
            received = tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__
            if received != shape:
                raise ShapeError(f"{name}_0 must be {shape} = (layers × directions, B, H, …), got {received}")
        kind = type(cells[0].initial_state(1, x.shape[3:]))
        leaves = [leaf if batched else leaf.unsqueeze(1) for leaf in hx]
        return tuple(kind(*entry) for entry in zip(*leaves, strict=True))

    def extra_repr(self) -> str:
        flags = [name for name in ("batch_first", "bidirectional") if getattr(self, name)]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *(f"{name}=True" for name in flags)])


class ConvGRU(ConvolutionalLayer):
    """Convolutional GRU layers over sequences of maps (Ballas et al. 2016); the equations are in `cells.conv_gru`.

    The arguments are those of `ConvLSTM`, without peepholes and forget bias.

    >>> import torch
    >>> layer = ConvGRU(3, 16, kernel_size=5, num_layers=2)
    >>> output, h_n = layer(torch.randn(10, 4, 3, 32, 32))  # 10 steps, 4 sequences of pictures
    >>> output.shape, h_n.shape
    (torch.Size([10, 4, 16, 32, 32]), torch.Size([2, 4, 16, 32, 32]))
    """

    cell = "convgru"

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int | None = None,
        kernel_size: Maps = 3,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Unpack[MapOptions],
    ) -> None:
        sizes = input_size, hidden_size, kernel_size, num_layers
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dict(options))

    def forward(
        self,
        input: Tensor,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return ``output, h_n``; shapes, arguments and errors as in `ConvLSTM.forward`, without c."""
        output, (h_n,) = self.run(input, None if hx is None else (hx,), lengths, resets)
        return output, h_n


class ConvLSTM(ConvolutionalLayer):
    """Convolutional LSTM layers over sequences of maps (Shi et al. 2015); the equations are in `cells.conv_lstm`.

    Args:
        input_size: I, channels of the input.
        hidden_size: H, channels of the state.
        kernel_size: size of the kernels of all layers.
        num_layers: number of layers, each over the outputs of the one below.
        bias: whether the cells have ``bias_ih``.
        batch_first: batched inputs and outputs are ``(B, T, …)`` instead of ``(T, B, …)``; states are not affected.
        dropout: rate of dropout between layers; there is none after the last.
        bidirectional: run in both directions and concatenate the channels of the outputs.
        options: `LSTMOptions`.

    Raises:
        ArgumentError: a size, a rate or a name is invalid.

    >>> import torch
    >>> layer = ConvLSTM(3, 16, kernel_size=3, stride=2)
    >>> output, (h_n, c_n) = layer(torch.randn(10, 4, 3, 32, 32))  # 10 steps, 4 sequences of pictures
    >>> output.shape, c_n.shape
    (torch.Size([10, 4, 16, 16, 16]), torch.Size([1, 4, 16, 16, 16]))
    """

    cell = "convlstm"

    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int | None = None,
        kernel_size: Maps = 3,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Unpack[LSTMOptions],
    ) -> None:
        sizes = input_size, hidden_size, kernel_size, num_layers
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dict(options))

    def forward(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run the layers over whole sequences.

        Args:
            input: ``(T, B, I, *space)``, ``(B, T, I, *space)`` with ``batch_first``, or unbatched ``(T, I, *space)``.
            hx: ``(h_0, c_0)``, each ``(layers × directions, B, H, *space')``, without B if unbatched; `None` means the
                initial state: zero, or learned.
            lengths: ``(B,)`` int64: outputs past a sequence's end are zero and its state stops there.
            resets: ``(T, B)`` bool, true at the first step of a document, see `scan`.

        Returns:
            ``output, (h_n, c_n)``: the outputs of the last layer in the same form as ``input``, with ``directions × H``
            channels; and the state after the last step.

        Raises:
            ShapeError: a shape or dtype does not fit.
            BackendError: the requested backend cannot run this.
        """
        if hx is not None and (not isinstance(hx, tuple | list) or len(hx) != 2):
            raise ShapeError(f"hx must be a tuple (h_0, c_0), got {type(hx).__name__}")
        output, (h_n, c_n) = self.run(input, hx, lengths, resets)
        return output, (h_n, c_n)
