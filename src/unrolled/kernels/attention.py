"""Run recurrences with attention with the compiled CPU kernels (native/attention.cpp), as functional custom operators.

`unrolled::attention` is the whole loop on projected quantities. The products with the inputs and with the memory are
not sequential and are computed by torch. Second derivatives are computed from the cell's own equations.
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
from .derivatives import Kernel, needs_backward
from .operators import Loop, check, check_range, guard, resolve_shapes, skeleton
from .watch import no_kernel

# T steps, N rows, S source positions, B sentences, I input_size, H hidden_size, G gates, A width of a key, V width of
# a value, C memory_size, F width of u_t or c_t, Y width of y

TYPES = (torch.float32, torch.float64)


def unsupported(cell: Attentive, inputs: Tensor, noise: State | None) -> str | None:
    """Return why the kernels cannot run this; `None` if they can."""
    if extension.missing:
        return extension.missing
    if type(cell) is not Attentive:
        return f"there is no kernel for {type(cell).__name__}"
    if not cell.feeds:
        return "no step depends on earlier attention: run the recurrence first, then attention for all steps at once"
    inner = cell.cell
    if type(inner) not in (GRUCell, LSTMCell):
        return f"there is no attention kernel for {type(inner).__name__}"
    assert isinstance(inner, GRUCell | LSTMCell)
    if inner.layer_norm:
        return "the attention kernels have no layer norm"
    if isinstance(inner, GRUCell) and not inner.reset_after:
        return "the attention kernels' GRU applies the reset gate only after the product"
    if isinstance(inner, LSTMCell) and (inner.peepholes or inner.proj_size):
        return "the attention kernels' LSTM has neither peepholes nor a projection"
    if noise is not None or inner.zoneout_h or inner.zoneout_c:
        return "the attention kernels do not support noise"
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
    draws: Tensor | None,
) -> tuple[Tensor, Tensor, AttentiveState]:
    """Compute `unrolled.attend`: outputs (T, N, O), weights (T, N, S) and the state after the last step."""
    inner: Any = cell.cell
    lstm, I = isinstance(inner, LSTMCell), cell.input_size
    if lengths is not None:  # the padding may hold anything, even NaN, and must not affect gradients
        inputs = reference.inside(inputs, lengths)
    backward = needs_backward([inputs, *state.cell, state.fed, *memory[:3], *cell.parameters()])
    xg = F.linear(inputs, inner.weight_ih[:, :I], inner.bias_ih)
    h0, c0 = (*state.cell, None)[:2]
    u0 = None if cell.additive else state.fed
    specific: list[Tensor | None] = [None] * 5  # the tensors of one kind of attention
    bias_g = None if cell.gate is None else cell.gate.bias
    values = memory.values if memory.values.size(2) else None
    if cell.additive:
        weight_q = cell.query.weight if cell.gate is None else torch.cat([cell.query.weight, cell.gate.weight])
        specific[:3] = memory.h, cell.v, weight_q
    else:
        specific[4] = cell.from_state.weight
    if values is None or not cell.additive:
        specific[3] = inner.weight_ih[:, I:]
    tensors = [xg, memory.keys, values, *specific, inner.weight_hh, inner.bias_hh, h0, c0, u0, bias_g]
    tensors += [None if draws is None else draws.to(inputs.dtype), memory.lengths, rows, lengths]
    y, _, u, a, hn, cn, un, *_ = _kernel(tensors, [lstm, cell.hard, backward], backward)
    after: State = LSTMState(hn, cn) if lstm else GRUState(hn)
    return (y if cell.additive else u), a, AttentiveState(after, state.fed if cell.additive else un)


@torch.library.custom_op("unrolled::attention", mutates_args=())
def attention(
    xg: Tensor,
    keys: Tensor,
    values: Tensor | None,
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
    bias_g: Tensor | None,
    draws: Tensor | None,
    seen: Tensor,
    rows: Tensor | None,
    lengths: Tensor | None,
    lstm: bool,
    hard: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Run the loop; native/attention.h documents the arguments.

    Returns:
        y (T, N, Y), c of an LSTM and u if it is fed back (T, N, H), the weights (T, N, S), h, c and u after the last
        step, if ``save``, gates (T, N, 4, H) and queries (T, N, Q), and, with a gate or hard attention, the factors of
        the memory (T, N, S). Results that do not exist are empty.
    """
    tensors: dict[str, Tensor | None] = {
        "xg": xg, "keys": keys, "values": values, "looked": looked, "v": v, "weight_q": weight_q, "weight_u": weight_u,
        "weight_s": weight_s, "weight_hh": weight_hh, "bias_hh": bias_hh, "h0": h0, "c0": c0, "u0": u0, "seen": seen,
        "rows": rows, "lengths": lengths, "bias_g": bias_g, "draws": draws,
    }  # fmt: skip
    shapes = _results(tensors, lstm, hard, save)
    results = {name: extension.empty(*shape, like=weight_hh) for name, shape in shapes.items()}
    _call(False, lstm, hard, {**tensors, **results})
    return tuple(results.values())  # type: ignore[return-value]


ARGUMENTS = (
    "xg", "keys", "values", "looked", "v", "weight_q", "weight_u", "weight_s", "weight_hh", "bias_hh", "h0", "c0", "u0",
    "bias_g", "draws", "seen", "rows", "lengths",
)  # fmt: skip
TENSORS = len(ARGUMENTS)
DIFFERENTIABLE = TENSORS - 4  # number of leading arguments that may have a gradient
RESULTS = ("y", "c", "u", "a", "hn", "cn", "un", "gates", "queries", "mix")


def _named(*tensors: Tensor | None) -> dict[str, Tensor | None]:
    return dict(zip(ARGUMENTS, tensors, strict=True))


def _results(tensors: dict[str, Any], lstm: bool, hard: bool, save: bool) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the results of forward; (0,) for those that do not exist."""
    for name in ("xg", "keys", "looked", "weight_hh"):
        if tensors[name] is not None and tensors[name].dim() != len(SHAPES[name]):
            raise ShapeError(f"{name} must be ({', '.join(SHAPES[name])}), got {tuple(tensors[name].shape)}")
    (T, N), H, S = tensors["xg"].shape[:2], tensors["weight_hh"].size(1), tensors["keys"].size(0)
    additive = tensors["weight_q"] is not None
    Y = H + tensors["looked"].size(2) if additive else H
    absent = (0,)
    return {
        "y": (T, N, Y),
        "c": (T, N, H) if lstm else absent,
        "u": absent if additive else (T, N, H),
        "a": (T, N, S),
        "hn": (N, H),
        "cn": (N, H) if lstm else absent,
        "un": absent if additive else (N, H),
        "gates": (T, N, 4, H) if save else absent,
        "queries": (T, N, tensors["weight_q"].size(0)) if save and additive else absent,
        "mix": (T, N, S) if hard or tensors["bias_g"] is not None else absent,
    }


@attention.register_fake
def _(*args: Any) -> Any:
    tensors, (lstm, hard, save) = _named(*args[:TENSORS]), args[TENSORS:]
    shapes = _results(tensors, lstm, hard, save)
    return tuple(args[0].new_empty(shape) for shape in shapes.values())


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
    mix: Tensor,
    xg: Tensor,
    keys: Tensor,
    values: Tensor | None,
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
    bias_g: Tensor | None,
    draws: Tensor | None,
    seen: Tensor,
    rows: Tensor | None,
    lengths: Tensor | None,
    lstm: bool,
    hard: bool,
) -> tuple[
    Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor
]:  # fmt: skip
    """Return the gradients with respect to the first `DIFFERENTIABLE` arguments of `attention`; empty if none."""
    tensors: dict[str, Tensor | None] = {
        "xg": xg, "keys": keys, "values": values, "looked": looked, "v": v, "weight_q": weight_q, "weight_u": weight_u,
        "weight_s": weight_s, "weight_hh": weight_hh, "bias_hh": bias_hh, "h0": h0, "c0": c0, "u0": u0, "seen": seen,
        "rows": rows, "lengths": lengths, "bias_g": bias_g, "draws": draws,
    }  # fmt: skip
    (T, N), H, A = xg.shape[:2], weight_hh.size(1), keys.size(2)
    additive = weight_q is not None

    def empty_like(tensor: Tensor | None) -> Tensor:
        return weight_hh.new_empty(0) if tensor is None else extension.empty(*tensor.shape, like=weight_hh)

    names = ("xg", "keys", "values", "looked", "v", "h0", "c0", "u0")
    gradients = {f"d{name}": empty_like(tensors[name]) for name in names}
    dhg = None if lstm else extension.empty(T, N, H, like=weight_hh)
    dq = None if weight_q is None else extension.empty(T, N, weight_q.size(0), like=weight_hh)
    dp = None if additive else extension.empty(T, N, H, like=weight_hh)
    arrays = {
        "dy": dy, "du": du, "da": da, "dhn": dhn, "dcn": dcn, "dun": dun,
        "y": y, "c": c, "u": u, "a": a, "gates": gates, "queries": queries, "mix": mix, "dhg": dhg, "dq": dq, "dp": dp,
    }  # fmt: skip
    _call(True, lstm, hard, {**tensors, **arrays, **gradients, "xg": None, "bias_hh": None})
    dxg = gradients["dxg"].flatten(0, 1)
    s = y.flatten(0, 1)[:, :H]
    dweight_hh = torch.empty_like(weight_hh)
    parts = [(dxg, slice(None))]
    if dhg is not None:
        parts = [(dxg[:, : 2 * H], slice(0, 2 * H)), (dhg.view(T * N, H), slice(2 * H, None))]
    for dgates, rows_of in parts:
        _times_previous(dgates, s, h0, dweight_hh[rows_of])
    dweight_q, dweight_u, dweight_s, dbias, dbias_g = (weight_hh.new_empty(0) for _ in range(5))
    if dq is not None and weight_q is not None:
        dweight_q = _times_previous(dq.flatten(0, 1), s, h0, torch.empty_like(weight_q))
        dbias_g = dbias_g if bias_g is None else dq[:, :, A:].sum((0, 1))
    if additive and weight_u is not None:
        dweight_u = dxg.t() @ y.flatten(0, 1)[:, H:]
    elif dp is not None and u0 is not None and weight_u is not None:
        dweight_u = _times_previous(dxg, u.view(T * N, H), u0, weight_u.new_empty(weight_u.shape))
        dweight_s = dp.view(T * N, H).t() @ s
    if bias_hh is not None:
        dbias = torch.cat([dgates.sum(0) for dgates, _ in parts])
    return (
        *(gradients[f"d{name}"] for name in ("xg", "keys", "values", "looked", "v")),
        *(dweight_q, dweight_u, dweight_s, dweight_hh, dbias),
        *(gradients[f"d{name}"] for name in ("h0", "c0", "u0")),
        dbias_g,
    )  # type: ignore[return-value]


def _times_previous(rows: Tensor, states: Tensor, first: Tensor, out: Tensor) -> Tensor:
    """Compute Σ_t rows_tᵀ state_{t-1} without copying the states: ``states`` are those after each step."""
    N = first.size(0)
    if not rows.size(0):
        return out.zero_()
    torch.mm(rows[N:].t(), states[:-N], out=out)
    return out.addmm_(rows[:N].t(), first)


@attention_backward.register_fake
def _(*args: Any) -> Any:
    inputs = args[13 : 13 + DIFFERENTIABLE]
    return tuple(args[6].new_empty(0 if tensor is None else tensor.shape) for tensor in inputs)


INTEGER_DTYPES = dict.fromkeys(("seen", "rows", "lengths"), torch.int64)
# The shape of every array by the letters of the sizes: R rows of a gated weight, K saved planes, O one.
SHAPES = {
    **dict.fromkeys(("xg", "dxg"), "TNR"), **dict.fromkeys(("keys", "dkeys"), "SBA"),
    **dict.fromkeys(("values", "dvalues"), "SBV"), **dict.fromkeys(("looked", "dlooked"), "SBC"),
    **dict.fromkeys(("v", "dv"), "A"), "weight_q": "QH", "weight_u": "RF", "weight_s": "HH", "weight_hh": "RH",
    "bias_g": "O", "draws": "TN",
    "bias_hh": "R", "seen": "B", "rows": "N", "lengths": "N",
    **dict.fromkeys(("h0", "c0", "u0", "hn", "cn", "un", "dhn", "dcn", "dun", "dh0", "dc0", "du0"), "NH"),
    **dict.fromkeys(("y", "dy"), "TNY"), **dict.fromkeys(("c", "u", "du", "dhg", "dp"), "TNH"),
    **dict.fromkeys(("a", "da", "mix"), "TNS"), "gates": "TNKH", **dict.fromkeys(("queries", "dq"), "TNQ"),
}  # fmt: skip


def _call(backward: bool, lstm: bool, hard: bool, arrays: dict[str, Tensor | None]) -> None:
    """Check the arrays and pass their addresses to the kernel; the tensors live until it returns."""
    guard()
    tensors = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None}
    sizes = _check(tensors, lstm)
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items() if tensor.numel()}
    extension.compiled.attention(
        extension.instruction_set(), tensors["weight_hh"].dtype == torch.float64, backward,
        **{name: sizes[name] for name in "TNSBHACQ"}, threads=extension.threads(), lstm=int(lstm), hard=int(hard),
        **addresses,
    )  # fmt: skip


def _check(tensors: dict[str, Tensor], lstm: bool) -> dict[str, int]:
    """Check that every tensor covers the memory that the kernels will access; return the sizes by letter.

    Raises:
        TypeError: a tensor has the wrong dtype or is not on the CPU.
        ShapeError: a tensor is missing, has the wrong shape, or holds values out of range.
    """
    dtype = tensors["weight_hh"].dtype
    additive = "weight_q" in tensors
    (T, N, Y), (S, B, A), H = tensors["y"].shape, tensors["keys"].shape, tensors["weight_hh"].size(1)
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
        "O": 1,
        "C": Y - H,
        "F": Y - H if additive else H,
        "Q": A + ("bias_g" in tensors),
    }
    if not additive and A != H:
        raise ShapeError(f"keys must be as wide as the state ({H}), got {A}")
    if additive and ("values" in tensors) == ("weight_u" in tensors):
        raise ShapeError("additive attention needs either values or weight_u, not both")
    needed = ("v", "looked") if additive else ("values", "weight_u", "weight_s", "u0")
    for name in (*needed, *(("c0",) if lstm else ())):
        if name not in tensors:
            raise ShapeError(f"{name} is missing")
    absent = {name for name, tensor in tensors.items() if tensor.shape == (0,) and name not in ARGUMENTS}
    present = {name: tensor for name, tensor in tensors.items() if name not in absent}
    check(present, dtype, INTEGER_DTYPES, resolve_shapes(SHAPES, size))
    if "rows" not in tensors and N != B:
        raise ShapeError(f"the memory must hold {N} sentences, one for each row, got {B}; or give rows")
    bounds = (("the memory's lengths", "seen", 1, S), ("rows", "rows", 0, B - 1), ("lengths", "lengths", 0, T))
    for label, name, low, high in bounds:  # exported graphs call the operator without earlier checks
        check_range(label, tensors.get(name), low, high)
    return size


def _internal(tensors: Sequence[Any]) -> tuple[int, ...]:
    """Return which results only the backward pass uses: c, gates, queries, mix, and y if u is the output."""
    return (1, 7, 8, 9) if tensors[ARGUMENTS.index("u0")] is None else (0, 1, 7, 8, 9)


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """Return the arguments of `attention_backward`; `None` if forward saved nothing."""
    dy, _, du, da, dhn, dcn, dun, *_ = grads
    lstm, hard, save = options
    return (dy, du, da, dhn, dcn, dun, *kept, *tensors, lstm, hard) if save else None


def _equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Compute the results by the equations of a cell on the projected quantities.

    The inputs of that cell are xg and Σ_i a_ti values_i, or c_t if there are no values, or u_{t-1}. Its W_ih is made of
    identity matrices and ``weight_u``.
    """
    named: dict[str, Any] = _named(*tensors)
    lstm, hard, _ = options
    (_, N, R), H = named["xg"].shape, named["weight_hh"].size(1)
    additive, values = named["weight_q"] is not None, named["values"]
    identity = torch.eye(R, dtype=named["xg"].dtype)
    W_u = identity if named["weight_u"] is None else named["weight_u"]
    with skeleton():
        inner = (LSTMCell if lstm else GRUCell)(R + W_u.size(1), H, bias=named["bias_hh"] is not None)
        if additive:
            gate = named["bias_g"] is not None
            cell = Attentive(inner, R, W_u.size(1), attention_size=named["v"].size(0), gate=gate, hard=hard)
        else:
            cell = Attentive(inner, R, H, score="dot", input_feeding=True)
    weights = {"cell.weight_ih": torch.cat([identity, W_u], 1), "cell.weight_hh": named["weight_hh"]}
    if named["bias_hh"] is not None:
        weights |= {"cell.bias_hh": named["bias_hh"], "cell.bias_ih": torch.zeros_like(named["bias_hh"])}
    if additive:
        A = named["v"].size(0)
        weights |= {"v": named["v"], "query.weight": named["weight_q"][:A]}
        if named["bias_g"] is not None:
            weights |= {"gate.weight": named["weight_q"][A:], "gate.bias": named["bias_g"]}
    else:
        weights["from_state.weight"] = named["weight_s"]
    state = LSTMState(named["h0"], named["c0"]) if lstm else GRUState(named["h0"])
    fed = named["h0"].new_zeros(N, 0) if additive else named["u0"]
    seen_by_step = named["looked"] if values is None else values
    memory = Memory(seen_by_step, named["keys"], seen_by_step, named["seen"])
    arguments = (named["xg"], AttentiveState(state, fed), memory, named["rows"], named["lengths"], None, named["draws"])
    y, a, after, _ = functional_call(
        Loop(cell, reference.attend), {f"cell.{name}": w for name, w in weights.items()}, arguments
    )
    h, c = (*after.cell, None)[:2]
    if not additive:
        return None, None, y, a, h, c, after.fed
    if values is None:
        return y, None, None, a, h, c, None
    mix = a
    if hard or named["bias_g"] is not None:
        before = torch.cat([named["h0"][None], y[:-1, :, :H]]) if len(y) else y[:, :, :H]
        mix = functional_call(Loop(cell, Attentive.mix), {f"cell.{n}": w for n, w in weights.items()},
                              (a, before, named["draws"]))  # fmt: skip
        mix = mix if named["lengths"] is None else reference.inside(mix, named["lengths"])
    looked = reference.inside(named["looked"], named["seen"])
    looked = looked if named["rows"] is None else looked[:, named["rows"]]
    context = torch.einsum("tns,snc->tnc", mix, looked)  # (4) on the memory
    return torch.cat([y[:, :, :H], context], dim=2), None, None, a, h, c, None


_kernel = Kernel(
    attention,
    attention_backward,
    tensors=TENSORS,
    differentiable=DIFFERENTIABLE,
    kept=(0, 1, 2, 3, 7, 8, 9),  # y, c, u, a, gates, queries, mix
    arguments=_arguments,
    equations=_equations,
    internal=_internal,
)
