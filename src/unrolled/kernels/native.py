"""Recurrences through the compiled CPU kernels (native/), as functional custom operators.

Two operators, `unrolled::recurrence` and its backward, with the rules that let ``torch.compile``, ``torch.export`` and
``vmap`` see through them. Whatever the backward kernel does not do (second derivatives, gradients by traced gates)
goes through the cell's own equations.
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
from .derivatives import Kernel, learning
from .operators import TYPES, Loop, Shape, autocast, check, check_range, guard, one_hot, skeleton, spelled
from .watch import no_kernel

# T steps, B lanes, I input_size, H hidden_size, P width of h (H, or the projection's), G gates

CELLS = (RNNCell, GRUCell, LSTMCell)
RNN, GRU, LSTM = range(3)
WEIGHT_ROWS = (1, 3, 4)  # times H
PLANES = (2, 4, 4)  # of what forward saves: f(a), a │ r, z, n, W_hn h + b_hn │ i, f, g, o
NORMED_PLANES = 13  # i, f, g, o, and what layer norm made of W_ih x, W_hh h and c
GRADIENT_PLANES = (1, 4, 4)  # of da: a │ n, r, z, W_hn h + b_hn │ i, f, g, o
NOTHING, FOR_BACKWARD, EVERYTHING = range(3)  # what is saved of the gates
GATES = (("", "a"), ("r", "z", "n", ""), ("i", "f", "g", "o"))


def unsupported(cell: Cell, inputs: Tensor, noise: State | None) -> str | None:
    """Why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if type(cell) not in CELLS:
        return f"there is no kernel for {type(cell).__name__}"
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    if cell.layer_norm and not isinstance(cell, LSTMCell):
        return f"the kernels have no layer norm for {type(cell).__name__}"
    if cell.layer_norm and not _plain_norms(cell):
        return "the kernels' layer norm is the cells' own, with one eps"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    if inputs.dtype not in TYPES or (casting := autocast()) not in (None, torch.bfloat16):
        return "the kernels compute in bfloat16, float32 and float64"
    if casting is not None and cell.weight_hh.dtype == torch.float64:
        return "there is no automatic casting from float64"
    if (reason := no_kernel()) is not None or noise is None:
        return reason
    if not isinstance(noise, Noise):
        return "the kernels know only the built-in cells' noise"
    for mask in (noise.recurrent, noise.weight_hh):
        if mask is not None and mask.size(0) > 1 and mask.stride(0):
            return "the kernels need one mask of weights or recurrent units for all steps"
    if any(mask is not None and mask.requires_grad for mask in noise):
        return "the kernels give no gradients by masks"
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
    """The same function as the reference loop: ``inputs (T, B, I)`` → ``outputs (T, B, P)``, state after, trace.

    Inputs ``(T, B)`` int64 are symbols, each one of I. In bfloat16, or under autocast to it, products are of bfloat16;
    everything else is float32 in between.
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
    given: list[Any] = [inputs, *_pair(state), *_pair(initial), *weights, lengths, resets, *masks]
    asked = inputs.dtype if inputs.is_floating_point() else cell.weight_ih.dtype
    half = torch.bfloat16 in (asked, autocast())
    if half:
        given = [one.float() if one is not None and one.dtype == torch.bfloat16 else one for one in given]
    backward = learning(given)
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
    y, c, gates, hn, cn, _ = _kernel(given, options, backward)
    if asked == torch.bfloat16 and autocast() is None:
        y, c, gates, hn, cn = (one.bfloat16() for one in (y, c, gates, hn, cn))
    after: State = LSTMState(hn, cn) if kind == LSTM else (GRUState, RNNState)[kind == RNN](hn)
    trace: Trace = {}
    if traced:
        planes = gates[:, :, : PLANES[kind]].unbind(2)
        trace = {name: plane for name, plane in zip(GATES[kind], planes, strict=True) if name}
        trace |= {"c": c, "h": y} if kind == LSTM else {"h": y}
    return y, after, trace


def _planes(kind: int, norm: Tensor | None, save: int, zoned: bool) -> int:
    """How many planes of gates are kept: what a vanilla RNN's backward pass needs without zoneout is in its outputs."""
    if save == NOTHING or (save == FOR_BACKWARD and kind == RNN and not zoned):
        return 0
    return PLANES[kind] if norm is None else NORMED_PLANES


def _pair(state: State) -> list[Tensor | None]:
    """h, and c or nothing."""
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
    """y (T, B, P), c (T, B, H) of an LSTM, h and c after the last step; if they are to be kept, gates (T, B, ·, H) and
    layer norm's scales (T, B, 3)."""
    (T, B), I, H, P = x.shape[:2], weight_ih.size(1), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    symbols, like = x.dtype == torch.int64, weight_hh
    arrays: dict[str, Tensor | None] = {
        "ids" if symbols else "x": x, "h0": h0, "c0": c0, "hi": hi, "ci": ci,
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh,
        "peepholes": peepholes, "norm": norm, "weight_hr": weight_hr,
        "lengths": lengths, "resets": resets, "mask": mask, "zone_h": zone_h, "zone_c": zone_c,
    }  # fmt: skip
    memory, planes = kind == LSTM, _planes(kind, norm, save, zone_h is not None or zoneout_h != 0)
    results: dict[str, Tensor] = {
        "y": extension.empty(T, B, P, like=like),
        "c": extension.room(memory, T, B, H, like=like),
        "gates": extension.room(planes > 0, T, B, planes, H, like=like),
        "hn": like.new_empty(B, P),
        "cn": like.new_empty(B, H) if memory else like.new_empty(0),
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
    """Gradients by x, h0, c0, hi, ci, the weights, biases, peepholes, norm and weight_hr; empty where there is none."""
    (T, B), I, H, P = x.shape[:2], weight_ih.size(1), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    symbols, like = x.dtype == torch.int64, weight_hh
    R, S, memory = WEIGHT_ROWS[kind] * H, GRADIENT_PLANES[kind], kind == LSTM
    da = extension.empty(T, B, S, H, like=like)
    hb = extension.empty(T, B, P, like=like) if mask is not None or not reset_after else None
    dr = None if norm is None else extension.empty(T, B, S, H, like=like)
    dp = wide = None
    if weight_hr is not None:
        dp, wide = extension.empty(T, B, P, like=like), extension.empty(T, B, H, like=like)
    if dy is None:
        dy = torch.zeros_like(y)
    room = partial(extension.room, like=like)
    found = {
        "dx": room(need_x, T, B, I),
        "dh0": room(True, B, P),
        "dc0": room(memory, B, H),
        "dhi": room(resets is not None, B, P),
        "dci": room(memory and resets is not None, B, H),
        "dweight_ih": room(not symbols, R, I),
        "dweight_hh": room(True, R, P),
        "dbias_ih": room(bias_ih is not None, R),
        "dbias_hh": room(bias_hh is not None, R),
        "dpeepholes": room(peepholes is not None, 3, H),
        "dnorm": room(norm is not None, 10, H),
        "dweight_hr": room(weight_hr is not None, P, H),
    }
    table = room(symbols, I, R)
    arrays: dict[str, Tensor | None] = {
        "dy": dy, "dhn": dhn, "dcn": dcn if memory else None, "y": y, "c": c, "gates": gates, "scales": scales,
        "h0": h0, "c0": c0, "hi": hi, "ci": ci, "weight_ih": weight_ih, "weight_hh": weight_hh, "peepholes": peepholes,
        "norm": norm, "weight_hr": weight_hr, "lengths": lengths, "resets": resets, "mask": mask, "zone_h": zone_h,
        "zone_c": zone_c, "da": da, "dr": dr, "dp": dp, "wide": wide, "hb": hb, "ids" if symbols else "x": x,
        "dtable": table,
    }  # fmt: skip
    options = _options(reverse, relu, reset_after, zoneout_h, zoneout_c, eps, half)
    _call(kind, True, (T, B, I, H, P), {**arrays, **found}, options)
    if symbols:  # as in da, where a GRU's last gate comes first
        found["dweight_ih"] = (table.roll(-H, 1) if kind == GRU else table).t().contiguous()
    return tuple(found.values())  # type: ignore[return-value]


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
    """Hand addresses to a kernel; the tensors behind them live until it has returned."""
    guard()
    given = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    dtype = given["weight_hh"].dtype
    check(given, dtype, WHOLE, _shapes(kind, sizes, "norm" in given))
    T, B, I, H, P = sizes
    if P != H and "weight_hr" not in given:
        rows = WEIGHT_ROWS[kind] * H
        raise ShapeError(f"weight_hh must be {(rows, H)} without a projection, got {rows, P}")
    if ("bias_ih" in given) != ("bias_hh" in given):
        raise ShapeError("bias_ih and bias_hh must both be there, or neither")
    for name, most in (("lengths", T), ("ids", I - 1)):
        check_range(name, given.get(name), 0, most)
    addresses = {name: tensor.data_ptr() for name, tensor in given.items()}
    extension.compiled.run(
        extension.instruction_set(), kind, dtype == torch.float64, backward,
        T=T, B=B, I=I, H=H, P=P, threads=extension.threads(), **addresses, **options,
    )  # fmt: skip


WHOLE = {"lengths": torch.int64, "ids": torch.int64, "resets": torch.bool}
# Of every array, by the letters of the sizes: R rows of a weight, S planes of da, G planes of gates.
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


@lru_cache(maxsize=64)  # a layer asks for the same ones again and again
def _shapes(kind: int, sizes: tuple[int, int, int, int, int], normed: bool) -> dict[str, Shape]:
    size = dict(zip("TBIHP", sizes, strict=True))
    planes = NORMED_PLANES if normed else PLANES[kind]
    size |= {"R": WEIGHT_ROWS[kind] * size["H"], "S": GRADIENT_PLANES[kind], "G": planes, "3": 3, "N": 10}
    return spelled(SHAPES, size)


DIFFERENTIABLE = 12  # the first so many arguments of `recurrence`
TENSORS = 17


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """What `recurrence_backward` is called with; it knows no gradients by gates or by an LSTM's c at every step."""
    dy, dc, dgates, dhn, dcn, _ = grads
    *others, save = options
    if dc is not None or dgates is not None or not save:
        return None
    return (dy, dhn, dcn, *kept, *tensors, *others, needed[0])


def _loop(kind: int, input_size: int, hidden_size: int, **options: Any) -> Loop:
    """A loop over a cell of these sizes and options; its own parameters take no memory and are never used."""
    with skeleton():
        return Loop(CELLS[kind](input_size, hidden_size, **options), reference.run)


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """y, c, gates, h and c after the last step by the cell's own equations."""
    kind, reverse, relu, reset_after, zoneout_h, zoneout_c, eps, _, _ = options
    x, h0, c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, norm, weight_hr = tensors[:DIFFERENTIABLE]
    lengths, resets, *masks = tensors[DIFFERENTIABLE:]
    T, H, P = x.size(0), weight_hh.size(0) // WEIGHT_ROWS[kind], weight_hh.size(1)
    own: dict[str, Any] = [
        {"nonlinearity": "relu" if relu else "tanh"},
        {"reset_after": reset_after},
        {"peepholes": peepholes is not None, "proj_size": 0 if weight_hr is None else P},
    ][kind]
    zoneout = (zoneout_h, zoneout_c) if kind == LSTM else zoneout_h
    if x.dtype == torch.int64:
        x = one_hot(x, weight_ih.size(1), weight_ih.dtype)
    loop = _loop(kind, x.size(2), H, bias=bias_ih is not None, layer_norm=norm is not None, zoneout=zoneout, **own)
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
    nothing = x.new_zeros(*x.shape[:2], H)
    planes = [trace.get(name, nothing) for name in GATES[kind]]
    if norm is not None:  # what the kernel keeps besides
        planes += [nothing] * (NORMED_PLANES - len(planes))
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
