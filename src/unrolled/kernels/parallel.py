"""Parallel recurrences through the compiled CPU kernels (native/parallel.cpp), as functional custom operators.

`unrolled::parallel` is one product over all steps and one pass over its result; its backward likewise. Second
derivatives and gradients by traced gates go through the cell's own equations, see `doubling`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..cells import Cell, MinGRUCell, MinLSTMCell, ParallelCell, QRNNCell, RGLRUCell, State, Trace
from . import doubling, extension, reference
from .operators import TYPES, autocast, check, eager, gradients, leaves, register_vmap, spelled
from .torch import watched

# T steps, B lanes, I input_size, W filter_width, H hidden_size, G gates

KINDS: tuple[tuple[type[ParallelCell], dict[str, Any]], ...] = (
    (MinGRUCell, {"candidate": "linear"}),
    (MinGRUCell, {"candidate": "positive"}),
    (MinLSTMCell, {"candidate": "linear"}),
    (MinLSTMCell, {"candidate": "positive"}),
    (RGLRUCell, {}),
    (QRNNCell, {}),
)  # as native/parallel.h numbers them
QRNN = 5
SMALL = 1 << 14  # numbers in the states below which one thread is done sooner


def unsupported(cell: Cell, inputs: Tensor) -> str | None:
    """Why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if not hasattr(extension.compiled, "parallel"):
        return "the compiled kernels are older than this cell; install again"
    if not any(type(cell) is kind for kind, _ in KINDS):
        return f"there is no kernel for {type(cell).__name__}"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    casting = autocast()
    if inputs.dtype not in TYPES or casting not in (None, torch.bfloat16):
        return "the kernels compute in bfloat16, float32 and float64"
    if casting is not None and inputs.dtype == torch.float64:
        return "there is no automatic casting from float64"
    return None


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
    """The same function as the reference loop: ``inputs (T, B, I)`` → ``outputs (T, B, H)``, state after, trace.

    Inputs ``(T, B)`` int64 are symbols, each one of I. In bfloat16, or under autocast to it, products are of bfloat16;
    everything else is float32 in between.
    """
    if not inputs.is_floating_point() and isinstance(cell, QRNNCell):  # the state holds inputs as vectors
        inputs = F.one_hot(inputs, cell.input_size).to(cell.weight_ih.dtype)
    initial = cell.initial_state(inputs.size(1)) if resets is not None else None
    window, last = doubling.seen(cell, inputs, state, initial, lengths, resets, reverse)
    first, decay = None if initial is None else initial[0], cell.decay()
    given: list[Any] = [window, state[0], first, cell.weight_ih, cell.bias_ih, decay, lengths, resets]
    asked = inputs.dtype if inputs.is_floating_point() else cell.weight_ih.dtype
    half = torch.bfloat16 in (asked, autocast())
    if half:
        given = [one.float() if one is not None and one.dtype == torch.bfloat16 else one for one in given]
    operator: Any = parallel
    if not watched(given):
        learning = torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in given)
        operator = _eager if learning else parallel._init_fn
    y, c, p, h = operator(*given, kind_of(cell), reverse, half)
    trace: Trace = {}
    if traced:
        bias, decay = given[4], given[5]
        trace = cell.coefficients(p if bias is None else p + bias, decay).trace
        if lengths is not None:
            alive = (torch.arange(p.size(0))[:, None] < lengths)[:, :, None]
            trace = {name: torch.where(alive, gate, 0.0) for name, gate in trace.items()}
        trace = {**trace, **({"c": c} if isinstance(cell, QRNNCell) else {}), "h": y}
    if asked == torch.bfloat16 and autocast() is None:
        y, h = y.bfloat16(), h.bfloat16()
    return y, doubling.after(h, last), trace


def kind_of(cell: ParallelCell) -> int:
    """The number of its kernel."""
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
    """y (T, B, H), c (T, B, H) of a QRNN, p (T, B, G·H) without its bias, and the state after the last step (B, H).

    ``x`` is what `doubling.seen` gives, or symbols (T, B).
    """
    T, B, H, rows = _sizes(x, weight, h0)
    p = extension.empty(T, B, rows, like=weight)
    flat = p.view(T * B, rows)
    if x.dtype == torch.int64:
        torch.index_select(weight.t().contiguous(), 0, x.flatten(), out=flat)
    else:
        for n, (stretch, part) in enumerate(doubling.slots(x, weight, reverse)):
            a, b = stretch.reshape(T * B, stretch.size(2)), part.t()
            if half:
                product = torch.mm(a.bfloat16(), b.bfloat16())
                flat.copy_(product) if not n else flat.add_(product)
            elif not n:
                torch.mm(a, b, out=flat)
            else:
                flat.addmm_(a, b)
    results = {
        "y": extension.empty(T, B, H, like=weight),
        "c": extension.empty(T, B, H, like=weight) if kind == QRNN else weight.new_empty(0),
        "hn": torch.empty_like(h0, memory_format=torch.contiguous_format),
    }
    arrays = {"h0": h0, "hi": hi, "bias": bias, "decay": decay, "lengths": lengths, "resets": resets, "p": p, **results}
    _call(kind, False, (T, B, H), _threads(B * T * H), arrays, reverse)
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
    """Gradients by x, h0, hi, weight, bias and decay; empty where there is none."""
    T, B, H, rows = _sizes(x, weight, h0)
    threads = _threads(B * T * H)
    dp = extension.empty(T, B, rows, like=weight)
    found = {
        "dh0": torch.empty_like(h0, memory_format=torch.contiguous_format),
        "dhi": weight.new_empty(0) if hi is None else torch.empty_like(hi, memory_format=torch.contiguous_format),
        "dbias": weight.new_zeros(threads, rows),
        "ddecay": weight.new_empty(0) if decay is None else weight.new_zeros(threads, H),
    }
    arrays = {
        "dy": torch.zeros_like(y) if dy is None else dy, "dhn": dhn, "y": y, "c": c, "p": p, "h0": h0, "hi": hi,
        "bias": bias, "decay": decay, "lengths": lengths, "resets": resets, "dp": dp, **found,
    }  # fmt: skip
    _call(kind, True, (T, B, H), threads, arrays, reverse)
    flat = dp.view(T * B, rows)
    dx, dweight = _through_products(flat, x, weight, lengths, reverse, half, need_x)
    return (
        dx,
        found["dh0"],
        found["dhi"],
        dweight,
        weight.new_empty(0) if bias is None else found["dbias"].sum(0),
        found["ddecay"] if decay is None else found["ddecay"].sum(0),
    )


def _through_products(
    dp: Tensor, x: Tensor, weight: Tensor, lengths: Tensor | None, reverse: bool, half: bool, need_x: bool
) -> tuple[Tensor, Tensor]:
    """Gradients by x, if it is needed, and by the weight, from those by p ``(T·B, G·H)``."""
    nothing = weight.new_empty(0)
    if x.dtype == torch.int64:
        table = weight.new_zeros(weight.size(1), weight.size(0)).index_add_(0, x.flatten(), dp)
        return nothing, table.t().contiguous()
    if lengths is not None:  # whatever stands in the padding, be it NaN, must not reach the weights' gradient
        x = reference.inside(x, lengths)
    rows = dp.bfloat16() if half else dp
    by_weight, by_x, slots = [], nothing, doubling.slots(x, weight, reverse)
    if need_x:
        by_x = extension.empty(*x.shape, like=weight)
        if len(slots) > 1:
            by_x.zero_()
    into = doubling.slots(by_x, weight, reverse) if need_x else slots
    for (stretch, part), (gradient, _) in zip(slots, into, strict=True):
        flat = stretch.reshape(len(dp), stretch.size(2))
        by_weight.append(torch.mm(rows.t(), flat.to(rows.dtype)).to(weight.dtype))
        if not need_x:
            continue
        gradient = gradient.view(len(dp), stretch.size(2))
        if half:
            product = torch.mm(rows, part.bfloat16())
            gradient.copy_(product) if len(slots) == 1 else gradient.add_(product)
        elif len(slots) == 1:
            torch.mm(rows, part, out=gradient)
        else:
            gradient.addmm_(rows, part)
    return by_x, by_weight[0] if len(by_weight) == 1 else torch.cat(by_weight, dim=1)


@parallel_backward.register_fake
def _(dy: Any, dhn: Any, y: Any, c: Any, p: Any, x: Tensor, h0: Tensor, hi: Any, weight: Tensor, *rest: Any) -> Any:
    bias, decay, need_x = rest[0], rest[1], rest[-1]
    return tuple(
        weight.new_empty(0) if like is None else weight.new_empty(like.shape)
        for like in (x if need_x else None, h0, hi, weight, bias, decay)
    )


def _sizes(x: Tensor, weight: Tensor, h0: Tensor) -> tuple[Any, Any, Any, Any]:
    """T, B, H and G·H."""
    (B, H), rows = h0.shape, weight.size(0)
    W = 1 if x.dim() == 2 or not x.size(2) else weight.size(1) // x.size(2)
    return x.size(0) - W + 1, B, H, rows


def _threads(numbers: int) -> int:
    return extension.threads() if numbers >= SMALL else 1


WHOLE = {"lengths": torch.int64, "resets": torch.bool}
# Of every array, by the letters of the sizes: R rows of the weight, S threads.
SHAPES = {
    "lengths": "B", "resets": "TB", "bias": "R", "decay": "H", "dbias": "SR", "ddecay": "SH",
    **dict.fromkeys(("p", "dp"), "TBR"), **dict.fromkeys(("y", "c", "dy"), "TBH"),
    **dict.fromkeys(("h0", "hi", "hn", "dhn", "dh0", "dhi"), "BH"),
}  # fmt: skip


def _call(
    kind: int,
    backward: bool,
    sizes: tuple[int, int, int],
    threads: int,
    arrays: dict[str, Tensor | None],
    reverse: bool,
) -> None:
    """Hand addresses to a kernel; the tensors behind them live until it has returned."""
    given = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    T, B, H = sizes
    if not B:
        return
    dtype = given["h0"].dtype
    size = {"T": T, "B": B, "H": H, "R": KINDS[kind][0].gates * H, "S": threads}
    check(given, dtype, WHOLE, spelled(SHAPES, size))
    addresses = {name: tensor.data_ptr() for name, tensor in given.items()}
    extension.compiled.parallel(
        extension.instruction_set(), kind, dtype == torch.float64, backward,
        T=T, B=B, H=H, threads=threads, reverse=int(reverse), **addresses,
    )  # fmt: skip


DIFFERENTIABLE = 6  # the first so many arguments of `parallel`
TENSORS = 8


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    tensors, ctx.options = inputs[:TENSORS], inputs[TENSORS:]
    y, c, p, _ = output
    ctx.save_for_backward(*tensors, y, c, p)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Any, dc: Any, dp: Any, dhn: Any) -> tuple[Any, ...]:
    *tensors, y, c, p = ctx.saved_tensors
    needed = ctx.needs_input_grad[:DIFFERENTIABLE]
    if torch.is_grad_enabled() or dp is not None or dc is not None:
        found = _through_equations(tensors, ctx.options, needed, (dy, dc, dp, dhn))
    else:
        operator: Any = parallel_backward
        if not watched([dy, dhn, *tensors]):
            operator = parallel_backward._init_fn
        found = list(operator(dy, dhn, y, c, p, *tensors, *ctx.options, needed[0]))
    kept = [one if wanted else None for one, wanted in zip(found, needed, strict=True)]
    return (*kept, *[None] * (TENSORS - DIFFERENTIABLE + len(ctx.options)))


parallel.register_autograd(_backward, setup_context=_setup)

_eager = eager(parallel, _setup, _backward)


def _through_equations(
    tensors: list[Tensor | None], options: tuple[Any, ...], needed: tuple[bool, ...], given: tuple[Any, ...]
) -> list[Tensor | None]:
    """Gradients by running the cell's own equations again, differentiable in turn."""
    kind, reverse, _ = options
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        x, h0, hi, weight, bias, decay, lengths, resets = leaves(tensors, needed, again)
        build, own = KINDS[kind]
        cell = build(1, 1, device="meta", **own)  # of which only the equations are used
        inputs = x
        if x.dtype == torch.int64:
            inputs = F.one_hot(x, weight.size(1)).to(weight.dtype)
        elif lengths is not None:
            inputs = reference.inside(x, lengths)
        p = doubling.products(inputs, weight, None, reverse)
        full = p if bias is None else p + bias
        y, c, h, _ = doubling.recur(cell, full, h0, hi, decay, lengths, resets, reverse)
        results = (y, c if kind == QRNN else None, p, h)
        some = [x, h0, hi, weight, bias, decay]
        return gradients(results, given, some, needed, again)


register_vmap(parallel)
register_vmap(parallel_backward)
