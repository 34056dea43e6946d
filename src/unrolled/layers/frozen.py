"""`freeze` of the drop-in layers: calls without gradients on weights that are packed once."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..checks import checked
from ..errors import BackendError
from ..kernels.frozen import FrozenStack, State
from ..kernels.packing import Precision
from ..kernels.watch import unobserved, watched
from .rnn import Stack
from .torch_class import TorchClass

# T steps, B lanes, I input_size, H hidden_size, L layers × directions


class Copy:
    """The packed copy of a layer's weights, made when it is first needed; pickled and deep-copied without them."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.stack: FrozenStack | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Copy, (self.precision,)

    def current(self, stack: Stack) -> FrozenStack:
        """Return the copy of the weights of ``stack``; a new one if they have changed.

        Raises:
            BackendError, DivergedError: as `FrozenStack`.
        """
        held = self.stack
        if held is None or held.changed():
            held = self.stack = pack(stack, self.precision)
        return held


def pack(stack: Stack, precision: Precision) -> FrozenStack:
    """Copy the weights of a stack; see `FrozenStack`."""
    layers: Any = stack._modules["layers"]
    rows = [list(row._modules.values()) for row in layers._modules.values()]
    modules = [layers, *layers._modules.values()]
    places = [(module._modules, name) for module in modules for name in module._modules]
    return FrozenStack(rows, places, stack.residual, precision)


class Freezable(TorchClass):
    """A drop-in layer that can be frozen."""

    batch_first: bool
    state_names: ClassVar[tuple[str, ...]] = ("hx",)
    _copy: Copy | None = None

    @property
    def frozen(self) -> Precision | None:
        """The precision of a frozen layer; `None` if it is not frozen."""
        return None if self._copy is None else self._copy.precision

    @checked
    def freeze(self, precision: Precision = "float32") -> Self:
        """Pack the weights once, for fast inference of few steps; the layer is then in evaluation mode.

        Every call of an unfrozen layer reads its weights as they are stored, or packs them anew. A frozen layer keeps
        a second, packed copy for the CPU and computes a whole call in compiled code. With float32 the results are those
        of the unfrozen layer, up to rounding. A lane's results do not depend, to the last bit, on the other lanes of
        the batch, the number of threads, or the division of the steps into calls.

        The copy is made anew at the next call when a weight has changed: by an optimizer, ``load_state_dict``, an
        in-place operation, ``.to()``, ``parameter.data = …``, another parameter or cell. torch does not record writes
        through ``parameter.data.copy_(…)`` or ``parameter.detach().numpy()`` into the same memory: call `freeze` again
        after these.

        A frozen layer has no gradients: call it under ``torch.no_grad()`` or ``torch.inference_mode()``. `train` and
        `unfreeze` undo it. Calls that the compiled code cannot run, under torch.compile, torch.func, autocast or
        `unrolled.analysis.capture`, take the path of the unfrozen layer, with its float32 weights.

        Args:
            precision: of the packed weights: ``"float32"``; ``"bfloat16"``, half the memory to read; or ``"int8"``, a
                quarter, with 255 levels per row of a matrix and for the inputs of each product.

        Returns:
            The layer itself.

        Raises:
            ArgumentError: the precision is unknown.
            BackendError: there are no compiled kernels for this layer: it has layer norm, a projection, weights that
                are not float32 on the CPU or are computed by a parametrization, or another backend was requested.
            DivergedError: a weight is infinite or NaN.

        >>> import torch
        >>> import unrolled
        >>> lstm = unrolled.nn.LSTM(8, 16).freeze("int8")
        >>> with torch.no_grad():
        ...     output, state = lstm(torch.randn(1, 1, 8))  # one step of one sequence
        >>> lstm.unfreeze().frozen is None
        True
        """
        if self.stack.backend not in ("auto", "native"):
            remedy = "build the layer without backend="
            raise BackendError(f"the layer cannot be frozen: it runs on backend {self.stack.backend!r}; {remedy}")
        copy = Copy(precision)
        copy.current(self.stack)
        self.train(False)
        self.__dict__["_copy"] = copy
        return self

    def unfreeze(self) -> Self:
        """Drop the packed weights; the layer computes as before `freeze`, and can be trained. It stays in its mode."""
        self.__dict__.pop("_copy", None)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, as in torch, which undoes `freeze`, or evaluation mode."""
        if mode:
            self.unfreeze()
        return super().train(mode)

    def _run_frozen(self, input: Tensor, hx: Any) -> tuple[Tensor, State] | None:
        """Run a frozen layer on any tensor that `forward` accepts; `None` if the unfrozen path must run the call.

        Raises:
            BackendError: gradients are required, or changed weights cannot be packed.
        """
        copy: Any = self._copy
        if copy.stack is not None and unobserved() and "runner" not in self._modules["stack"].__dict__:
            found = copy.stack.call(input, hx, self.batch_first)
            if found is not None:
                return found[0], found[1:]
        if not isinstance(input, Tensor) or input.dim() != 2:
            return self._run_copy(input, hx, self.batch_first)
        leaves = hx
        if isinstance(hx, tuple | list) and all(isinstance(leaf, Tensor) and leaf.dim() == 2 for leaf in hx):
            leaves = tuple(leaf.unsqueeze(1) for leaf in hx)
        results = self._run_copy(input.unsqueeze(1), leaves, False)
        return results and (results[0].squeeze(1), tuple(leaf.squeeze(1) for leaf in results[1]))

    def _run_copy(self, x: Any, hx: Any, batch_first: bool, lengths: Tensor | None = None) -> Any:
        """Run the packed copy on ``x (T, B, I)`` or ``(B, T, I)``, as `_run_frozen`; `FrozenStack.run` has the rest."""
        stack: Any = self._modules["stack"]
        if not (hx is None or isinstance(hx, tuple | list)):
            return None  # the unfrozen path raises the error
        if torch.is_grad_enabled():
            self._refuse_gradients(x, hx)
        if watched((x,) if hx is None else (x, *hx)) or "runner" in stack.__dict__ or torch.is_autocast_enabled("cpu"):
            return None
        if (
            x.dim() != 3
            or x.size(2) != self.input_size
            or not x.numel()
            or x.dtype is not torch.float32
            or not x.is_cpu
        ):
            return None
        assert self._copy is not None
        frozen = self._copy.current(stack)
        B = x.size(0 if batch_first else 1)
        if hx is not None:
            shape = frozen.state_shape(B)
            if len(hx) != len(self.state_names):
                return None
            for leaf in hx:
                if leaf is None or leaf.shape != shape or leaf.dtype is not torch.float32 or not leaf.is_cpu:
                    return None
        elif frozen.learned:
            hx = tuple(torch.stack(leaf) for leaf in zip(*stack.initial_state(B), strict=True))
        return frozen.run(x, hx, batch_first=batch_first, lengths=lengths)

    def _run_frozen_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, State] | None:
        """Run a frozen layer on a packed input, as `_run_frozen`."""
        order, inverse = packed.sorted_indices, packed.unsorted_indices  # None if the caller has sorted
        if watched((packed.data,)) or packed.data.dim() != 2:
            return None
        x, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))  # (T, B, I), (B,)
        if order is not None and hx is not None:
            if not isinstance(hx, tuple | list):
                return None
            if not all(isinstance(leaf, Tensor) and leaf.dim() == 3 and leaf.size(1) == x.size(1) for leaf in hx):
                return None
            hx = tuple(leaf.index_select(1, order) for leaf in hx)
        results = self._run_copy(x, hx, False, lengths)
        if results is None:
            return None
        outputs, state = results
        data = pack_padded_sequence(outputs, lengths).data
        if inverse is not None:
            state = tuple(leaf.index_select(1, inverse) for leaf in state)
        return PackedSequence(data, packed.batch_sizes, order, inverse), state

    def _refuse_gradients(self, x: Any, hx: Any) -> None:
        """Raise `BackendError` if a call would have to compute gradients."""
        given = {"its weights": self.parameters(), "the input": (x,), "the state": hx or ()}
        wanted = [name for name, tensors in given.items() if any(getattr(t, "requires_grad", False) for t in tensors)]
        if wanted:
            raise BackendError(
                f"a frozen {type(self).__name__} computes no gradients, and {' and '.join(wanted)} require them; "
                "call it under torch.no_grad() or torch.inference_mode(), or call unfreeze() or train() to train it"
            )

    def _replicate_for_data_parallel(self) -> nn.Module:
        replica = super()._replicate_for_data_parallel()
        replica.__dict__.pop("_copy", None)  # its weights are on another device
        return replica
