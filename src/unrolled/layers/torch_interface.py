"""torch's interface around a `Stack`: ``(layers, B, H)`` states, ``batch_first`` and packed sequences."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..cells import GatedCell, State
from ..cells.base import InitialState
from ..cells.state import select
from ..checks import refuse_unknown
from ..errors import ArgumentError, ShapeError, UnrolledWarning
from ..kernels.torch import faster_than_kernel
from ..kernels.watch import watched
from .frozen import Freezable
from .names import FLAT, flat_names, use_flat_names
from .rnn import Stack
from .torch_class import TORCH_PARAMETERS, as_torch_casts

# T steps, B lanes, I input_size, H hidden_size, L layers × directions

Sequences = TypeVar("Sequences", Tensor, PackedSequence)
SHORT, SHORT_PACKED = 24, 30  # steps; only shorter calls may use torch's own layer


class DropIn(Freezable):
    """Base class of `RNN`, `GRU` and `LSTM`, which only choose the cell; torch's interface and conversion."""

    cell: ClassVar[str]
    torch_class: ClassVar[type[nn.RNNBase]]
    own_options: ClassVar[tuple[str, ...]] = ()  # arguments that only this one of torch's three layers has
    _unsupported: list[str]  # options in use that torch does not have and that change the results
    proj_size = 0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        *,
        initial_state: InitialState = "zero",
        learned_initial_state: bool = False,
        residual: bool = False,
        locked_dropout: bool = False,
        backend: str = "auto",
        **cell_options: Any,
    ) -> None:
        nn.Module.__init__(self)  # that of RNNBase would create the weights a second time
        for name, flag in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(flag, bool):
                raise ArgumentError(name, "True or False", flag)
        if learned_initial_state:
            initial_state = "learned"
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.stack = Stack.build(
            self.cell,
            input_size,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            locked_dropout=locked_dropout,
            residual=residual,
            backend=backend,
            bias=bias,
            initial_state=initial_state,
            **cell_options,
        )
        if dropout and num_layers == 1:
            text = f"dropout={dropout} acts between layers and has no effect with num_layers=1"
            warnings.warn(text, UnrolledWarning, stacklevel=5)
        use_flat_names(self)
        in_use = {name for name, value in cell_options.items() if value not in (0, None)}
        in_use -= {"device", "dtype", "nonlinearity", "reset_after", "init"}
        extra = residual or initial_state != "zero" or backend != "auto" or in_use
        self._function = f"rnn_{cell_options['nonlinearity']}" if self.cell == "rnn" else self.cell  # of torch
        self._plain = not extra and cell_options.get("reset_after", True)
        self._unsupported = sorted(in_use - {"forget_bias", *self.own_options})
        flags = {"residual": residual, "initial_state": initial_state != "zero"}
        flags |= {"locked_dropout": locked_dropout, "reset_after=False": not cell_options.get("reset_after", True)}
        self._unsupported += [name for name, on in flags.items() if on]

    @classmethod
    def from_torch(cls, module: nn.RNNBase, **extras: Any) -> Self:
        """Copy a module of torch; ``extras`` are options of `Extras` that add no parameters.

        Raises:
            ArgumentError: ``module`` is not an instance of the corresponding torch class.
        """
        if not isinstance(module, cls.torch_class):
            raise ArgumentError("module", f"a torch.nn.{cls.torch_class.__name__}", type(module).__name__)
        options = {name: getattr(module, name) for name in cls.own_options}
        parameters = dict(module.named_parameters())
        copy = cls(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            bias=module.bias,
            batch_first=module.batch_first,
            dropout=module.dropout,
            bidirectional=module.bidirectional,
            device=parameters["weight_ih_l0"].device,
            dtype=parameters["weight_ih_l0"].dtype,
            **options,
            **extras,
        )
        copy.load_state_dict(module.state_dict())
        for name, parameter in parameters.items():
            getattr(copy, name).requires_grad_(parameter.requires_grad)
        return copy.train(module.training)

    def to_torch(self) -> nn.RNNBase:
        """Copy the layer as torch's own class, for tools that require it: quantization, `torch.jit.script`.

        Raises:
            ArgumentError: the layer uses an option that torch does not have.
        """
        if self._unsupported:
            expected = f"built without options that torch.nn.{self.torch_class.__name__} does not have"
            raise ArgumentError("the layer", expected, ", ".join(self._unsupported))
        names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
        weight = next(self.parameters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the constructor has already warned of dropout in a single layer
            copy = self.torch_class(
                **{name: getattr(self, name) for name in (*names, *self.own_options)},
                device=weight.device,
                dtype=weight.dtype,
            )
        copy.load_state_dict(self.state_dict())
        for name, parameter in copy.named_parameters():
            parameter.requires_grad_(getattr(self, name).requires_grad)
        return copy.train(self.training)

    def _run(self, input: Sequences, hx: tuple[Tensor, ...] | None) -> tuple[Sequences, tuple[Tensor, ...]]:
        """Run any kind of input that torch accepts; return outputs of the same kind, and the leaves of the state."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx)
        frozen = None if self._copy is None or torch.compiler.is_compiling() else self._run_frozen(input, hx)
        if frozen is not None:
            return frozen
        batched = isinstance(input, Tensor) and input.dim() == 3
        if batched:  # first, because in a small call checking the arguments takes as long as the computation
            B, T, I = input.shape if self.batch_first else (input.shape[1], input.shape[0], input.shape[2])
            if T < SHORT and self.input_size == I:
                results = self._call_torch(input, hx, T, B)
                if results is not None:
                    return results[0], results[1:]
        self._check_input(input, (2, 3))
        if not batched:
            x = input.unsqueeze(1)  # (T, 1, I)
        else:
            x = input.transpose(0, 1) if self.batch_first else input  # (T, B, I)
        stack: Any = self._modules["stack"]  # attribute access would search three places
        outputs, state = stack(x, self._state(hx, x.size(1), batched))
        leaves = tuple(torch.stack(leaf) for leaf in zip(*state, strict=True))  # (L, B, ·) each
        outputs, leaves = as_torch_casts(self.cell, input, hx, outputs, leaves)
        if not batched:
            return outputs.squeeze(1), tuple(leaf.squeeze(1) for leaf in leaves)
        return outputs.transpose(0, 1) if self.batch_first else outputs, leaves

    def _call_torch(
        self, x: Tensor, hx: tuple[Tensor, ...] | None, T: int, B: int, batch_sizes: Tensor | None = None
    ) -> tuple[Tensor, ...] | None:
        """Call torch's own layer if the call is so small that it is faster; else return `None`.

        ``x`` is the input of `forward`, or packed data with its ``batch_sizes``.
        """
        packed = batch_sizes is not None
        stack: Any = self._modules["stack"]
        cells = [cell for layer in stack._modules["layers"]._modules.values() for cell in layer._modules.values()]
        if (
            not self._plain
            or not faster_than_kernel(cells[0].gates, T, B, self.input_size, self.hidden_size, packed)
            or not (x.is_cpu and x.numel())
            or (self.training and stack._modules["dropout"].p)
            or "runner" in stack.__dict__
            or "UNROLLED_BACKEND" in os.environ
            or torch.is_autocast_enabled("cpu")
            or not (hx is None or isinstance(hx, tuple))
            or watched((x,) if hx is None else (x, *hx))
        ):
            return None
        try:
            names = TORCH_PARAMETERS[: 4 if self.bias else 2]
            weights = [cell._parameters[name] for cell in cells for name in names]
        except KeyError:  # the weights are computed, e.g. by a parametrization
            return None
        if weights[0].dtype != x.dtype or not weights[0].is_cpu:
            return None
        if hx is None:
            zeros = torch.zeros(len(cells), B, self.hidden_size, dtype=x.dtype)
            hx = (zeros,) if len(self.state_names) == 1 else (zeros, zeros)
        else:
            self._state(hx, B, batched=True)  # checks it
        initial = hx if len(hx) > 1 else hx[0]
        options = (weights, self.bias, self.num_layers, 0.0, self.training, self.bidirectional)
        layer: Callable[..., tuple[Tensor, ...]] = getattr(torch, self._function)
        return layer(x, batch_sizes, initial, *options) if packed else layer(x, initial, *options, self.batch_first)

    def _run_packed(
        self, packed: PackedSequence, hx: tuple[Tensor, ...] | None
    ) -> tuple[PackedSequence, tuple[Tensor, ...]]:
        """Run a packed input. Padding keeps its order (longest first), so that the output is packed like the input."""
        order, inverse = packed.sorted_indices, packed.unsorted_indices  # None if the caller has sorted
        x, T = packed.data, packed.batch_sizes.size(0)
        frozen = None if self._copy is None or torch.compiler.is_compiling() else self._run_frozen_packed(packed, hx)
        if frozen is not None:
            return frozen
        if T < SHORT_PACKED and x.dim() == 2 and x.size(1) == self.input_size:
            B = packed.batch_sizes.tolist()[0]
            initial = hx
            if order is not None and isinstance(hx, tuple) and all(isinstance(leaf, Tensor) for leaf in hx):
                self._state(hx, B, batched=True)  # checks it
                initial = tuple(leaf.index_select(1, order) for leaf in hx)
            results = self._call_torch(x, initial, T, B, packed.batch_sizes)
            if results is not None:
                data, *last = results
                if inverse is not None:
                    last = [leaf.index_select(1, inverse) for leaf in last]
                return PackedSequence(data, packed.batch_sizes, order, inverse), tuple(last)
        self._check_input(x, (2,))
        x, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))  # (T, B, I), (B,)
        state = self._state(hx, x.size(1), batched=True)
        if order is not None:
            state = select(state, order)
        outputs, state = self.stack(x, state, lengths=lengths.to(x.device))
        if inverse is not None:
            state = select(state, inverse)
        data = pack_padded_sequence(outputs, lengths).data
        leaves = tuple(torch.stack(leaf) for leaf in zip(*state, strict=True))
        data, leaves = as_torch_casts(self.cell, packed.data, hx, data, leaves, packed=True)
        return PackedSequence(data, packed.batch_sizes, order, inverse), leaves

    def _state(self, hx: tuple[Tensor, ...] | None, B: int, batched: bool) -> tuple[State, ...]:
        """Convert torch's ``(L, B, ·)`` leaves to a stack's state; the initial state if ``hx`` is missing.

        Raises:
            ShapeError: a leaf does not fit.
        """
        stack: Any = self._modules["stack"]
        initial: tuple[Any, ...] = stack.initial_state(B)
        if hx is None:
            return initial
        if not isinstance(hx, tuple | list) or len(hx) != len(self.state_names):
            raise ShapeError(f"hx must be a tuple ({', '.join(self.state_names)}), got {type(hx).__name__}")
        leaves = []
        for name, leaf, like in zip(self.state_names, hx, initial[0], strict=True):
            shape = (len(initial), B, like.size(1)) if batched else (len(initial), like.size(1))
            received = tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__
            if received != shape:
                meaning = "(layers × directions, B, width)" if batched else "(layers × directions, width)"
                raise ShapeError(f"{name} must be {shape} = {meaning}, got {received}")
            self._check_kind(name, leaf)
            leaves.append(leaf if batched else leaf.unsqueeze(1))
        return tuple(type(initial[0])(*entry) for entry in zip(*leaves, strict=True))

    def _check_input(self, input: Tensor, dims: tuple[int, ...]) -> None:
        if not isinstance(input, Tensor) or input.dim() not in dims or input.size(-1) != self.input_size:
            order = "B, T" if self.batch_first else "T, B"
            batched = f"({order}, {self.input_size}) or unbatched (T, {self.input_size})"
            expected = batched if 3 in dims else f"packed (steps, {self.input_size})"
            if not isinstance(input, Tensor):
                remedy = "convert it: torch.as_tensor(input)"
                raise ShapeError(f"input must be a tensor {expected}, got {type(input).__name__}; {remedy}")
            raise ShapeError(f"input must be {expected}, got {tuple(input.shape)}")
        self._check_kind("input", input)

    def _refuse(self, unknown: Mapping[str, Any]) -> None:
        """Raise `ArgumentError` for the keywords that `forward` does not have."""
        if "lengths" in unknown:
            remedy = "pack the input: torch.nn.utils.rnn.pack_padded_sequence(input, lengths, enforce_sorted=False)"
            raise ArgumentError("lengths", "omitted, as in torch.nn", unknown["lengths"], remedy)
        refuse_unknown(unknown, ["input", "hx"])

    def _check_kind(self, name: str, tensor: Tensor) -> None:
        stack: Any = self._modules["stack"]
        weight = next(stack.cells).weight_hh
        dtype, device = weight.dtype, weight.device
        if tensor.device != device:
            raise ShapeError(
                f"{name} must be on the weights' device {device}, got {tensor.device}; "
                f"move one of them: {name}.to({str(device)!r}) or module.to({str(tensor.device)!r})"
            )
        if tensor.dtype != dtype and not torch.is_autocast_enabled(tensor.device.type):
            raise ShapeError(
                f"{name} must have the weights' dtype {dtype}, got {tensor.dtype}; "
                f"convert one of them: {name}.to({dtype}) or module.to({tensor.dtype})"
            )

    @property
    def dropout(self) -> float:
        """Rate of dropout between layers."""
        return self.stack.dropout.p

    @dropout.setter
    def dropout(self, p: float) -> None:
        self.stack.dropout.p = p

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters that torch's layer has, cell by cell."""
        return [
            [weight for name in TORCH_PARAMETERS if (weight := getattr(cell, name, None)) is not None]
            for cell in self.stack.cells
        ]

    def flatten_parameters(self) -> None:
        """Do nothing; kept for programs written for torch."""

    def reset_parameters(self) -> None:
        """Reinitialise the weights with the initialiser given at construction."""
        for cell in self.stack.cells:
            cast(GatedCell, cell).reset_parameters()

    def __getattr__(self, name: str) -> Any:
        path = self._path(name)
        return super().__getattr__(name) if path is None else self.get_parameter(path)

    def __setattr__(self, name: str, value: Any) -> None:
        path = self._path(name)
        if path is None:
            super().__setattr__(name, value)
        else:  # the parameter belongs to its cell; a second one here would never be used
            owner, _, attribute = path.rpartition(".")
            setattr(self.get_submodule(owner), attribute, value)

    def _path(self, name: str) -> str | None:
        """Return the path of the parameter with torch's name ``name``; `None` for all other names."""
        if "_l" not in name or not FLAT.fullmatch(name) or "stack" not in self.__dict__.get("_modules", {}):
            return None
        return flat_names(self.stack).get(name)

    def extra_repr(self) -> str:
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        defaults |= {"bidirectional": False}
        changed = [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])
