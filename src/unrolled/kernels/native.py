"""Run recurrences with the compiled CPU kernels (native/), as functional custom operators.

Two operators, `unrolled::recurrence` and its backward, have the rules that ``torch.compile``, ``torch.export`` and
``vmap`` need. What the backward kernel does not support (second derivatives, gradients with respect to traced gates) is
computed from the cell's own equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ..cells import Cell, GRUCell, GRUState, LSTMCell, LSTMState, Noise, RNNCell, RNNState, State, Trace
from ..cells.norm import LayerNorm
from ..errors import ShapeError
from . import extension, reference
from .derivatives import Kernel, needs_backward
from .operators import TYPES, Loop, Shape, autocast, check, check_range, guard, one_hot, resolve_shapes, skeleton
from .watch import no_kernel

# T steps, B lanes, I input_size, H hidden_size, P width of h (H, or the projection's), G gates

CELLS = (RNNCell, GRUCell, LSTMCell)
RNN, GRU, LSTM = range(3)
WEIGHT_ROWS = (1, 3, 4)  # times H
PLANES = (2, 4, 4)  # saved by forward: f(a), a │ r, z, n, W_hn h + b_hn │ i, f, g, o
NORMED_PLANES = 13  # i, f, g, o, and the normalised W_ih x, W_hh h and c
GRADIENT_PLANES = (1, 4, 4)  # of da: a │ n, r, z, W_hn h + b_hn │ i, f, g, o
NOTHING, FOR_BACKWARD, EVERYTHING = range(3)  # which gates are saved
GATES = (("", "a"), ("r", "z", "n", ""), ("i", "f", "g", "o"))


def unsupported(cell: Cell, inputs: Tensor, noise: State | None) -> str | None:
    """Return why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if type(cell) not in CELLS:
        return f"there is no kernel for {type(cell).__name__}"
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    if cell.layer_norm and not isinstance(cell, LSTMCell):
        return f"the kernels have no layer norm for {type(cell).__name__}"
    if cell.layer_norm and not _plain_norms(cell):
        return "the kernels support only the cells' own layer norm, with a single eps"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    if inputs.dtype not in TYPES or (casting := autocast()) not in (None, torch.bfloat16):
        return "the kernels compute in bfloat16, float32 and float64"
    if casting is not None and cell.weight_hh.dtype == torch.float64:
        return "autocast does not cast from float64"
    if (reason := no_kernel()) is not None or noise is None:
        return reason
    if not isinstance(noise, Noise):
        return "the kernels support only the noise of the built-in cells"
    for mask in (noise.recurrent, noise.weight_hh):
        if mask is not None and mask.size(0) > 1 and mask.stride(0):
            return "the kernels need one mask of weights or recurrent units shared by all steps"
    if any(mask is not None and mask.requires_grad for mask in noise):
        return "the kernels have no gradients with respect to masks"
    return None


def _plain_norms(cell: Any) -> bool:
    norms = (cell.norm_ih, cell.norm_hh, cell.norm_c)
    return all(type(norm) is LayerNorm and norm.eps == cell.norm_c.eps for norm in norms)


def run(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: State | None,
    reverse: bool,
    traced: bool = False,
) -> tuple[Tensor, State, Trace]:
    """Compute what the reference loop does: ``inputs (T, B, I)`` → ``outputs (T, B, P)``, state after, trace.

    Inputs may also be token ids ``(T, B)`` int64 in 0..I-1. In bfloat16, or under autocast to it, matrix products use
    bfloat16 and everything else float32.
    """
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    T, B, H, P = inputs.size(0), inputs.size(1), cell.hidden_size, cell.weight_hh.size(1)
    noise = noise or Noise()
    kind = CELLS.index(type(cell))
    W_hh = cell.weight_hh if noise.weight_hh is None or not T else cell.weight_hh * noise.weight_hh[0]
    initial: Any = cell.initial_state(B) if resets is not None else []
    peepholes, norm, weight_hr, eps = None, None, None, 0.0
    if isinstance(cell, LSTMCell):
        if cell.peepholes:
            peepholes = torch.stack([cell.peephole_i, cell.peephole_f, cell.peephole_o])
        if cell.layer_norm:
            parts = (cell.norm_ih.weight, cell.norm_hh.weight, cell.norm_c.weight, cell.norm_c.bias)
            norm, eps = torch.cat(parts).view(10, H), cell.norm_c.eps
        weight_hr = cell.weight_hr if cell.proj_size else None
    weights = [cell.weight_ih, W_hh, cell.bias_ih, cell.bias_hh, peepholes, norm, weight_hr]
    recurrent = None if noise.recurrent is None or not T else noise.recurrent[0].expand(B, P)
    zones = ((noise.zoneout_h, P), (noise.zoneout_c, H))
    masks = [recurrent, *(None if mask is None else mask.expand(T, B, width) for mask, width in zones)]
    tensors: list[Any] = [inputs, *_pair(state), *_pair(initial), *weights, lengths, resets, *masks]
    dtype = inputs.dtype if inputs.is_floating_point() else cell.weight_ih.dtype
    half = torch.bfloat16 in (dtype, autocast())
    if half:
        tensors = [t.float() if t is not None and t.dtype == torch.bfloat16 else t for t in tensors]
    backward = needs_backward(tensors)
    save = EVERYTHING if traced else FOR_BACKWARD if backward else NOTHING
    options = [
        kind,
        reverse,
        getattr(cell, "nonlinearity", "tanh") == "relu",
        getattr(cell, "reset_after", True),
        cell.zoneout_h if noise.zoneout_h is None else 0.0,
        cell.zoneout_c if noise.zoneout_c is None and kind == LSTM else 0.0,
        eps,
        half,
        save,
    ]
    y, c, gates, hn, cn, _ = _kernel(tensors, options, backward)
    if dtype == torch.bfloat16 and autocast() is None:
        y, c, gates, hn, cn = (tensor.bfloat16() for tensor in (y, c, gates, hn, cn))
    after: State = LSTMState(hn, cn) if kind == LSTM else (GRUState, RNNState)[kind == RNN](hn)
    trace: Trace = {}
    if traced:
        planes = gates[:, :, : PLANES[kind]].unbind(2)
        trace = {name: plane for name, plane in zip(GATES[kind], planes, strict=True) if name}
        trace |= {"c": c, "h": y} if kind == LSTM else {"h": y}
    return y, after, trace


def _planes(kind: int, norm: Tensor | None, save: int, zoned: bool) -> int:
    """Return how many planes of gates to save. Without zoneout the outputs of a vanilla RNN suffice for backward."""
    if save == NOTHING or (save == FOR_BACKWARD and kind == RNN and not zoned):
        return 0
    return PLANES[kind] if norm is None else NORMED_PLANES


def _pair(state: State) -> list[Tensor | None]:
    """Return h and c of a state; `None` for missing ones."""
    leaves: list[Tensor | None] = list(state)
    return [*leaves, None, None][:2]


@torch.library.custom_op("unrolled::recurrence", mutates_args=())
def recurrence(
    x: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    hi: Tensor | None,
    ci: Tensor | None,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    peepholes: Tensor | None,
    norm: Tensor | None,
    weight_hr: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    mask: Tensor | None,
    zone_h: Tensor | None,
    zone_c: Tensor | None,
    kind: int,
    reverse: bool,
    relu: bool,
    reset_after: bool,
    zoneout_h: float,
    zoneout_c: float,
    eps: float,
    half: bool,
    save: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return y (T, B, P), c (T, B, H) of an LSTM, gates (T, B, ·, H), h and c after the last step, scales (T, B, 3).

    Gates and the scales of layer norm are empty unless ``save`` requests them.
    """
    (T, B), I, H, P = x.shape[:2], weight_ih.size(1), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    tokens, like = x.dtype == torch.int64, weight_hh
    arrays: dict[str, Tensor | None] = {
        "ids" if tokens else "x": x, "h0": h0, "c0": c0, "hi": hi, "ci": ci,
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh,
        "peepholes": peepholes, "norm": norm, "weight_hr": weight_hr,
        "lengths": lengths, "resets": resets, "mask": mask, "zone_h": zone_h, "zone_c": zone_c,
    }  # fmt: skip
    has_c, planes = kind == LSTM, _planes(kind, norm, save, zone_h is not None or zoneout_h != 0)
    results: dict[str, Tensor] = {
        "y": extension.empty(T, B, P, like=like),
        "c": extension.empty_if(has_c, T, B, H, like=like),
        "gates": extension.empty_if(planes > 0, T, B, planes, H, like=like),
        "hn": like.new_empty(B, P),
        "cn": like.new_empty(B, H) if has_c else like.new_empty(0),
        "scales": like.new_empty(T, B, 3) if save and norm is not None else like.new_empty(0),
    }
    options = _options(reverse, relu, reset_after, zoneout_h, zoneout_c, eps, half)
    _call(kind, False, (T, B, I, H, P), {**arrays, **results}, options)
    return results["y"], results["c"], results["gates"], results["hn"], results["cn"], results["scales"]


@recurrence.register_fake
def _(x: Tensor, h0: Tensor, c0: Any, hi: Any, ci: Any, weight_ih: Tensor, weight_hh: Tensor, *rest: Any) -> Any:
    norm, zone_h, kind, zoneout_h, save = rest[3], rest[8], rest[-9], rest[-5], rest[-1]
    planes = _planes(kind, norm, save, zone_h is not None or zoneout_h != 0)
    (T, B), H, P = x.shape[:2], weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    like = weight_hh
    return (
        like.new_empty(T, B, P),
        like.new_empty(T, B, H) if kind == LSTM else like.new_empty(0),
        like.new_empty(T, B, planes, H) if planes else like.new_empty(0),
        like.new_empty(B, P),
        like.new_empty(B, H) if kind == LSTM else like.new_empty(0),
        like.new_empty(T, B, 3) if save and norm is not None else like.new_empty(0),
    )


@torch.library.custom_op("unrolled::recurrence_backward", mutates_args=())
def recurrence_backward(
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    y: Tensor,
    c: Tensor,
    gates: Tensor,
    scales: Tensor,
    x: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    hi: Tensor | None,
    ci: Tensor | None,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    peepholes: Tensor | None,
    norm: Tensor | None,
    weight_hr: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    mask: Tensor | None,
    zone_h: Tensor | None,
    zone_c: Tensor | None,
    kind: int,
    reverse: bool,
    relu: bool,
    reset_after: bool,
    zoneout_h: float,
    zoneout_c: float,
    eps: float,
    half: bool,
    need_x: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients with respect to x, h0, c0, hi, ci, the weights, biases, peepholes, norm and weight_hr.

    A gradient that does not exist is an empty tensor.
    """
    (T, B), I, H, P = x.shape[:2], weight_ih.size(1), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    tokens, like = x.dtype == torch.int64, weight_hh
    R, S, has_c = WEIGHT_ROWS[kind] * H, GRADIENT_PLANES[kind], kind == LSTM
    da = extension.empty(T, B, S, H, like=like)
    hb = extension.empty(T, B, P, like=like) if mask is not None or not reset_after else None
    dr = None if norm is None else extension.empty(T, B, S, H, like=like)
    dp = wide = None
    if weight_hr is not None:
        dp, wide = extension.empty(T, B, P, like=like), extension.empty(T, B, H, like=like)
    if dy is None:
        dy = torch.zeros_like(y)
    empty_if = partial(extension.empty_if, like=like)
    gradients = {
        "dx": empty_if(need_x, T, B, I),
        "dh0": empty_if(True, B, P),
        "dc0": empty_if(has_c, B, H),
        "dhi": empty_if(resets is not None, B, P),
        "dci": empty_if(has_c and resets is not None, B, H),
        "dweight_ih": empty_if(not tokens, R, I),
        "dweight_hh": empty_if(True, R, P),
        "dbias_ih": empty_if(bias_ih is not None, R),
        "dbias_hh": empty_if(bias_hh is not None, R),
        "dpeepholes": empty_if(peepholes is not None, 3, H),
        "dnorm": empty_if(norm is not None, 10, H),
        "dweight_hr": empty_if(weight_hr is not None, P, H),
    }
    table = empty_if(tokens, I, R)
    arrays: dict[str, Tensor | None] = {
        "dy": dy, "dhn": dhn, "dcn": dcn if has_c else None, "y": y, "c": c, "gates": gates, "scales": scales,
        "h0": h0, "c0": c0, "hi": hi, "ci": ci, "weight_ih": weight_ih, "weight_hh": weight_hh, "peepholes": peepholes,
        "norm": norm, "weight_hr": weight_hr, "lengths": lengths, "resets": resets, "mask": mask, "zone_h": zone_h,
        "zone_c": zone_c, "da": da, "dr": dr, "dp": dp, "wide": wide, "hb": hb, "ids" if tokens else "x": x,
        "dtable": table,
    }  # fmt: skip
    options = _options(reverse, relu, reset_after, zoneout_h, zoneout_c, eps, half)
    _call(kind, True, (T, B, I, H, P), {**arrays, **gradients}, options)
    if tokens:  # as in da, where a GRU's last gate comes first
        gradients["dweight_ih"] = (table.roll(-H, 1) if kind == GRU else table).t().contiguous()
    return tuple(gradients.values())  # type: ignore[return-value]


@recurrence_backward.register_fake
def _(dy: Any, dhn: Any, dcn: Any, y: Tensor, c: Any, gates: Any, scales: Any, x: Tensor, *rest: Any) -> Any:
    need_x = rest[-1]
    return tuple(
        like.new_empty(like.shape) if like is not None else y.new_empty(0)
        for like in (x if need_x else None, *rest[: DIFFERENTIABLE - 1])
    )


def _options(
    reverse: bool, relu: bool, reset_after: bool, zoneout_h: float, zoneout_c: float, eps: float, half: bool
) -> dict[str, Any]:
    return {
        "reverse": int(reverse),
        "relu": int(relu),
        "reset_after": int(reset_after),
        "zoneout_h": zoneout_h,
        "zoneout_c": zoneout_c,
        "eps": eps,
        "half": int(half),
    }


def _call(
    kind: int,
    backward: bool,
    sizes: tuple[int, int, int, int, int],
    arrays: dict[str, Tensor | None],
    options: dict[str, Any],
) -> None:
    """Check the arrays and pass their addresses to the kernel; the tensors live until it returns."""
    guard()
    tensors = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    dtype = tensors["weight_hh"].dtype
    check(tensors, dtype, INTEGER_DTYPES, _shapes(kind, sizes, "norm" in tensors))
    T, B, I, H, P = sizes
    if P != H and "weight_hr" not in tensors:
        rows = WEIGHT_ROWS[kind] * H
        raise ShapeError(f"weight_hh must be {(rows, H)} without a projection, got {rows, P}")
    if ("bias_ih" in tensors) != ("bias_hh" in tensors):
        raise ShapeError("bias_ih and bias_hh must be given together")
    for name, largest in (("lengths", T), ("ids", I - 1)):
        check_range(name, tensors.get(name), 0, largest)
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    extension.compiled.run(
        extension.instruction_set(), kind, dtype == torch.float64, backward,
        T=T, B=B, I=I, H=H, P=P, threads=extension.threads(), **addresses, **options,
    )  # fmt: skip


INTEGER_DTYPES = {"lengths": torch.int64, "ids": torch.int64, "resets": torch.bool}
# The shape of every array by the letters of the sizes: R rows of a weight, S planes of da, G planes of gates.
SHAPES = {
    **dict.fromkeys(("x", "dx"), "TBI"), **dict.fromkeys(("y", "dy", "hb", "dp", "zone_h"), "TBP"),
    **dict.fromkeys(("c", "zone_c", "wide"), "TBH"), **dict.fromkeys(("da", "dr"), "TBSH"), "gates": "TBGH",
    "scales": "TB3", "ids": "TB", "resets": "TB", "lengths": "B",
    **dict.fromkeys(("weight_ih", "dweight_ih"), "RI"), **dict.fromkeys(("weight_hh", "dweight_hh"), "RP"),
    **dict.fromkeys(("weight_hr", "dweight_hr"), "PH"),
    **dict.fromkeys(("bias_ih", "bias_hh", "dbias_ih", "dbias_hh"), "R"),
    **dict.fromkeys(("peepholes", "dpeepholes"), "3H"), **dict.fromkeys(("norm", "dnorm"), "NH"), "dtable": "IR",
    **dict.fromkeys(("c0", "ci", "cn", "dcn", "dc0", "dci"), "BH"),
    **dict.fromkeys(("h0", "hi", "hn", "dhn", "dh0", "dhi", "mask"), "BP"),
}  # fmt: skip


@lru_cache(maxsize=64)  # a layer needs the same shapes in every call
def _shapes(kind: int, sizes: tuple[int, int, int, int, int], normed: bool) -> dict[str, Shape]:
    size = dict(zip("TBIHP", sizes, strict=True))
    planes = NORMED_PLANES if normed else PLANES[kind]
    size |= {"R": WEIGHT_ROWS[kind] * size["H"], "S": GRADIENT_PLANES[kind], "G": planes, "3": 3, "N": 10}
    return resolve_shapes(SHAPES, size)


DIFFERENTIABLE = 12  # number of leading arguments of `recurrence` that may have a gradient
TENSORS = 17  # number of its tensor arguments


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """Return the arguments of `recurrence_backward`; `None` if there are gradients of gates or of c at every step."""
    dy, dc, dgates, dhn, dcn, _ = grads
    *backward_options, save = options
    if dc is not None or dgates is not None or not save:
        return None
    return (dy, dhn, dcn, *kept, *tensors, *backward_options, needed[0])


def _loop(kind: int, input_size: int, hidden_size: int, **options: Any) -> Loop:
    """Build a loop over a cell of these sizes and options; its parameters are meta tensors, replaced at each call."""
    with skeleton():
        return Loop(CELLS[kind](input_size, hidden_size, **options), reference.run)


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Compute y, c, gates, h and c after the last step by the cell's own equations."""
    kind, reverse, relu, reset_after, zoneout_h, zoneout_c, eps, _, _ = options
    x, h0, c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, norm, weight_hr = tensors[:DIFFERENTIABLE]
    lengths, resets, *masks = tensors[DIFFERENTIABLE:]
    T, H, P = x.size(0), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    extra: dict[str, Any] = [
        {"nonlinearity": "relu" if relu else "tanh"},
        {"reset_after": reset_after},
        {"peepholes": peepholes is not None, "proj_size": 0 if weight_hr is None else P},
    ][kind]
    zoneout = (zoneout_h, zoneout_c) if kind == LSTM else zoneout_h
    if x.dtype == torch.int64:
        x = one_hot(x, weight_ih.size(1), weight_ih.dtype)
    loop = _loop(kind, x.size(2), H, bias=bias_ih is not None, layer_norm=norm is not None, zoneout=zoneout, **extra)
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    if peepholes is not None:
        weights |= dict(zip(("peephole_i", "peephole_f", "peephole_o"), peepholes.unbind(), strict=True))
    if norm is not None:
        names = ("norm_ih.weight", "norm_hh.weight", "norm_c.weight", "norm_c.bias")
        weights |= dict(zip(names, norm.flatten().split([4 * H, 4 * H, H, H]), strict=True))
        cell: Any = loop.cell
        cell.norm_ih.eps = cell.norm_hh.eps = cell.norm_c.eps = eps
    weights["weight_hr"] = weight_hr
    form: Any = {RNN: RNNState, GRU: GRUState, LSTM: LSTMState}[kind]
    mask, zone_h, zone_c = masks
    noise = Noise(None if mask is None else mask.expand(T, *mask.shape), zone_h, zone_c)
    y, after, trace = functional_call(
        loop,
        {f"cell.{name}": weight for name, weight in weights.items() if weight is not None},
        (x, form(h0, c0) if kind == LSTM else form(h0)),
        {
            "traced": True,
            "initial": None if hi is None else form(hi, ci) if kind == LSTM else form(hi),
            "lengths": lengths,
            "resets": resets,
            "noise": noise,
            "reverse": reverse,
        },
    )
    zeros = x.new_zeros(*x.shape[:2], H)
    planes = [trace.get(name, zeros) for name in GATES[kind]]
    if norm is not None:  # the additional planes that the kernel saves
        planes += [zeros] * (NORMED_PLANES - len(planes))
    return y, trace.get("c"), torch.stack(planes, 2), after.h, getattr(after, "c", None)


_kernel = Kernel(
    recurrence,
    recurrence_backward,
    tensors=TENSORS,
    differentiable=DIFFERENTIABLE,
    kept=(0, 1, 2, 5),  # y, c, gates, scales
    arguments=_arguments,
    equations=_equations,
    internal=lambda tensors: (5,),
)
