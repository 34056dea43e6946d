"""Run parallel recurrences with the compiled CPU kernels (native/parallel.cpp), as functional custom operators.

`unrolled::parallel` processes the sequence in chunks of many steps, each by a matrix product and a pass over its
result; so does its backward. Second derivatives and gradients with respect to traced gates are computed from the cell's
own equations (see `associative_scan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..cells import Cell, MinGRUCell, MinLSTMCell, ParallelCell, QRNNCell, RGLRUCell, State, Trace
from ..errors import ShapeError
from . import associative_scan, extension, reference
from .derivatives import Kernel, needs_backward
from .operators import TYPES, autocast, check, guard, one_hot, resolve_shapes, skeleton
from .watch import no_kernel

# T steps, B lanes, I input_size, W filter_width, H hidden_size, G gates

KINDS: tuple[tuple[type[ParallelCell], dict[str, Any]], ...] = (
    (MinGRUCell, {"candidate": "linear"}),
    (MinGRUCell, {"candidate": "positive"}),
    (MinLSTMCell, {"candidate": "linear"}),
    (MinLSTMCell, {"candidate": "positive"}),
    (RGLRUCell, {}),
    (QRNNCell, {}),
)  # in the order of native/parallel.h
QRNN = 5
SMALL, SMALL_PRODUCT = 1 << 14, 1 << 21  # state values and multiplications below which a single thread is faster


def unsupported(cell: Cell, inputs: Tensor) -> str | None:
    """Return why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if not hasattr(extension.compiled, "parallel"):
        return "the compiled kernels are older than this cell; reinstall the package"
    if not any(type(cell) is kind for kind, _ in KINDS):
        return f"there is no kernel for {type(cell).__name__}"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    casting = autocast()
    if inputs.dtype not in TYPES or casting not in (None, torch.bfloat16):
        return "the kernels compute in bfloat16, float32 and float64"
    if casting is not None and inputs.dtype == torch.float64:
        return "autocast does not cast from float64"
    return no_kernel()


def run(
    cell: ParallelCell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
    traced: bool = False,
) -> tuple[Tensor, State, Trace]:
    """Compute what the reference loop does: ``inputs (T, B, I)`` → ``outputs (T, B, H)``, state after, trace.

    Inputs may also be token ids ``(T, B)`` int64 in 0..I-1. In bfloat16, or under autocast to it, matrix products use
    bfloat16 and everything else float32.
    """
    if not inputs.is_floating_point() and isinstance(cell, QRNNCell):  # its state holds inputs as vectors
        inputs = one_hot(inputs, cell.input_size, cell.weight_ih.dtype)
    initial = cell.initial_state(inputs.size(1)) if resets is not None else None
    window, last = associative_scan.seen(cell, inputs, state, initial, lengths, resets, reverse)
    first, decay = None if initial is None else initial[0], cell.decay()
    tensors: list[Any] = [window, state[0], first, cell.weight_ih, cell.bias_ih, decay, lengths, resets]
    dtype = inputs.dtype if inputs.is_floating_point() else cell.weight_ih.dtype
    half = torch.bfloat16 in (dtype, autocast())
    if half:
        tensors = [t.float() if t is not None and t.dtype == torch.bfloat16 else t for t in tensors]
    y, c, p, h = _kernel(tensors, [kind_of(cell), reverse, half], needs_backward(tensors))
    trace: Trace = {}
    if traced:
        bias, decay = tensors[4], tensors[5]
        trace = cell.coefficients(p if bias is None else p + bias, decay).trace
        if lengths is not None:
            alive = (torch.arange(p.size(0))[:, None] < lengths)[:, :, None]
            trace = {name: torch.where(alive, gate, 0.0) for name, gate in trace.items()}
        trace = {**trace, **({"c": c} if isinstance(cell, QRNNCell) else {}), "h": y}
    if dtype == torch.bfloat16 and autocast() is None:
        y, h = y.bfloat16(), h.bfloat16()
    return y, associative_scan.after(h, last), trace


def kind_of(cell: ParallelCell) -> int:
    """Return the number of the cell's kernel, its index in `KINDS`."""
    return next(
        number
        for number, (kind, options) in enumerate(KINDS)
        if type(cell) is kind and all(getattr(cell, name) == value for name, value in options.items())
    )


@torch.library.custom_op("unrolled::parallel", mutates_args=())
def parallel(
    x: Tensor,
    h0: Tensor,
    hi: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    decay: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    kind: int,
    reverse: bool,
    half: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return y (T, B, H), c (T, B, H) of a QRNN, p (T, B, G·H) without its bias, and the last state (B, H).

    ``x`` is the first result of `associative_scan.seen`, or token ids (T, B).
    """
    T, B, H, rows = _sizes(x, weight, h0)
    p, tokens = extension.empty(T, B, rows, like=weight), x.dtype == torch.int64
    if tokens:
        torch.index_select(weight.t().contiguous(), 0, x.flatten(), out=p.view(T * B, rows))
    results = {
        "y": extension.empty(T, B, H, like=weight),
        "c": extension.empty_if(kind == QRNN, T, B, H, like=weight),
        "hn": torch.empty_like(h0, memory_format=torch.contiguous_format),
    }
    arrays = {"h0": h0, "hi": hi, "bias": bias, "decay": decay, "lengths": lengths, "resets": resets, "p": p, **results}
    if not tokens:
        arrays |= {"x": x, "weight": weight}
    _call(kind, False, x, weight, h0, arrays, reverse, half)
    return results["y"], results["c"], p, results["hn"]


@parallel.register_fake
def _(
    x: Tensor, h0: Tensor, hi: Any, weight: Tensor, bias: Any, decay: Any, lengths: Any, resets: Any, *rest: Any
) -> Any:
    kind = rest[0]
    T, B, H, rows = _sizes(x, weight, h0)
    y, c = weight.new_empty(T, B, H), weight.new_empty(T, B, H) if kind == QRNN else weight.new_empty(0)
    return y, c, weight.new_empty(T, B, rows), h0.new_empty(B, H)


@torch.library.custom_op("unrolled::parallel_backward", mutates_args=())
def parallel_backward(
    dy: Tensor | None,
    dhn: Tensor | None,
    y: Tensor,
    c: Tensor,
    p: Tensor,
    x: Tensor,
    h0: Tensor,
    hi: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    decay: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    kind: int,
    reverse: bool,
    half: bool,
    need_x: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients with respect to x, h0, hi, weight, bias and decay; empty if there is none."""
    T, B, H, rows = _sizes(x, weight, h0)
    threads, tokens = _threads(x, weight, h0), x.dtype == torch.int64
    empty_if = partial(extension.empty_if, like=weight)
    gradients = {
        "dx": empty_if(need_x, *x.shape),
        "dh0": empty_if(True, B, H),
        "dhi": empty_if(hi is not None, B, H),
        "dweight": empty_if(not tokens, *weight.shape),
        "dbias": weight.new_zeros(threads, rows),
        "ddecay": weight.new_empty(0) if decay is None else weight.new_zeros(threads, H),
    }
    arrays = {
        "dy": torch.zeros_like(y) if dy is None else dy, "dhn": dhn, "y": y, "c": c, "p": p, "h0": h0, "hi": hi,
        "bias": bias, "decay": decay, "lengths": lengths, "resets": resets,
    }  # fmt: skip
    dp = empty_if(tokens, T, B, rows)
    arrays |= {"dp": dp} if tokens else {"x": x, "weight": weight}
    _call(kind, True, x, weight, h0, {**arrays, **gradients}, reverse, half)
    if tokens:
        table = weight.new_zeros(weight.size(1), rows).index_add_(0, x.flatten(), dp.view(T * B, rows))
        gradients["dweight"] = table.t().contiguous()
    gradients["dbias"] = weight.new_empty(0) if bias is None else gradients["dbias"].sum(0)
    if decay is not None:
        gradients["ddecay"] = gradients["ddecay"].sum(0)
    return tuple(gradients.values())  # type: ignore[return-value]


@parallel_backward.register_fake
def _(dy: Any, dhn: Any, y: Any, c: Any, p: Any, x: Tensor, h0: Tensor, hi: Any, weight: Tensor, *rest: Any) -> Any:
    bias, decay, need_x = rest[0], rest[1], rest[-1]
    return tuple(
        weight.new_empty(0) if like is None else weight.new_empty(like.shape)
        for like in (x if need_x else None, h0, hi, weight, bias, decay)
    )


def _sizes(x: Tensor, weight: Tensor, h0: Tensor) -> tuple[Any, Any, Any, Any]:
    """Return T, B, H and G·H."""
    (B, H), rows = h0.shape, weight.size(0)
    W = 1 if x.dim() == 2 or not x.size(2) else weight.size(1) // x.size(2)
    return x.size(0) - W + 1, B, H, rows


def _threads(x: Tensor, weight: Tensor, h0: Tensor) -> int:
    """Return the number of threads; 1 for small calls, where that is faster."""
    multiplications = x.numel() * weight.size(0) if x.is_floating_point() else 0
    return extension.threads() if h0.numel() * x.size(0) >= SMALL or multiplications >= SMALL_PRODUCT else 1


INTEGER_DTYPES = {"lengths": torch.int64, "resets": torch.bool}
# The shape of every array by the letters of the sizes: R rows of the weight, C its columns, S threads, X steps of x.
SHAPES = {
    "lengths": "B", "resets": "TB", "bias": "R", "decay": "H", "dbias": "SR", "ddecay": "SH",
    **dict.fromkeys(("x", "dx"), "XBI"), **dict.fromkeys(("weight", "dweight"), "RC"),
    **dict.fromkeys(("p", "dp"), "TBR"), **dict.fromkeys(("y", "c", "dy"), "TBH"),
    **dict.fromkeys(("h0", "hi", "hn", "dhn", "dh0", "dhi"), "BH"),
}  # fmt: skip


def _call(
    kind: int,
    backward: bool,
    x: Tensor,
    weight: Tensor,
    h0: Tensor,
    arrays: dict[str, Tensor | None],
    reverse: bool,
    half: bool,
) -> None:
    """Check the arrays and pass their addresses to the kernel; the tensors live until it returns."""
    guard()
    tensors = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    T, B, H, rows = _sizes(x, weight, h0)
    if not T * B and "dweight" in tensors:  # there is no product
        tensors["dweight"].zero_()
    if not B:
        return
    dtype, I, columns = tensors["h0"].dtype, 0 if x.dim() == 2 else x.size(2), weight.size(1)
    if rows != KINDS[kind][0].gates * H or (I and columns % I):
        raise ShapeError(f"weight must be ({KINDS[kind][0].gates * H}, a multiple of {I}), got {tuple(weight.shape)}")
    threads = _threads(x, weight, h0)
    size = {"T": T, "B": B, "H": H, "R": rows, "S": threads, "I": I, "C": columns, "X": x.size(0)}
    check(tensors, dtype, INTEGER_DTYPES, resolve_shapes(SHAPES, size))
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    extension.compiled.parallel(
        extension.instruction_set(), kind, dtype == torch.float64, backward, T=T, B=B, H=H, I=I,
        slots=columns // I if I else 1, threads=threads, reverse=int(reverse), half=int(half), **addresses,
    )  # fmt: skip


DIFFERENTIABLE = 6  # number of leading arguments of `parallel` that may have a gradient
TENSORS = 8  # number of its tensor arguments


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """Return the arguments of `parallel_backward`; `None` if there are gradients of p or of a QRNN's c."""
    dy, dc, dp, dhn = grads
    if dp is not None or dc is not None:
        return None
    return (dy, dhn, *kept, *tensors, *options, needed[0])


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Compute y, c, p and the last state by the cell's own equations."""
    kind, reverse, _ = options
    x, h0, hi, weight, bias, decay, lengths, resets = tensors
    cls, cell_options = KINDS[kind]
    with skeleton():
        cell = cls(1, 1, **cell_options)  # only its equations are used
    inputs = x
    if x.dtype == torch.int64:
        inputs = one_hot(x, weight.size(1), weight.dtype)
    elif lengths is not None:
        inputs = reference.inside(x, lengths)
    p = associative_scan.products(inputs, weight, None, reverse)
    full = p if bias is None else p + bias
    y, c, h, _ = associative_scan.recur(cell, full, h0, hi, decay, lengths, resets, reverse)
    return y, c if kind == QRNN else None, p, h


_kernel = Kernel(
    parallel,
    parallel_backward,
    tensors=TENSORS,
    differentiable=DIFFERENTIABLE,
    kept=(0, 1, 2),  # y, c, p
    arguments=_arguments,
    equations=_equations,
)
