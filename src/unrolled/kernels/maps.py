"""Run ConvGRU and ConvLSTM with the compiled CPU kernels (native/maps.cpp), as functional custom operators.

The convolution of the inputs is torch's, over all steps at once; `unrolled::maps` is the recurrence on its result, in
channels-last layout. Second derivatives and gradients with respect to traced gates are computed from the cells' own
equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ..cells import Cell, ConvGRUCell, ConvLSTMCell, ConvolutionalCell, GRUState, LSTMState, Noise, State, Trace
from ..cells.base import start
from . import extension, hoisted, reference
from .derivatives import Kernel, needs_backward
from .operators import TYPES, Loop, autocast, check, guard, resolve_shapes, skeleton
from .watch import no_kernel

# T steps, B lanes, G gates, H hidden_size; space: sizes of the state's maps, P positions; K taps of the kernel

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
    arrays |= {"lengths": lengths, "resets": resets, **_kernel_weights(weight, lstm), **results}
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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients with respect to p, h0, c0, hi, ci, weight and peepholes; empty if there is none."""
    _, B, _, G, H = _sizes(p, weight)
    threads, K = extension.threads(), prod(weight.shape[2:])
    parts = threads if threads <= B else 1
    zeros = p.new_zeros
    states = {f"d{name}": None if x is None else torch.empty_like(x, memory_format=torch.contiguous_format)
              for name, x in {"h0": h0, "c0": c0, "hi": hi, "ci": ci}.items()}  # fmt: skip
    for name in ("dhi", "dci"):
        if (gradient := states[name]) is not None:
            gradient.zero_()
    wide = 4 * H if lstm else 2 * H
    sums = {
        "dweight": zeros(parts, K, H, wide) if need_weight else None,
        "dweight_n": zeros(parts, K, H, H) if need_weight and not lstm else None,
        "dpeepholes": None if peepholes is None else zeros(threads, *peepholes.shape),
    }
    dp = extension.empty(*p.shape, like=p)
    arrays: dict[str, Tensor | None] = {
        "dy": dy,
        "dhn": dhn,
        "dcn": dcn,
        "y": y,
        "c": c,
        "gates": gates,
        "h0": h0,
        "c0": c0,
        "hi": hi,
        "ci": ci,
    }
    arrays |= {"peepholes": peepholes, "mask": mask, "lengths": lengths, "resets": resets, "dp": dp}
    _call(
        arrays | states | sums | _kernel_weights(weight, lstm), p, weight, peepholes, lstm, reverse, half, backward=True
    )
    dweight: Tensor | None = None
    if need_weight:
        parts_of = [part.sum(0) for part in (sums["dweight"], sums["dweight_n"]) if part is not None]
        dweight = torch.cat(parts_of, 2) if len(parts_of) > 1 else parts_of[0]  # (K, H, G·H)
        dweight = dweight.view(*weight.shape[2:], H, G * H).movedim((-1, -2), (0, 1)).contiguous()
    dpeepholes = None if peepholes is None else sums["dpeepholes"].sum(0)  # type: ignore[union-attr]
    gradients = (dp, *states.values(), dweight, dpeepholes)
    return tuple(p.new_empty(0) if gradient is None else gradient for gradient in gradients)  # type: ignore[return-value]


@maps_backward.register_fake
def _(dy: Any, dhn: Any, dcn: Any, y: Any, c: Any, gates: Any, p: Tensor, h0: Tensor, c0: Any, *rest: Any) -> Any:
    hi, ci, weight, peepholes = rest[:4]
    like = (p, h0, c0, hi, ci, weight if rest[-1] else None, peepholes)
    return tuple(p.new_empty(0) if x is None else x.new_empty(x.shape) for x in like)


def _sizes(p: Tensor, weight: Tensor) -> tuple[Any, Any, Any, Any, Any]:
    """Return T, B, the sizes of the maps, G and H."""
    H = weight.size(1)
    return p.size(0), p.size(1), p.shape[2:-1], weight.size(0) // H, H


def _kernel_weights(weight: Tensor, lstm: bool) -> dict[str, Tensor]:
    """Return the weights as the kernels read them, ``(K, H, ·)``; the GRU's in two parts."""
    H = weight.size(1)
    flat = weight.flatten(2).permute(2, 1, 0)  # (K, H, G·H)
    return {"weight": flat} if lstm else {"weight": flat[:, :, : 2 * H], "weight_n": flat[:, :, 2 * H :]}


# The shape of every array by the letters of the sizes: P positions, L places with peepholes, R = G·H, N of a product.
SHAPES = {
    "lengths": "B", "resets": "TB", "mask": "BH", "weight": "KHN", "dweight": "SKHN", "peepholes": "3LH",
    "dpeepholes": "t3LH", "gates": "TBPGH",
    **dict.fromkeys(("weight_n", ), "KHH"), **dict.fromkeys(("dweight_n", ), "SKHH"),
    **dict.fromkeys(("p", "dp"), "TBPR"), **dict.fromkeys(("y", "c", "dy"), "TBPH"),
    **dict.fromkeys(("h0", "c0", "hi", "ci", "hn", "cn", "dhn", "dcn", "dh0", "dc0", "dhi", "dci"), "BPH"),
}  # fmt: skip
INTEGER_DTYPES = {"lengths": torch.int64, "resets": torch.bool}
OVER_POSITIONS = {name: letters.index("P") for name, letters in SHAPES.items() if "P" in letters}


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
    P, threads, dims = prod(space), extension.threads(), len(space)
    flat = {}
    for name, tensor in tensors.items():
        at = OVER_POSITIONS.get(name)
        flat[name] = tensor if at is None else tensor.view(*tensor.shape[:at], P, *tensor.shape[at + dims :])
    places = 1 if peepholes is None else prod(peepholes.shape[1:-1])
    for name, at in (("peepholes", 1), ("dpeepholes", 2)):
        if name in flat:
            flat[name] = flat[name].view(*flat[name].shape[:at], places, H)
    K, parts = prod(weight.shape[2:]), threads if threads <= B else 1
    size = {"T": T, "B": B, "P": P, "H": H, "G": G, "R": G * H, "K": K, "S": parts, "t": threads, "3": 3, "L": places}
    size["N"] = 4 * H if lstm else 2 * H
    check(flat, p.dtype, INTEGER_DTYPES, resolve_shapes(SHAPES, size))
    missing = [1] * (3 - dims)
    sizes = dict(zip("DEFUVW", [*missing, *space, *missing, *weight.shape[2:]], strict=True))
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    extension.compiled.maps(
        extension.instruction_set(), lstm, p.dtype == torch.float64, backward, T=T, B=B, H=H, **sizes, places=places,
        threads=threads, parts=parts, half=int(half), reverse=int(reverse), **addresses,
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
    return (dy, dhn, dcn, *kept, *tensors, *options, needed[5])


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
