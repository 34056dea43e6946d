"""Recurrences through the compiled CPU kernels (native/), as functional custom operators.

Two operators, `unrolled::recurrence` and its backward, with the rules that let ``torch.compile``, ``torch.export`` and
``vmap`` see through them. Whatever the backward kernel does not do (second derivatives, gradients by traced gates)
goes through the cell's own equations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..cells import Cell, GRUCell, GRUState, LSTMCell, LSTMState, Noise, RNNCell, RNNState, State, Trace
from ..errors import ShapeError
from . import extension, reference

# T steps, B lanes, I input_size, H hidden_size, G gates

CELLS = (RNNCell, GRUCell, LSTMCell)
RNN, GRU, LSTM = range(3)
PLANES = (2, 4, 4)  # of what forward saves: f(a), a │ r, z, n, W_hn h + b_hn │ i, f, g, o
GRADIENT_PLANES = (1, 4, 4)  # of da: a │ n, r, z, W_hn h + b_hn │ i, f, g, o
GATES = (("", "a"), ("r", "z", "n", ""), ("i", "f", "g", "o"))


def unsupported(cell: Cell, inputs: Tensor, noise: State | None) -> str | None:
    """Why the kernels cannot run this cell over these inputs; `None` if they can."""
    if extension.missing:
        return extension.missing
    if type(cell) not in CELLS:
        return f"there is no kernel for {type(cell).__name__}"
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    if cell.layer_norm:
        return "the kernels have no layer norm"
    if isinstance(cell, LSTMCell) and cell.proj_size:
        return "the kernels have no projection"
    if inputs.device.type != "cpu":
        return f"the inputs are on {inputs.device.type}, and the kernels run on the CPU"
    if inputs.dtype not in (torch.float32, torch.float64) or torch.is_autocast_enabled("cpu"):
        return "the kernels compute in float32 and float64"
    if noise is None:
        return None
    if not isinstance(noise, Noise):
        return "the kernels know only the built-in cells' noise"
    for mask in (noise.recurrent, noise.weight_hh):
        if mask is not None and mask.size(0) > 1 and mask.stride(0):
            return "the kernels need one mask of weights or recurrent units for all steps"
    if any(mask is not None and mask.requires_grad for mask in noise):
        return "the kernels give no gradients by masks"
    return None


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
    """The same function as the reference loop: ``inputs (T, B, I)`` → ``outputs (T, B, H)``, state after, trace."""
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    T, B, H = inputs.size(0), inputs.size(1), cell.hidden_size
    noise = noise or Noise()
    kind = CELLS.index(type(cell))
    _check_shapes(cell)
    W_hh = cell.weight_hh if noise.weight_hh is None or not T else cell.weight_hh * noise.weight_hh[0]
    initial: Any = cell.initial_state(B) if resets is not None else []
    peepholes = None
    if isinstance(cell, LSTMCell) and cell.peepholes:
        peepholes = torch.stack([cell.peephole_i, cell.peephole_f, cell.peephole_o])
    weights = [cell.weight_ih, W_hh, cell.bias_ih, cell.bias_hh, peepholes]
    recurrent = None if noise.recurrent is None or not T else noise.recurrent[0].expand(B, H)
    masks = [recurrent, *(None if m is None else m.expand(T, B, H) for m in (noise.zoneout_h, noise.zoneout_c))]
    given: list[Any] = [inputs, *_pair(state), *_pair(initial), *weights, lengths, resets, *masks]
    save = traced or (torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given))
    options = [
        kind,
        reverse,
        getattr(cell, "nonlinearity", "tanh") == "relu",
        getattr(cell, "reset_after", True),
        cell.zoneout_h if noise.zoneout_h is None else 0.0,
        cell.zoneout_c if noise.zoneout_c is None and kind == LSTM else 0.0,
        save,
    ]
    operator: Any = _Eager.apply if _plain(given) else recurrence
    y, c, gates, hn, cn = operator(*given, *options)
    after: State = LSTMState(hn, cn) if kind == LSTM else (GRUState, RNNState)[kind == RNN](hn)
    trace: Trace = {}
    if traced:
        planes = gates.view(T, B, PLANES[kind], H).unbind(2)
        trace = {name: plane for name, plane in zip(GATES[kind], planes, strict=True) if name}
        trace |= {"c": c, "h": y} if kind == LSTM else {"h": y}
    return y, after, trace


def _check_shapes(cell: RNNCell | GRUCell | LSTMCell) -> None:
    """A kernel would read beyond the end of a parameter that someone has put another in the place of."""
    rows, H = cell.gates * cell.hidden_size, cell.hidden_size
    wanted: dict[str, tuple[int, ...]] = {"weight_ih": (rows, cell.input_size), "weight_hh": (rows, H)}
    if cell.bias:
        wanted |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    if isinstance(cell, LSTMCell) and cell.peepholes:
        wanted |= dict.fromkeys(("peephole_i", "peephole_f", "peephole_o"), (H,))
    for name, shape in wanted.items():
        got = tuple(getattr(cell, name).shape)
        if got != shape:
            raise ShapeError(f"{name} of this {type(cell).__name__} must be {shape}, got {got}")


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
    save: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """y (T, B, H), c (T, B, H) of an LSTM, gates (T, B, ·, H) if they are to be kept, h and c after the last step."""
    (T, B, I), H = x.shape, weight_hh.size(1)
    arrays: dict[str, Tensor | None] = {
        "x": x, "h0": h0, "c0": c0, "hi": hi, "ci": ci, "weight_ih": weight_ih, "weight_hh": weight_hh,
        "bias_ih": bias_ih, "bias_hh": bias_hh, "peepholes": peepholes, "lengths": lengths, "resets": resets,
        "mask": mask, "zone_h": zone_h, "zone_c": zone_c,
    }  # fmt: skip
    memory = kind == LSTM
    results: dict[str, Tensor] = {
        "y": extension.empty(T, B, H, like=x),
        "c": extension.empty(T, B, H, like=x) if memory else x.new_empty(0),
        "gates": extension.empty(T, B, PLANES[kind], H, like=x) if save else x.new_empty(0),
        "hn": x.new_empty(B, H),
        "cn": x.new_empty(B, H) if memory else x.new_empty(0),
    }
    options = _options(reverse, relu, reset_after, zoneout_h, zoneout_c)
    _call(kind, False, (T, B, I, H), {**arrays, **results}, options)
    return results["y"], results["c"], results["gates"], results["hn"], results["cn"]


@recurrence.register_fake
def _(x: Tensor, h0: Tensor, c0: Any, hi: Any, ci: Any, weight_ih: Tensor, weight_hh: Tensor, *rest: Any) -> Any:
    (T, B, _), H = x.shape, weight_hh.size(1)
    kind, save = rest[-7], rest[-1]
    nothing = x.new_empty(0)
    return (
        x.new_empty(T, B, H),
        x.new_empty(T, B, H) if kind == LSTM else nothing,
        x.new_empty(T, B, PLANES[kind], H) if save else x.new_empty(0),
        x.new_empty(B, H),
        x.new_empty(B, H) if kind == LSTM else x.new_empty(0),
    )


@torch.library.custom_op("unrolled::recurrence_backward", mutates_args=())
def recurrence_backward(
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    y: Tensor,
    c: Tensor,
    gates: Tensor,
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
    need_x: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients by x, h0, c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes; empty where there is none."""
    (T, B, I), H = x.shape, weight_hh.size(1)
    S, memory = GRADIENT_PLANES[kind], kind == LSTM
    apart = resets is not None or mask is not None or (lengths is not None and reverse) or not reset_after
    da = extension.empty(T, B, S, H, like=x)
    hb = extension.empty(T, B, H, like=x) if apart else None
    if dy is None:
        dy = torch.zeros_like(y)

    def state(wanted: bool) -> Tensor:
        return x.new_empty(B, H) if wanted else x.new_empty(0)

    found = {
        "dh0": state(True),
        "dc0": state(memory),
        "dhi": state(resets is not None),
        "dci": state(memory and resets is not None),
        "dbias": x.new_empty(S, H),
        "dpeepholes": x.new_empty(3, H) if peepholes is not None else x.new_empty(0),
    }
    arrays: dict[str, Tensor | None] = {
        "dy": dy, "dhn": dhn, "dcn": dcn if memory else None, "y": y, "c": c, "gates": gates, "h0": h0, "c0": c0,
        "hi": hi, "ci": ci, "weight_hh": weight_hh, "peepholes": peepholes, "lengths": lengths, "resets": resets,
        "mask": mask, "zone_h": zone_h, "zone_c": zone_c, "da": da, "hb": hb,
    }  # fmt: skip
    options = _options(reverse, relu, reset_after, zoneout_h, zoneout_c)
    _call(kind, True, (T, B, I, H), {**arrays, **found}, options)

    rows = da.view(T * B, S * H)
    if lengths is not None:  # whatever stands in the padding, be it NaN, must not reach the weights' gradient
        x = torch.where((torch.arange(T)[:, None] < lengths)[:, :, None], x, 0)
    x2 = x.reshape(T * B, I)
    weight, by_x = weight_ih, rows
    if kind == GRU:  # da has n first, so that both weights' planes lie side by side
        weight, by_x = weight_ih.roll(H, 0), rows[:, : 3 * H]
    dx = torch.mm(by_x, weight, out=extension.empty(T * B, I, like=x)) if need_x else x.new_empty(0)
    dweight_ih = by_x.t() @ x2
    by_h = rows[:, H:] if kind == GRU else rows
    dbias = found["dbias"]
    dbias_ih = dbias_hh = dbias.flatten()
    if kind == GRU:
        dweight_ih = dweight_ih.roll(-H, 0)
        dbias_ih, dbias_hh = dbias[:3].roll(-1, 0).flatten(), dbias[1:].flatten()
    if hb is None:
        dweight_hh = _by_previous(by_h, y, h0, reverse)
    elif reset_after:
        dweight_hh = by_h.t() @ hb.view(T * B, H)
    else:  # (3b): the product of n is with r ∘ h
        reset = gates.view(T, B, 4, H)[:, :, 0] * hb
        both = (by_h[:, : 2 * H].t() @ hb.view(T * B, H), by_h[:, 2 * H :].t() @ reset.view(T * B, H))
        dweight_hh = torch.cat(both)
    if bias_ih is None:
        dbias_ih = dbias_hh = x.new_empty(0)
    return (
        dx.view(x.shape) if need_x else dx,
        found["dh0"],
        found["dc0"],
        found["dhi"],
        found["dci"],
        dweight_ih,
        dweight_hh,
        dbias_ih.clone(),
        dbias_hh.clone(),
        found["dpeepholes"],
    )


def _by_previous(rows: Tensor, y: Tensor, h0: Tensor, reverse: bool) -> Tensor:
    """Σ_t da_tᵀ h before step t, where that is the output of the step before: no copy of the states is made."""
    T, B, H = y.shape
    if not T * B:
        return rows.new_zeros(rows.size(1), H)
    flat = y.reshape(T * B, H)
    here, before, start = (rows[:-B], flat[B:], rows[-B:]) if reverse else (rows[B:], flat[:-B], rows[:B])
    return torch.addmm(start.t() @ h0, here.t(), before)


@recurrence_backward.register_fake
def _(dy: Any, dhn: Any, dcn: Any, y: Tensor, c: Any, gates: Any, x: Tensor, h0: Tensor, *rest: Any) -> Any:
    c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes = rest[:8]
    need_x = rest[-1]
    return tuple(
        like.new_empty(like.shape) if like is not None else x.new_empty(0)
        for like in (x if need_x else None, h0, c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes)
    )


def _options(reverse: bool, relu: bool, reset_after: bool, zoneout_h: float, zoneout_c: float) -> dict[str, Any]:
    return {
        "reverse": int(reverse),
        "relu": int(relu),
        "reset_after": int(reset_after),
        "zoneout_h": zoneout_h,
        "zoneout_c": zoneout_c,
    }


def _call(
    kind: int,
    backward: bool,
    sizes: tuple[int, int, int, int],
    arrays: dict[str, Tensor | None],
    options: dict[str, Any],
) -> None:
    """Hand addresses to a kernel; the tensors behind them live until it has returned."""
    given = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor is not None and tensor.numel()}
    dtype = (arrays["x"] if "x" in arrays else arrays["y"]).dtype  # type: ignore[union-attr]
    for name, tensor in given.items():
        wanted = {"lengths": torch.int64, "resets": torch.bool}.get(name, dtype)
        if tensor.dtype != wanted or tensor.device.type != "cpu":
            raise TypeError(f"{name} must be {wanted} on the CPU, got {tensor.dtype} on {tensor.device}")
    lengths = given.get("lengths")
    if lengths is not None and not 0 <= int(lengths.min()) <= int(lengths.max()) <= sizes[0]:
        raise ValueError(f"lengths must lie in 0..{sizes[0]}, got {int(lengths.min())}..{int(lengths.max())}")
    T, B, I, H = sizes
    addresses = {name: tensor.data_ptr() for name, tensor in given.items()}
    extension.compiled.run(
        extension.instruction_set(), kind, dtype == torch.float64, backward,
        T=T, B=B, I=I, H=H, threads=extension.threads(), **addresses, **options,
    )  # fmt: skip


DIFFERENTIABLE = 10  # the first so many arguments of `recurrence`


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    tensors, ctx.options = inputs[:15], inputs[15:]
    y, c, gates, _, _ = output
    ctx.save_for_backward(*tensors, y, c, gates)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Any, dc: Any, dgates: Any, dhn: Any, dcn: Any) -> tuple[Any, ...]:
    *tensors, y, c, gates = ctx.saved_tensors
    *options, save = ctx.options
    needed = ctx.needs_input_grad[:DIFFERENTIABLE]
    if torch.is_grad_enabled() or dgates is not None or dc is not None or not save:
        found = _through_equations(tensors, ctx.options, needed, (dy, dc, dgates, dhn, dcn))
    else:
        plain = _plain([dy, dhn, dcn, *tensors])
        operator: Any = recurrence_backward._init_fn if plain else recurrence_backward
        found = list(operator(dy, dhn, dcn, y, c, gates, *tensors, *options, needed[0]))
    gradients = [one if wanted else None for one, wanted in zip(found, needed, strict=True)]
    return (*gradients, *[None] * (5 + 7))


recurrence.register_autograd(_backward, setup_context=_setup)


class _Eager(torch.autograd.Function):
    """The operator without the dispatcher's detour, which costs a small layer as much as its arithmetic."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:  # with a setup_context of its own, torch would inspect the signature
        output = recurrence._init_fn(*args)
        _setup(ctx, args, output)
        return output

    backward = staticmethod(_backward)


def _plain(given: list[Any]) -> bool:
    """Whether nothing watches: no tracing, no transformation, no mode, no subclass of tensors."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._len_torch_dispatch_stack() == 0
        and all(x is None or type(x) is Tensor or type(x) is nn.Parameter for x in given)
    )


class _Loop(nn.Module):
    """The reference loop as a module, so that its cell's parameters can be put in from outside."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State, Trace]:
        return reference.run(self.cell, inputs, state, traced=True, **options)


def _loop(kind: int, input_size: int, hidden_size: int, **options: Any) -> _Loop:
    """A loop over a cell of these sizes and options; its own parameters take no memory and are never used."""
    return _Loop(CELLS[kind](input_size, hidden_size, device="meta", **options))


def _through_equations(
    tensors: list[Tensor | None], options: tuple[Any, ...], needed: tuple[bool, ...], given: tuple[Any, ...]
) -> list[Tensor | None]:
    """Gradients by running the cell's own equations again, differentiable in turn."""
    kind, reverse, relu, reset_after, zoneout_h, zoneout_c, _ = options
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # views, so that gradients stop here and yet, in a second pass, flow on to where these tensors came from
        some = [t if t is None or not want else t.view_as(t) if again else t.detach().requires_grad_()
                for t, want in zip(tensors, [*needed, *[False] * 5], strict=True)]  # fmt: skip
        x, h0, c0, hi, ci, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, lengths, resets, *masks = some
        assert x is not None
        assert weight_hh is not None
        T, H = x.size(0), weight_hh.size(1)
        own: dict[str, Any] = [
            {"nonlinearity": "relu" if relu else "tanh"},
            {"reset_after": reset_after},
            {"peepholes": peepholes is not None},
        ][kind]
        zoneout = (zoneout_h, zoneout_c) if kind == LSTM else zoneout_h
        loop = _loop(kind, x.size(2), H, bias=bias_ih is not None, zoneout=zoneout, **own)
        weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
        if peepholes is not None:
            weights |= dict(zip(("peephole_i", "peephole_f", "peephole_o"), peepholes.unbind(), strict=True))
        form: Any = {RNN: RNNState, GRU: GRUState, LSTM: LSTMState}[kind]
        mask, zone_h, zone_c = masks
        noise = Noise(None if mask is None else mask.expand(T, *mask.shape), zone_h, zone_c)
        y, after, trace = functional_call(
            loop,
            {f"cell.{name}": weight for name, weight in weights.items() if weight is not None},
            (x, form(h0, c0) if kind == LSTM else form(h0)),
            {
                "initial": None if hi is None else form(hi, ci) if kind == LSTM else form(hi),
                "lengths": lengths,
                "resets": resets,
                "noise": noise,
                "reverse": reverse,
            },
        )
        nothing = torch.zeros_like(y)
        gates = torch.stack([trace.get(name, nothing) for name in GATES[kind]], 2)
        results = (y, trace.get("c"), gates, after.h, getattr(after, "c", None))
        pairs = [(r, d) for r, d in zip(results, given, strict=True) if r is not None and d is not None]
        wanted = [t for t, want in zip(some, needed, strict=False) if want and t is not None]
        found = iter(
            torch.autograd.grad(
                [r for r, _ in pairs], wanted, [d for _, d in pairs], create_graph=again, allow_unused=True
            )
            if pairs
            else [None] * len(wanted)
        )
    return [next(found) if want and t is not None else None for t, want in zip(some, needed, strict=False)]


@recurrence.register_vmap
def _(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
    return _one_by_one(recurrence, info, in_dims, args)


@recurrence_backward.register_vmap
def _(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
    return _one_by_one(recurrence_backward, info, in_dims, args)


def _one_by_one(operator: Any, info: Any, in_dims: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
    """vmap by a loop: each slice is a whole sequence, so there is little to win by merging them into one batch."""
    slices = [
        operator(*(a if dim is None else a.select(dim, i) for a, dim in zip(args, in_dims, strict=True)))
        for i in range(info.batch_size)
    ]
    outputs = tuple(torch.stack(parts) for parts in zip(*slices, strict=True))
    return outputs, tuple(0 for _ in outputs)
