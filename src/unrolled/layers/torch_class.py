"""What makes a layer one of torch's recurrent ones: its inside as code that was written for torch expects it.

Initialisers and samplers ask whether a module is a `torch.nn.RNNBase`, so a drop-in is one. Nothing of that class runs
but what reads sizes; and what would take the layer to pieces by its class gets it right or says what to do. It is no
`torch.nn.LSTM`: of those torch.compile sees nothing, and a drop-in it sees through.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, BackendError, UnrolledWarning
from .names import flat_names
from .rnn import Stack

TORCH_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class TorchClass(nn.RNNBase):
    """One of torch's recurrent layers that keeps its weights in the cells of ``stack``."""

    torch_class: ClassVar[type[nn.RNNBase]]
    own_options: ClassVar[tuple[str, ...]] = ()  # arguments that only this one of torch's three has
    stack: Stack
    _function: str
    _beyond: list[str]  # options it was made with that torch lacks, and that change what is computed

    def to_torch(self) -> nn.RNNBase:
        """A copy that is torch's own layer, for whatever asks for exactly that: quantization, `torch.jit.script`.

        Raises:
            ArgumentError: it was made with an option that torch lacks.
        """
        if self._beyond:
            expected = f"made without what torch.nn.{self.torch_class.__name__} lacks"
            raise ArgumentError("the layer", expected, ", ".join(self._beyond))
        names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
        weight = next(self.parameters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dropout in one layer we have told
            copy = self.torch_class(
                **{name: getattr(self, name) for name in (*names, *self.own_options)},
                device=weight.device,
                dtype=weight.dtype,
            )
        copy.load_state_dict(self.state_dict())
        for name, parameter in copy.named_parameters():
            parameter.requires_grad_(getattr(self, name).requires_grad)
        return copy.train(self.training)

    def __prepare_scriptable__(self) -> nn.Module:
        raise BackendError(
            f"torch.jit.script cannot compile an unrolled.nn.{type(self).__name__}; put module.to_torch() in its place "
            "first, torch's own layer with the same weights, or use torch.export or torch.compile"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "qconfig":
            text = f"torch's quantization leaves an unrolled.nn.{type(self).__name__} as it is"
            warnings.warn(f"{text}; put module.to_torch() in its place first", UnrolledWarning, stacklevel=3)
        nn.Module.__setattr__(self, name, value)

    @property
    def mode(self) -> str:  # type: ignore[override]
        """torch's name for the kind of layer."""
        return self._function.upper()

    @property
    def _all_weights(self) -> list[list[str]]:  # type: ignore[override]
        rows: dict[str, list[str]] = {}
        for name in flat_names(self.stack):
            base, _, place = name.rpartition("_l")
            if base in TORCH_PARAMETERS:
                rows.setdefault(place, []).append(name)
        return list(rows.values())

    @property
    def _flat_weights_names(self) -> list[str]:  # type: ignore[override]
        return [name for row in self._all_weights for name in row]

    @property
    def _flat_weights(self) -> list[Tensor | None]:  # type: ignore[override]
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self) -> None:
        """Nothing to do: kept because programs written for torch call it."""

    # torch's class keeps a list of its weights beside them; here each is in its cell and nowhere else.
    _init_flat_weights = _update_flat_weights = flatten_parameters
    _apply = nn.Module._apply
    _replicate_for_data_parallel = nn.Module._replicate_for_data_parallel
    __setstate__ = nn.Module.__setstate__

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()


def as_torch_casts(
    cell: str,
    x: Tensor,
    hx: tuple[Tensor, ...] | None,
    outputs: Tensor,
    leaves: tuple[Tensor, ...],
    *,
    packed: bool = False,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs and state, found from ``x`` and ``hx``, under autocast in the type that torch's layer gives there.

    On the CPU torch runs some layers in autocast's type as a whole, and of the others each operation by itself; what
    comes out then has the type of the state.
    """
    device = x.device.type
    if device == "meta" or not torch.is_autocast_enabled(device) or x.dtype == torch.float64:  # which is never cast
        return outputs, leaves
    whole = device != "cpu" or cell == "rnn" or (cell == "lstm" and not packed)
    like = x if hx is None else hx[0]
    dtype = torch.get_autocast_dtype(device) if whole else like.dtype
    return outputs.to(dtype), tuple(leaf.to(dtype) for leaf in leaves)
