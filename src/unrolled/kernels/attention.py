"""Recurrences with attention through the compiled CPU kernels (native/attention.cpp), as functional custom operators.

`unrolled::attention` is the whole loop on projected quantities: what is not sequential, the products with the inputs
and with the memory, stays outside and is torch's. Second derivatives go through the cell's own equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from ..cells import GRUCell, GRUState, LSTMCell, LSTMState, State
from ..cells.attentive import Attentive, AttentiveState, Memory
from ..errors import ShapeError
from . import extension, reference
from .derivatives import Kernel, learning
from .operators import Loop, check, check_range, guard, skeleton, spelled
from .watch import no_kernel

# T steps, N rows, S source positions, B sentences, I input_size, H hidden_size, G gates, A width of a key, V width of
# a value, C memory_size, Y width of y

TYPES = (torch.float32, torch.float64)


def unsupported(cell: Attentive, inputs: Tensor, noise: State | None) -> str | None:
    """Why the kernels cannot run this; `None` if they can."""
    if extension.missing:
        return extension.missing
    if type(cell) is not Attentive:
        return f"there is no kernel for {type(cell).__name__}"
    if not cell.feeds:
        return "no step depends on what was seen: it is a recurrence, and then one look"
    inner = cell.cell
    if type(inner) not in (GRUCell, LSTMCell):
        return f"there is no attention kernel for {type(inner).__name__}"
    assert isinstance(inner, GRUCell | LSTMCell)
    if inner.layer_norm:
        return "the attention kernels have no layer norm"
    if isinstance(inner, GRUCell) and not inner.reset_after:
        return "the attention kernels' GRU applies the reset gate after the product only"
    if isinstance(inner, LSTMCell) and (inner.peepholes or inner.proj_size):
        return "the attention kernels' LSTM has neither peepholes nor a projection"
    if noise is not None or inner.zoneout_h or inner.zoneout_c:
        return "the attention kernels know no noise"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    if inputs.dtype not in TYPES or torch.is_autocast_enabled("cpu"):
        return "the attention kernels compute in float32 and float64"
    return no_kernel()


def run(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    *,
    rows: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor, AttentiveState]:
    """See `unrolled.attend`: outputs (T, N, O), weights (T, N, S) and the state after.

    Where gradients are to flow through ``rows``, each row first gets a copy of its sentence: the kernel gives no
    gradients by a memory that rows share.
    """
    inner: Any = cell.cell
    lstm, I = isinstance(inner, LSTMCell), cell.input_size
    if lengths is not None:  # whatever stands in the padding, be it NaN, must reach no gradient
        inputs = reference.inside(inputs, lengths)
    backward = learning([inputs, *state.cell, state.fed, *memory[:3], *cell.parameters()])
    if rows is not None and backward:
        memory, rows = memory.of(rows), None
    xg = F.linear(inputs, inner.weight_ih[:, :I], inner.bias_ih)
    h0, c0 = (*state.cell, None)[:2]
    u0 = None if cell.additive else state.fed
    own: list[Tensor | None] = [None] * 5
    if cell.additive:
        own[:3] = memory.h, cell.v, cell.query.weight
    else:
        own[3:] = inner.weight_ih[:, I:], cell.from_state.weight
    tensors = [xg, memory.keys, memory.values, *own, inner.weight_hh, inner.bias_hh, h0, c0, u0]
    given = [*tensors, memory.lengths, rows, lengths]
    y, _, u, a, hn, cn, un, _, _ = _kernel(given, [lstm, backward], backward)
    after: State = LSTMState(hn, cn) if lstm else GRUState(hn)
    return (y if cell.additive else u), a, AttentiveState(after, state.fed if cell.additive else un)


@torch.library.custom_op("unrolled::attention", mutates_args=())
def attention(
    xg: Tensor,
    keys: Tensor,
    values: Tensor,
    looked: Tensor | None,
    v: Tensor | None,
    weight_q: Tensor | None,
    weight_u: Tensor | None,
    weight_s: Tensor | None,
    weight_hh: Tensor,
    bias_hh: Tensor | None,
    h0: Tensor,
    c0: Tensor | None,
    u0: Tensor | None,
    seen: Tensor,
    rows: Tensor | None,
    lengths: Tensor | None,
    lstm: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """y (T, N, Y), c of an LSTM and u if it is fed (T, N, H), the weights (T, N, S), h, c and u after the last step; if
    they are to be kept, gates (T, N, 4, H) and queries (T, N, A). native/attention.h says what the arguments are."""
    tensors: dict[str, Tensor | None] = {
        "xg": xg, "keys": keys, "values": values, "looked": looked, "v": v, "weight_q": weight_q, "weight_u": weight_u,
        "weight_s": weight_s, "weight_hh": weight_hh, "bias_hh": bias_hh, "h0": h0, "c0": c0, "u0": u0, "seen": seen,
        "rows": rows, "lengths": lengths,
    }  # fmt: skip
    shapes = _results(tensors, lstm, save)
    results = {name: extension.empty(*shape, like=weight_hh) for name, shape in shapes.items()}
    _call(False, lstm, {**tensors, **results})
    return tuple(results.values())  # type: ignore[return-value]


ARGUMENTS = (
    "xg", "keys", "values", "looked", "v", "weight_q", "weight_u", "weight_s", "weight_hh", "bias_hh", "h0", "c0", "u0",
    "seen", "rows", "lengths",
)  # fmt: skip
TENSORS = len(ARGUMENTS)
DIFFERENTIABLE = TENSORS - 3  # the first so many
RESULTS = ("y", "c", "u", "a", "hn", "cn", "un", "gates", "queries")


def _named(*tensors: Tensor | None) -> dict[str, Tensor | None]:
    return dict(zip(ARGUMENTS, tensors, strict=True))


def _results(tensors: dict[str, Any], lstm: bool, save: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of what forward gives, (0,) for what is not there."""
    for name in ("xg", "keys", "looked", "weight_hh"):
        if tensors[name] is not None and tensors[name].dim() != len(SHAPES[name]):
            raise ShapeError(f"{name} must be ({', '.join(SHAPES[name])}), got {tuple(tensors[name].shape)}")
    (T, N), H, (S, _, A) = tensors["xg"].shape[:2], tensors["weight_hh"].size(1), tensors["keys"].shape
    additive = tensors["weight_q"] is not None
    Y = H + tensors["looked"].size(2) if additive else H
    nothing = (0,)
    return {
        "y": (T, N, Y),
        "c": (T, N, H) if lstm else nothing,
        "u": nothing if additive else (T, N, H),
        "a": (T, N, S),
        "hn": (N, H),
        "cn": (N, H) if lstm else nothing,
        "un": nothing if additive else (N, H),
        "gates": (T, N, 4, H) if save else nothing,
        "queries": (T, N, A) if save and additive else nothing,
    }


@attention.register_fake
def _(*given: Any) -> Any:
    tensors, (lstm, save) = _named(*given[:TENSORS]), given[TENSORS:]
    shapes = _results(tensors, lstm, save)
    return tuple(given[0].new_empty(shape) for shape in shapes.values())


@torch.library.custom_op("unrolled::attention_backward", mutates_args=())
def attention_backward(
    dy: Tensor | None,
    du: Tensor | None,
    da: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    dun: Tensor | None,
    y: Tensor,
    c: Tensor,
    u: Tensor,
    a: Tensor,
    gates: Tensor,
    queries: Tensor,
    xg: Tensor,
    keys: Tensor,
    values: Tensor,
    looked: Tensor | None,
    v: Tensor | None,
    weight_q: Tensor | None,
    weight_u: Tensor | None,
    weight_s: Tensor | None,
    weight_hh: Tensor,
    bias_hh: Tensor | None,
    h0: Tensor,
    c0: Tensor | None,
    u0: Tensor | None,
    seen: Tensor,
    rows: Tensor | None,
    lengths: Tensor | None,
    lstm: bool,
) -> tuple[
    Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor
]:  # fmt: skip
    """Gradients by the first thirteen arguments of `attention`; empty where there is none."""
    if rows is not None:
        raise ShapeError("rows must be None where gradients are asked for: give each row a copy of its sentence")
    tensors: dict[str, Tensor | None] = {
        "xg": xg, "keys": keys, "values": values, "looked": looked, "v": v, "weight_q": weight_q, "weight_u": weight_u,
        "weight_s": weight_s, "weight_hh": weight_hh, "bias_hh": bias_hh, "h0": h0, "c0": c0, "u0": u0, "seen": seen,
        "rows": rows, "lengths": lengths,
    }  # fmt: skip
    (T, N), H, A = xg.shape[:2], weight_hh.size(1), keys.size(2)
    additive = weight_q is not None

    def room(like: Tensor | None) -> Tensor:
        return weight_hh.new_empty(0) if like is None else extension.empty(*like.shape, like=weight_hh)

    names = ("xg", "keys", "values", "looked", "v", "h0", "c0", "u0")
    found = {f"d{name}": room(tensors[name]) for name in names}
    dhg = None if lstm else extension.empty(T, N, H, like=weight_hh)
    dq = extension.empty(T, N, A, like=weight_hh) if additive else None
    dp = None if additive else extension.empty(T, N, H, like=weight_hh)
    arrays = {
        "dy": dy, "du": du, "da": da, "dhn": dhn, "dcn": dcn, "dun": dun,
        "y": y, "c": c, "u": u, "a": a, "gates": gates, "queries": queries, "dhg": dhg, "dq": dq, "dp": dp,
    }  # fmt: skip
    _call(True, lstm, {**tensors, **arrays, **found, "xg": None, "bias_hh": None})
    dxg = found["dxg"].flatten(0, 1)
    s = y.flatten(0, 1)[:, :H]
    dweight_hh = torch.empty_like(weight_hh)
    parts = [(dxg, slice(None))]
    if dhg is not None:
        parts = [(dxg[:, : 2 * H], slice(0, 2 * H)), (dhg.view(T * N, H), slice(2 * H, None))]
    for by_gates, of in parts:
        _by_previous(by_gates, s, h0, dweight_hh[of])
    dweight_q, dweight_u, dweight_s, dbias = (weight_hh.new_empty(0) for _ in range(4))
    if dq is not None and weight_q is not None:
        dweight_q = _by_previous(dq.view(T * N, A), s, h0, torch.empty_like(weight_q))
    if dp is not None and u0 is not None and weight_u is not None:
        dweight_u = _by_previous(dxg, u.view(T * N, H), u0, weight_u.new_empty(weight_u.shape))
        dweight_s = dp.view(T * N, H).t() @ s
    if bias_hh is not None:
        dbias = torch.cat([by_gates.sum(0) for by_gates, _ in parts])
    return (
        *(found[f"d{name}"] for name in ("xg", "keys", "values", "looked", "v")),
        *(dweight_q, dweight_u, dweight_s, dweight_hh, dbias),
        *(found[f"d{name}"] for name in ("h0", "c0", "u0")),
    )  # type: ignore[return-value]


def _by_previous(rows: Tensor, after: Tensor, first: Tensor, to: Tensor) -> Tensor:
    """Σ_t rows_tᵀ state_{t-1}, without a copy of the states: that before a step is what the step before it left."""
    N = first.size(0)
    if not rows.size(0):
        return to.zero_()
    torch.mm(rows[N:].t(), after[:-N], out=to)
    return to.addmm_(rows[:N].t(), first)


@attention_backward.register_fake
def _(*given: Any) -> Any:
    like = given[12 : 12 + DIFFERENTIABLE]
    return tuple(given[6].new_empty(0 if one is None else one.shape) for one in like)


WHOLE = dict.fromkeys(("seen", "rows", "lengths"), torch.int64)
# Of every array, by the letters of the sizes: R rows of a gated weight, K kept planes.
SHAPES = {
    **dict.fromkeys(("xg", "dxg"), "TNR"), **dict.fromkeys(("keys", "dkeys"), "SBA"),
    **dict.fromkeys(("values", "dvalues"), "SBV"), **dict.fromkeys(("looked", "dlooked"), "SBC"),
    **dict.fromkeys(("v", "dv"), "A"), "weight_q": "AH", "weight_u": "RH", "weight_s": "HH", "weight_hh": "RH",
    "bias_hh": "R", "seen": "B", "rows": "N", "lengths": "N",
    **dict.fromkeys(("h0", "c0", "u0", "hn", "cn", "un", "dhn", "dcn", "dun", "dh0", "dc0", "du0"), "NH"),
    **dict.fromkeys(("y", "dy"), "TNY"), **dict.fromkeys(("c", "u", "du", "dhg", "dp"), "TNH"),
    **dict.fromkeys(("a", "da"), "TNS"), "gates": "TNKH", **dict.fromkeys(("queries", "dq"), "TNA"),
}  # fmt: skip


def _call(backward: bool, lstm: bool, arrays: dict[str, Tensor | None]) -> None:
    """Hand addresses to a kernel; the tensors behind them live until it has returned."""
    guard()
    given = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None}
    sizes = _check(given, lstm)
    addresses = {name: tensor.data_ptr() for name, tensor in given.items() if tensor.numel()}
    extension.compiled.attention(
        extension.instruction_set(), given["weight_hh"].dtype == torch.float64, backward,
        **{name: sizes[name] for name in "TNSBHAC"}, threads=extension.threads(), lstm=int(lstm), **addresses,
    )  # fmt: skip


def _check(given: dict[str, Tensor], lstm: bool) -> dict[str, int]:
    """The sizes. Every address must have as much behind it as the kernels will read and write, and of its type."""
    dtype = given["weight_hh"].dtype
    additive = "weight_q" in given
    (T, N, Y), (S, B, A), H = given["y"].shape, given["keys"].shape, given["weight_hh"].size(1)
    R = (4 if lstm else 3) * H
    size = {
        "T": T,
        "N": N,
        "Y": Y,
        "S": S,
        "B": B,
        "A": A,
        "H": H,
        "R": R,
        "V": R if additive else H,
        "K": 4,
        "C": Y - H,
    }
    if not additive and A != H:
        raise ShapeError(f"keys must be as wide as the state ({H}), got {A}")
    needed = ("v", "looked") if additive else ("weight_u", "weight_s", "u0")
    for name in (*needed, *(("c0",) if lstm else ())):
        if name not in given:
            raise ShapeError(f"{name} is missing")
    absent = {name for name, tensor in given.items() if tensor.shape == (0,) and name not in ARGUMENTS}
    there = {name: tensor for name, tensor in given.items() if name not in absent}
    check(there, dtype, WHOLE, spelled(SHAPES, size))
    if "rows" not in given and N != B:
        raise ShapeError(f"the memory must hold {N} sentences, one for each row, got {B}; or give rows")
    bounds = (("the memory's lengths", "seen", 1, S), ("rows", "rows", 0, B - 1), ("lengths", "lengths", 0, T))
    for told, name, low, high in bounds:  # an exported graph comes this way
        check_range(told, given.get(name), low, high)
    return size


def _internal(tensors: Sequence[Any]) -> tuple[int, ...]:
    """Which results are there for the backward pass alone: c, gates, queries, and y where u is what comes out."""
    return (1, 7, 8) if tensors[ARGUMENTS.index("u0")] is None else (0, 1, 7, 8)


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """What `attention_backward` is called with."""
    dy, _, du, da, dhn, dcn, dun, *_ = grads
    lstm, save = options
    return (dy, du, da, dhn, dcn, dun, *kept, *tensors, lstm) if save else None


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """The results by the cell's own equations on what was projected before: a cell whose inputs are xg and
    Σ_i a_ti values_i, and whose W_ih has ones for them."""
    one: dict[str, Any] = _named(*tensors)
    lstm = options[0]
    (_, N, R), H = one["xg"].shape, one["weight_hh"].size(1)
    additive = one["weight_q"] is not None
    ones = torch.eye(R, dtype=one["xg"].dtype)
    with skeleton():
        inner = (LSTMCell if lstm else GRUCell)(R + (R if additive else H), H, bias=one["bias_hh"] is not None)
        if additive:
            cell = Attentive(inner, R, R, attention_size=one["v"].size(0))
        else:
            cell = Attentive(inner, R, H, score="dot", input_feeding=True)
    weights = {"cell.weight_ih": torch.cat([ones, ones if additive else one["weight_u"]], 1)}
    weights["cell.weight_hh"] = one["weight_hh"]
    if one["bias_hh"] is not None:
        weights |= {"cell.bias_hh": one["bias_hh"], "cell.bias_ih": torch.zeros_like(one["bias_hh"])}
    if additive:
        weights |= {"v": one["v"], "query.weight": one["weight_q"]}
    else:
        weights["from_state.weight"] = one["weight_s"]
    state = LSTMState(one["h0"], one["c0"]) if lstm else GRUState(one["h0"])
    fed = one["h0"].new_zeros(N, 0) if additive else one["u0"]
    memory = Memory(one["values"], one["keys"], one["values"], one["seen"])
    arguments = (one["xg"], AttentiveState(state, fed), memory, one["rows"], one["lengths"], None)
    y, a, after, _ = functional_call(
        Loop(cell, reference.attend), {f"cell.{name}": w for name, w in weights.items()}, arguments
    )
    h, c = (*after.cell, None)[:2]
    if not additive:
        return None, None, y, a, h, c, after.fed
    seen = torch.einsum("tns,snc->tnc", a, reference.inside(one["looked"], one["seen"]))  # (4) of the memory itself
    return torch.cat([y[:, :, :H], seen], dim=2), None, None, a, h, c, None


_kernel = Kernel(
    attention,
    attention_backward,
    tensors=TENSORS,
    differentiable=DIFFERENTIABLE,
    kept=(0, 1, 2, 3, 7, 8),  # y, c, u, a, gates, queries
    arguments=_arguments,
    equations=_equations,
    internal=_internal,
)
