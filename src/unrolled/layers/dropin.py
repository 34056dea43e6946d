"""Drop-in replacements for torch.nn's RNN, GRU and LSTM: same constructors, calls and ``state_dict``, more options."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast

from torch import Tensor, nn

from ..checks import NoOptions, checked
from ..errors import ArgumentError, UnknownOption
from .extras import Extras
from .torch_interface import DropIn, Sequences

OWNERS = {"nonlinearity": "RNN", "reset_after": "GRU", "forget_bias": "LSTM", "peepholes": "LSTM", "proj_size": "LSTM"}
"""The options that only one of the three layers has, and that layer."""
F = TypeVar("F", bound=Callable[..., Any])


def _names_owner(constructor: F) -> F:
    """Decorate a constructor, so that the error for another layer's option names that layer."""

    @functools.wraps(constructor)
    def construct(self: DropIn, *args: Any, **options: Any) -> None:
        try:
            constructor(self, *args, **options)
        except UnknownOption as error:
            name = str(error.received)
            if name not in OWNERS:
                raise
            layer = self.torch_class.__name__
            remedy = f"it is an option of {OWNERS[name]} only"
            raise ArgumentError(name, f"omitted in {layer}", options[name], remedy) from None

    return cast(F, construct)


class RNN(DropIn):
    """A drop-in for ``torch.nn.RNN`` with more options; the equations are in `cells.rnn`.

    Arguments and properties common to all three layers are documented at `LSTM`. ``nonlinearity`` is ``"tanh"`` or
    ``"relu"``; with ``"relu"`` and ``init="identity"`` the layer is the IRNN of Le et al. 2015.
    """

    cell, torch_class = "rnn", nn.RNN
    own_options = ("nonlinearity",)

    @_names_owner
    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **extras: Unpack[Extras],
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            nonlinearity=nonlinearity,
            device=device,
            dtype=dtype,
            **extras,
        )
        self.nonlinearity = nonlinearity

    def forward(
        self, input: Sequences, hx: Tensor | None = None, **unknown: Unpack[NoOptions]
    ) -> tuple[Sequences, Tensor]:
        """Return ``output, h_n``; shapes and errors as in `LSTM.forward`, without c."""
        if unknown:
            self._refuse(unknown)
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n


class GRU(DropIn):
    """A drop-in for ``torch.nn.GRU`` with more options; the equations are in `cells.gru`.

    Arguments and properties common to all three layers are documented at `LSTM`. ``reset_after=False`` applies the
    reset gate before the recurrent product (Cho et al. 2014, eq. 8) instead of after it (torch, cuDNN).
    """

    cell, torch_class = "gru", nn.GRU

    @_names_owner
    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        reset_after: bool = True,
        **extras: Unpack[Extras],
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            reset_after=reset_after,
            device=device,
            dtype=dtype,
            **extras,
        )

    def forward(
        self, input: Sequences, hx: Tensor | None = None, **unknown: Unpack[NoOptions]
    ) -> tuple[Sequences, Tensor]:
        """Return ``output, h_n``; shapes and errors as in `LSTM.forward`, without c."""
        if unknown:
            self._refuse(unknown)
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n


class LSTM(DropIn):
    """A drop-in for ``torch.nn.LSTM`` with more options; the equations are in `cells.lstm`.

    The arguments up to ``dtype`` are those of torch, in the same order. With these alone the layer computes what torch
    computes, and the same seed gives the same initial weights.

    The ``state_dict`` uses torch's names and can be loaded in both directions. Parameters can also be read and set as
    attributes by these names (``lstm.weight_hh_l0``); those of further options are named alike (``norm_c_weight_l0``).
    ``named_parameters``, however, yields module paths (``stack.layers.0.0.weight_hh``), so code that selects names
    ending in ``_l0`` must iterate over ``state_dict()`` with ``getattr``, or over ``all_weights``.

    The class derives from ``torch.nn.RNNBase`` but not from ``torch.nn.LSTM``, which torch.compile does not trace into.
    Use `to_torch` for tools that require exactly that class, such as quantization and ``torch.jit.script``. Under
    autocast outputs and states have the same dtypes as those of torch.

    Args:
        input_size: I, width of the input.
        hidden_size: H, width of the state.
        num_layers: number of layers, each over the outputs of the one below.
        bias: whether the cells have ``bias_ih`` and ``bias_hh``.
        batch_first: batched tensors are ``(B, T, ·)`` instead of ``(T, B, ·)``; states are not affected.
        dropout: rate of dropout between layers; there is none after the last.
        bidirectional: run in both directions and concatenate the outputs.
        proj_size: P < H, width of a projected h (Sak et al. 2014); 0 for none.
        device: device of the parameters.
        dtype: dtype of the parameters.
        forget_bias: if given, the initial total bias of the forget gate (1.0: Jozefowicz et al. 2015).
        peepholes: connect c_{t-1} to the gates i and f, and c_t to the gate o (Gers and Schmidhuber 2000).
        extras: the options of `Extras`.

    Raises:
        ArgumentError: a size, rate or name is invalid.

    >>> import torch
    >>> lstm = LSTM(8, 16, num_layers=2, layer_norm=True)
    >>> output, (h_n, c_n) = lstm(torch.randn(5, 3, 8))  # 5 steps, 3 sequences
    >>> output.shape, h_n.shape
    (torch.Size([5, 3, 16]), torch.Size([2, 3, 16]))
    """

    cell, torch_class = "lstm", nn.LSTM
    own_options = ("proj_size",)
    state_names = ("h_0", "c_0")
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

    @_names_owner
    @checked
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        forget_bias: float | None = None,
        peepholes: bool = False,
        **extras: Unpack[Extras],
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size=proj_size,
            forget_bias=forget_bias,
            peepholes=peepholes,
            device=device,
            dtype=dtype,
            **extras,
        )
        self.proj_size = proj_size

    def forward(
        self, input: Sequences, hx: tuple[Tensor, Tensor] | None = None, **unknown: Unpack[NoOptions]
    ) -> tuple[Sequences, tuple[Tensor, Tensor]]:
        """Run the layers over whole sequences.

        Args:
            input: ``(T, B, I)``, ``(B, T, I)`` with ``batch_first``, unbatched ``(T, I)``, or packed.
            hx: ``(h_0, c_0)``, of shape ``(layers × directions, B, P or H)`` and ``(…, B, H)``, without B if
                unbatched; `None` means the initial state: zero, or learned.

        Returns:
            ``output, (h_n, c_n)``: the outputs of the last layer in the same form as ``input``, with last
            dimension ``directions × (P or H)``; and the state after the last step.

        Raises:
            ShapeError: a shape or dtype does not fit; the message names the argument.
            ArgumentError: there is another keyword, such as ``lengths``.
            BackendError: the requested backend cannot run this.
        """
        if unknown:
            self._refuse(unknown)
        output, (h_n, c_n) = self._run(input, hx)
        return output, (h_n, c_n)
