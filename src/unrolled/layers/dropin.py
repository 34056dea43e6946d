"""torch.nn's RNN, GRU and LSTM by another hand: their constructors, calls and ``state_dict``, and more."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor, nn

from ..checks import checked
from .torch_interface import DropIn, Extras, Sequences


class RNN(DropIn):
    """``torch.nn.RNN`` and more; the equations are in `cells.rnn`. See `LSTM` for what holds for all three.

    ``nonlinearity`` is ``"tanh"`` or ``"relu"``; with ``"relu"`` and ``init="identity"`` it is the IRNN of
    Le et al. 2015.
    """

    cell, torch_class = "rnn", nn.RNN
    own_options = ("nonlinearity",)

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

    def forward(self, input: Sequences, hx: Tensor | None = None) -> tuple[Sequences, Tensor]:
        """``output, h_n``; shapes and errors as in `LSTM.forward`, without c."""
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n


class GRU(DropIn):
    """``torch.nn.GRU`` and more; the equations are in `cells.gru`. See `LSTM` for what holds for all three.

    ``reset_after=False`` applies the reset gate before the recurrent product (Cho et al. 2014, eq. 8) instead
    of after it (torch, cuDNN).
    """

    cell, torch_class = "gru", nn.GRU

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

    def forward(self, input: Sequences, hx: Tensor | None = None) -> tuple[Sequences, Tensor]:
        """``output, h_n``; shapes and errors as in `LSTM.forward`, without c."""
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n


class LSTM(DropIn):
    """``torch.nn.LSTM`` and more; the equations are in `cells.lstm`.

    The arguments up to ``dtype`` are torch's, in its order; with them alone it computes what torch does, and
    starts from the same weights under the same seed. Its ``state_dict`` has torch's names and loads both
    ways; they can also be read and set as attributes (``lstm.weight_hh_l0``). What further options add is
    named likewise, as ``norm_c_weight_l0``. Only ``named_parameters`` goes by where the parameters are:
    ``stack.layers.0.0.weight_hh``. A loop over it that picks names ending in ``_l0`` picks nothing; go over
    ``state_dict()``'s names and ``getattr``, or over ``all_weights``.

    It is a ``torch.nn.RNNBase`` but no ``torch.nn.LSTM``, which torch.compile would not look into. What asks for
    that class exactly, as quantization and ``torch.jit.script`` do, gets it from `to_torch`. Under autocast outputs
    and states have the types that torch's have.

    Args:
        input_size: I, width of the input.
        hidden_size: H, width of the state.
        num_layers: layers, each over the outputs of the one below.
        bias: with ``bias_ih`` and ``bias_hh`` or without.
        batch_first: batched tensors are ``(B, T, ·)`` instead of ``(T, B, ·)``; states stay as they are.
        dropout: rate of dropout between layers, none after the last.
        bidirectional: two directions, outputs concatenated.
        proj_size: P < H, width of a projected h (Sak et al. 2014); 0 for none.
        device: where the parameters are made.
        dtype: their type.
        forget_bias: if given, the forget gate's total bias starts here (1.0: Jozefowicz et al. 2015).
        peepholes: let i and f see c_{t-1}, and o see c_t (Gers and Schmidhuber 2000).
        extras: the options of `Extras`.

    Raises:
        ArgumentError: a size, rate or name that cannot be.
    """

    cell, torch_class = "lstm", nn.LSTM
    own_options = ("proj_size",)
    state_names = ("h_0", "c_0")
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

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
        self, input: Sequences, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Sequences, tuple[Tensor, Tensor]]:
        """Run over whole sequences.

        Args:
            input: ``(T, B, I)``, ``(B, T, I)`` with ``batch_first``, unbatched ``(T, I)``, or packed.
            hx: ``(h_0, c_0)``, shaped ``(layers × directions, B, P or H)`` and ``(…, B, H)``, without B if
                unbatched; `None` is the initial state: zero, or what was learned.

        Returns:
            ``output, (h_n, c_n)``: the last layer's outputs in the same form as ``input``, their last
            dimension ``directions × (P or H)``; and the state after the last step.

        Raises:
            ShapeError: a shape or dtype that does not fit; the message names the argument.
            BackendError: the backend asked for by name cannot run this.
        """
        output, (h_n, c_n) = self._run(input, hx)
        return output, (h_n, c_n)
