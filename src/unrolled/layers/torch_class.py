"""Compatibility of the drop-ins with code written for torch's recurrent layers.

Initialisers and other tools test whether a module is a `torch.nn.RNNBase`, so a drop-in derives from that class, but
uses only its methods that read sizes. Tools that depend on the internals of the class work, or raise an error with a
remedy. A drop-in does not derive from `torch.nn.LSTM`, because torch.compile does not trace into that class.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..errors import BackendError, UnrolledWarning
from .names import flat_names
from .rnn import Stack

TORCH_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class TorchClass(nn.RNNBase):
    """A recurrent layer with torch's interface that keeps its weights in the cells of ``stack``."""

    torch_class: ClassVar[type[nn.RNNBase]]
    stack: Stack
    _function: str

    def __prepare_scriptable__(self) -> nn.Module:
        raise BackendError(
            f"torch.jit.script cannot compile an unrolled.nn.{type(self).__name__}; replace it by module.to_torch() "
            "first, torch's own layer with the same weights, or use torch.export or torch.compile"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "qconfig":
            text = f"torch's quantization does not quantize an unrolled.nn.{type(self).__name__}"
            warnings.warn(f"{text}; replace it by module.to_torch() first", UnrolledWarning, stacklevel=3)
        nn.Module.__setattr__(self, name, value)

    @property
    def mode(self) -> str:  # type: ignore[override]
        """torch's name of the layer's kind, such as ``LSTM`` or ``RNN_TANH``."""
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
        """Do nothing; kept for programs written for torch."""

    # torch's class also keeps a list of its weights; here they exist only in the cells.
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
    """Cast outputs and state, computed from ``x`` and ``hx``, to the dtype of torch's layer under autocast.

    On the CPU torch runs some layers entirely in autocast's dtype; in others it casts each operation separately, and
    the results have the dtype of the state.
    """
    device = x.device.type
    if device == "meta" or not torch.is_autocast_enabled(device) or x.dtype == torch.float64:  # float64 is never cast
        return outputs, leaves
    whole = device != "cpu" or cell == "rnn" or (cell == "lstm" and not packed)
    like = x if hx is None else hx[0]
    dtype = torch.get_autocast_dtype(device) if whole else like.dtype
    return outputs.to(dtype), tuple(leaf.to(dtype) for leaf in leaves)
