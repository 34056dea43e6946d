"""Run ConvGRU and ConvLSTM with the compiled CPU kernels (native/maps.cpp), as functional custom operators.

The convolution of the inputs is torch's, over all steps at once; `unrolled::maps` is the recurrence on its result, in
channels-last layout. Second derivatives and gradients with respect to traced gates are computed from the cells' own
equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ..cells import Cell, ConvGRUCell, ConvLSTMCell, ConvolutionalCell, GRUState, LSTMState, Noise, State, Trace
from ..cells.base import start
from . import extension, hoisted, reference
from .derivatives import Kernel, needs_backward
from .operators import TYPES, Loop, Shape, autocast, check, guard, skeleton
from .watch import no_kernel

# T steps, B lanes, G gates, H hidden_size; space: sizes of the state's maps, P positions; K taps of the kernel

GRADIENTS = ("dp", "dh0", "dc0", "dhi", "dci", "dweight", "dpeepholes")
PEEPHOLES = ("peephole_i", "peephole_f", "peephole_o")


def unsupported(cell: Cell, inputs: Tensor, noise: State | None) -> str | None:
    """Return why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if not hasattr(extension.compiled, "maps"):
        return "the compiled kernels are older than this cell; reinstall the package"
    if type(cell) not in (ConvGRUCell, ConvLSTMCell):
        return f"there is no kernel for {type(cell).__name__}"
    assert isinstance(cell, ConvolutionalCell)
    if cell.normed:
        return "the kernels of cells over maps have no norm"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    casting = autocast()
    if inputs.dtype not in TYPES or casting not in (None, torch.bfloat16):
        return "the kernels compute in bfloat16, float32 and float64"
    if casting is not None and inputs.dtype == torch.float64:
        return "autocast does not cast from float64"
    if (reason := no_kernel()) is not None or noise is None:
        return reason
    mask = noise.recurrent if isinstance(noise, Noise) else None
    if mask is None or (mask.size(0) > 1 and mask.stride(0)) or prod(mask.shape[3:]) != 1:
        return "the kernels need a mask of channels of h shared by all steps"
    return "the kernels have no gradients with respect to masks" if mask.requires_grad else None


def run(
    cell: ConvolutionalCell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: State | None,
    reverse: bool,
    traced: bool = False,
) -> tuple[Tensor, State, Trace]:
    """Compute what the reference loop does: ``inputs (T, B, I, *space)`` → ``(T, B, H, *space')``, state, trace.

    In bfloat16, or under autocast to it, products use bfloat16 and everything else float32.
    """
    if lengths is not None:  # the padding may hold anything, and must not affect the weights' gradient
        inputs = reference.inside(inputs, lengths)
    T, B = inputs.shape[:2]
    lstm = isinstance(cell, ConvLSTMCell)
    initial = start(cell, B, inputs.shape[3:]) if resets is not None else (None, None)
    peepholes = None
    if isinstance(cell, ConvLSTMCell) and cell.peepholes:
        peepholes = torch.stack([weight.movedim(0, -1) for weight in cell.peephole_weights()])
    mask = noise.recurrent[0].expand(B, -1, *[-1] * cell.space_dims).flatten(1) if noise is not None and T else None
    p = hoisted.preactivations(cell, inputs)
    states = [*(state if lstm else (*state, None)), *(initial if lstm or resets is None else (*initial, None))]
    last = [None if leaf is None else leaf.movedim(1, -1) for leaf in states]
    tensors: list[Any] = [p.movedim(2, -1), *last, cell.weight_hh, peepholes, mask, lengths, resets]
    half = torch.bfloat16 in (inputs.dtype, autocast())
    if half:
        tensors = [t.float() if t is not None and t.dtype == torch.bfloat16 else t for t in tensors]
    backward = needs_backward(tensors)
    y, c, gates, hn, cn = _kernel(tensors, [lstm, reverse, half, traced or backward], backward)
    if inputs.dtype == torch.bfloat16 and autocast() is None:
        y, c, gates, hn, cn = (tensor.bfloat16() for tensor in (y, c, gates, hn, cn))
    y, h = y.movedim(-1, 2), hn.movedim(-1, 1)
    trace: Trace = {}
    if traced:
        names = "ifgo" if lstm else "rzn"
        trace = {name: gate.movedim(-1, 2) for name, gate in zip(names, gates.unbind(-2), strict=True)}
        trace |= {"c": c.movedim(-1, 2), "h": y} if lstm else {"h": y}
    return y, LSTMState(h, cn.movedim(-1, 1)) if lstm else GRUState(h), trace


@torch.library.custom_op("unrolled::maps", mutates_args=())
def maps(
    p: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    hi: Tensor | None,
    ci: Tensor | None,
    weight: Tensor,
    peepholes: Tensor | None,
    mask: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    lstm: bool,
    reverse: bool,
    half: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return y, c (T, B, *space, H), gates (T, B, *space, G, H) if ``save``, and the last h and c (B, *space, H).

    ``p (T, B, *space, G·H)`` is W ∗ x + b; ``weight (G·H, H, *kernel)``; ``peepholes (3, *space or 1, H)``; ``mask
    (B, H)``. A GRU's c is empty.
    """
    T, B, space, G, H = _sizes(p, weight)
    empty, empty_if = partial(extension.empty, like=p), partial(extension.empty_if, like=p)
    results = {
        "y": empty(T, B, *space, H),
        "c": empty_if(lstm, T, B, *space, H),
        "gates": empty_if(save, T, B, *space, G, H),
        "hn": empty(B, *space, H),
        "cn": empty_if(lstm, B, *space, H),
    }
    arrays = {"p": p, "h0": h0, "c0": c0, "hi": hi, "ci": ci, "peepholes": peepholes, "mask": mask}
    arrays |= {"lengths": lengths, "resets": resets, "weight": weight, **results}
    _call(arrays, p, weight, peepholes, lstm, reverse, half, backward=False)
    return tuple(results.values())  # type: ignore[return-value]


@maps.register_fake
def _(p: Tensor, h0: Tensor, c0: Any, hi: Any, ci: Any, weight: Tensor, *rest: Any) -> Any:
    *_, lstm, _, _, save = rest
    T, B, space, G, H = _sizes(p, weight)
    empty = p.new_empty
    c, cn = (empty(T, B, *space, H), empty(B, *space, H)) if lstm else (empty(0), empty(0))
    return empty(T, B, *space, H), c, empty(T, B, *space, G, H) if save else empty(0), empty(B, *space, H), cn


@torch.library.custom_op("unrolled::maps_backward", mutates_args=())
def maps_backward(
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    y: Tensor,
    c: Tensor,
    gates: Tensor,
    p: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    hi: Tensor | None,
    ci: Tensor | None,
    weight: Tensor,
    peepholes: Tensor | None,
    mask: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    lstm: bool,
    reverse: bool,
    half: bool,
    save: bool,
    need_weight: bool,
    need_h0: bool,
    need_hi: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients with respect to p, h0, c0, hi, ci, weight and peepholes; empty if there is none."""
    empty, threads = partial(extension.empty, like=p), extension.threads()
    needs = {"h0": need_h0, "c0": need_h0, "hi": need_hi, "ci": need_hi}
    given = {name: x for name, x in {"h0": h0, "c0": c0, "hi": hi, "ci": ci}.items() if x is not None}
    gradients = {f"d{name}": empty(*x.shape) for name, x in given.items() if needs[name]}
    for name in gradients.keys() & {"dhi", "dci"}:
        gradients[name].zero_()
    gradients["dp"] = empty(*p.shape)
    if need_weight:
        gradients["dweight"] = empty(*weight.shape) if h0.size(0) else torch.zeros_like(weight)
    if peepholes is not None:
        gradients["dpeepholes"] = p.new_zeros(threads, *peepholes.shape)
    arrays = {"dy": dy, "dhn": dhn, "dcn": dcn, "y": y, "c": c, "gates": gates, **given, **gradients, "weight": weight}
    arrays |= {"peepholes": peepholes, "mask": mask, "lengths": lengths, "resets": resets}
    _call(arrays, p, weight, peepholes, lstm, reverse, half, backward=True)
    if peepholes is not None:
        gradients["dpeepholes"] = gradients["dpeepholes"].sum(0)
    return tuple(gradients[name] if name in gradients else p.new_empty(0) for name in GRADIENTS)  # type: ignore[return-value]


@maps_backward.register_fake
def _(dy: Any, dhn: Any, dcn: Any, y: Any, c: Any, gates: Any, p: Tensor, h0: Tensor, c0: Any, *rest: Any) -> Any:
    hi, ci, weight, peepholes, *_, need_weight, need_h0, need_hi = rest
    states = (h0 if need_h0 else None, c0 if need_h0 else None, hi if need_hi else None, ci if need_hi else None)
    like = (p, *states, weight if need_weight else None, peepholes)
    return tuple(p.new_empty(0) if x is None else x.new_empty(x.shape) for x in like)


def _sizes(p: Tensor, weight: Tensor) -> tuple[Any, Any, Any, Any, Any]:
    """Return T, B, the sizes of the maps, G and H."""
    T, B, *space, rows = p.shape
    H = weight.size(1)
    return T, B, tuple(space), rows // H, H


# The shape of every array by the letters of the sizes: R = G·H, P the sizes of a map, K of the kernel, L of the
# positions with peepholes, t threads.
SHAPES = {
    "lengths": "B", "resets": "TB", "mask": "BH", "peepholes": "3LH", "dpeepholes": "t3LH", "gates": "TBPGH",
    **dict.fromkeys(("weight", "dweight"), "RHK"), **dict.fromkeys(("p", "dp"), "TBPR"),
    **dict.fromkeys(("y", "c", "dy"), "TBPH"),
    **dict.fromkeys(("h0", "c0", "hi", "ci", "hn", "cn", "dhn", "dcn", "dh0", "dc0", "dhi", "dci"), "BPH"),
}  # fmt: skip
INTEGER_DTYPES = {"lengths": torch.int64, "resets": torch.bool}


@lru_cache(maxsize=64)  # a layer needs the same shapes in every call
def _shapes(*sizes: tuple[int, ...]) -> dict[str, Shape]:
    size = dict(zip("TBPRGHKLt3", sizes, strict=True))
    return {name: tuple(number for letter in letters for number in size[letter]) for name, letters in SHAPES.items()}


def _call(
    arrays: dict[str, Tensor | None],
    p: Tensor,
    weight: Tensor,
    peepholes: Tensor | None,
    lstm: bool,
    reverse: bool,
    half: bool,
    backward: bool,
) -> None:
    """Check the arrays and pass their addresses to the kernel; the tensors live until it returns."""
    guard()
    T, B, space, G, H = _sizes(p, weight)
    if not B:
        return
    tensors = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    threads, kernel = extension.threads(), weight.shape[2:]
    places = (1,) * len(space) if peepholes is None else peepholes.shape[1:-1]
    shapes = _shapes((T,), (B,), space, (G * H,), (G,), (H,), kernel, places, (threads,), (3,))
    check(tensors, p.dtype, INTEGER_DTYPES, shapes)
    missing = [1] * (3 - len(space))
    sizes = dict(zip("DEFUVW", [*missing, *space, *missing, *kernel], strict=True))
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    extension.compiled.maps(
        extension.instruction_set(), lstm, p.dtype == torch.float64, backward, T=T, B=B, H=H, **sizes,
        places=prod(places), threads=threads, half=int(half), reverse=int(reverse), **addresses,
    )  # fmt: skip


DIFFERENTIABLE = 7  # number of leading arguments of `maps` that may have a gradient
TENSORS = 10  # number of its tensor arguments


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """Return the arguments of `maps_backward`; `None` if there are gradients of the gates or of c of every step."""
    dy, dc, dgates, dhn, dcn = grads
    if dc is not None or dgates is not None or not options[-1]:
        return None
    return (dy, dhn, dcn, *kept, *tensors, *options, needed[5], needed[1] or needed[2], needed[3] or needed[4])


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Compute y, c, gates, and the last h and c by the cells' own equations."""
    lstm, reverse, _, save = options
    p, h0, c0, hi, ci, weight, peepholes, mask, lengths, resets = tensors
    T, dims, H = p.size(0), weight.dim() - 2, weight.size(1)
    places = () if peepholes is None else tuple(peepholes.shape[1:-1])
    with skeleton():
        if lstm:
            own = False if peepholes is None else places if set(places) != {1} else True
            cell: ConvolutionalCell = ConvLSTMCell(1, H, tuple(weight.shape[2:]), dims=dims, bias=False, peepholes=own)
        else:
            cell = ConvGRUCell(1, H, tuple(weight.shape[2:]), dims=dims, bias=False)
    weights = {"weight_hh": weight}
    if peepholes is not None:
        shape = (H, *places) if set(places) != {1} else (H,)
        parts = peepholes.movedim(-1, 1).unbind()
        weights |= {name: part.reshape(shape) for name, part in zip(PEEPHOLES, parts, strict=True)}

    def form(h: Tensor, c: Tensor | None) -> State:
        return GRUState(h.movedim(-1, 1)) if c is None else LSTMState(h.movedim(-1, 1), c.movedim(-1, 1))

    noise = None if mask is None else Noise(mask.view(*mask.shape, *[1] * dims).expand(T, *mask.shape, *[1] * dims))
    loop: Any = Loop(cell, lambda cell, p, state, **rest: reference.run(hoisted.Hoisted(cell, p), p, state, **rest))
    y, after, trace = functional_call(
        loop,
        {f"cell.{name}": value for name, value in weights.items()},
        (p.movedim(-1, 2), form(h0, c0)),
        {"traced": True, "initial": None if hi is None else form(hi, ci), "lengths": lengths, "resets": resets,
         "noise": noise, "reverse": reverse},
    )  # fmt: skip
    gates = None
    if save and trace:
        gates = torch.stack([trace[name].movedim(2, -1) for name in ("ifgo" if lstm else "rzn")], -2)
    c, cn = (trace["c"].movedim(2, -1) if trace else None, after.c.movedim(1, -1)) if lstm else (None, None)
    return y.movedim(2, -1), c, gates, after.h.movedim(1, -1), cn


_kernel = Kernel(
    maps,
    maps_backward,
    tensors=TENSORS,
    differentiable=DIFFERENTIABLE,
    kept=(0, 1, 2),  # y, c, gates
    arguments=_arguments,
    equations=_equations,
)
