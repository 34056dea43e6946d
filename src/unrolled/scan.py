"""Run a cell over a sequence with the fastest backend that supports it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard, Unpack

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from .cells import BuiltinCell, Cell, ConvolutionalCell, LSTMCell, ParallelCell, State, Trace
from .cells.base import start
from .cells.contract import check_is_cell, check_sizes_set, contract_problem
from .cells.dilated import Dilated
from .checks import NoOptions
from .errors import ArgumentError, BackendError, UnrolledError, did_you_mean
from .kernels import arguments as given
from .kernels import associative_scan, dilated, hoisted, maps, native, operators, parallel, reference, watch
from .kernels import torch as fused

# T steps, B lanes (a lane is a row of the batch that carries its state), I input_size, O output_size

BACKENDS = ("auto", "reference", "native", "torch", "cudnn")
LOOP_TRACED = "torch.jit.trace would unroll the loop to the traced number of steps, wrong for any other number"


def scan(
    cell: Cell,
    inputs: Tensor,
    state: State | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    resets: Tensor | None = None,
    noise: State | None = None,
    reverse: bool = False,
    backend: str = "auto",
    **unknown: Unpack[NoOptions],
) -> tuple[Tensor, State]:
    """Run ``cell`` over ``inputs``: ``output_t, state_t = cell.step(x_t, state_{t-1}, noise_t)``.

    Args:
        cell: the recurrence.
        inputs: ``(T, B, I)``, time first; or token ids ``(T, B)`` int64, each standing for a one-hot vector of width I;
            for a cell over maps ``(T, B, I, *space)``, with I channels.
        state: the state before the first step; `None` means ``cell.initial_state(B)``.
        lengths: ``(B,)`` int64 in 0..T, or a list of integers. Past the end of a sequence the outputs are zero and
            the state is kept.
        resets: ``(T, B)`` bool, true at the first step of a document. Running forward, the lane is reset to the
            initial state before that step; in reverse, after it.
        noise: the result of ``cell.draw_noise(T, B)``, for training; `None` means evaluation.
        reverse: run from the end of each sequence to its beginning; outputs keep their positions.
        backend: ``auto``, ``reference``, ``native``, ``torch`` or ``cudnn``.

    Returns:
        ``outputs (T, B, O)``, of a cell over maps ``(T, B, O, *space)``, and the state after the last step (in reverse:
        after step 0).

    Raises:
        ShapeError: inputs, lengths, resets, noise or state do not fit together or do not fit the cell.
        ArgumentError: the backend or a keyword is unknown, ``cell`` is no cell, or a custom cell does not keep the
            contract of cells (its own exceptions pass through).
        BackendError: the requested backend cannot run this; the message says why.

    >>> import torch
    >>> import unrolled
    >>> cell = unrolled.LSTMCell(8, 16)
    >>> outputs, state = unrolled.scan(cell, torch.randn(5, 3, 8))  # 5 steps, 3 sequences
    >>> outputs.shape, state.h.shape
    (torch.Size([5, 3, 16]), torch.Size([3, 16]))
    """
    if unknown or (reverse is not True and reverse is not False):
        given.check_options(unknown, reverse, scan)
    shaped = _expanded(cell, inputs)
    if lengths is not None and not isinstance(lengths, Tensor):
        lengths = given.as_lengths(lengths, inputs)
    state = given.check(cell, shaped, state, lengths, resets, noise)
    options: dict[str, Any] = {"lengths": lengths, "resets": resets, "noise": noise, "reverse": reverse}
    if _folds(cell, noise) and backend != "reference":
        outputs, state, _ = dilated.run(scan, cell, inputs, state, **options, backend=backend)
        return outputs, state
    arguments: dict[str, Any] = {"state": state, "lengths": lengths, "resets": resets, "noise": noise}
    backend = choose(cell, shaped, **arguments, backend=backend)
    if backend != "native":
        inputs = one_hot(cell, inputs)
    match backend:
        case "reference":
            initial = start(cell, inputs.size(1), inputs.shape[3:]) if resets is not None else None
            outputs, state, _ = _loop(cell, inputs, state, initial=initial, **options)
        case "native":
            outputs, state, _ = _native(cell, inputs, state, **options)
        case _ if isinstance(cell, ParallelCell):
            del options["noise"]  # parallel cells have none
            outputs, state = associative_scan.run(cell, inputs, state, **options)
        case _ if isinstance(cell, ConvolutionalCell):
            outputs, state = hoisted.run(cell, inputs, state, **options)
        case _:
            outputs, state = fused.run(cell, inputs, state, **options)
    return outputs, state


def scan_traced(
    cell: Cell,
    inputs: Tensor,
    state: State | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    resets: Tensor | None = None,
    noise: State | None = None,
    reverse: bool = False,
    backend: str = "auto",
    **unknown: Unpack[NoOptions],
) -> tuple[Tensor, State, Trace]:
    """Run `scan` and also return every gate at every step.

    Returns:
        Outputs and state as `scan`, and a dict of gate name → ``(T, B, ·)``, zero past the end of a sequence.

    Raises:
        ShapeError, ArgumentError: as `scan`.
        BackendError: also for the backends ``torch`` and ``cudnn``, which do not expose gates.
    """
    if unknown or (reverse is not True and reverse is not False):
        given.check_options(unknown, reverse, scan)
    shaped = _expanded(cell, inputs)
    if lengths is not None and not isinstance(lengths, Tensor):
        lengths = given.as_lengths(lengths, inputs)
    state = given.check(cell, shaped, state, lengths, resets, noise)
    options: dict[str, Any] = {"lengths": lengths, "resets": resets, "noise": noise, "reverse": reverse}
    if backend in ("torch", "cudnn"):
        raise BackendError(f"backend {backend!r} does not trace gates; use backend='native', 'reference' or 'auto'")
    if _folds(cell, noise) and backend != "reference":
        return dilated.run(scan_traced, cell, inputs, state, **options, backend=backend)
    if backend != "auto" or _no_kernel(cell, shaped, noise) is None:
        arguments: dict[str, Any] = {"state": state, "lengths": lengths, "resets": resets, "noise": noise}
        backend = choose(cell, shaped, **arguments, backend=backend)
    if backend == "native":
        return _native(cell, inputs, state, traced=True, **options)
    inputs = one_hot(cell, inputs)
    initial = start(cell, inputs.size(1), inputs.shape[3:]) if resets is not None else None
    return _loop(cell, inputs, state, initial=initial, traced=True, **options)


def _loop(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State, Trace]:
    """Run the reference loop. If a custom cell raises an exception there, look for its cause in the cell's contract."""
    if isinstance(cell, BuiltinCell) or torch.compiler.is_compiling():
        return reference.run(cell, inputs, state, **options)
    try:
        return reference.run(cell, inputs, state, **options)
    except UnrolledError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if (problem := contract_problem(cell, inputs)) is None:
            raise
        raise problem from error


def _folds(cell: Cell, noise: State | None) -> TypeGuard[Dilated]:
    """Whether to run a dilated cell as more lanes of its inner cell. A trace would fix the number of folded steps."""
    return isinstance(cell, Dilated) and dilated.folds(noise) and not watch.traced()


def _native(cell: Cell, inputs: Tensor, state: State, *, noise: State | None, **options: Any) -> Any:
    """Return outputs, state and trace computed by the compiled kernels."""
    if isinstance(cell, ParallelCell):
        return parallel.run(cell, inputs, state, **options)
    if isinstance(cell, ConvolutionalCell):
        return maps.run(cell, inputs, state, noise=noise, **options)
    return native.run(cell, inputs, state, noise=noise, **options)


def _no_kernel(cell: Cell, inputs: Tensor, noise: State | None) -> str | None:
    """Return why the compiled kernels cannot run this; `None` if they can."""
    if isinstance(cell, ParallelCell):
        return parallel.unsupported(cell, inputs)
    if isinstance(cell, ConvolutionalCell):
        return maps.unsupported(cell, inputs, noise)
    return native.unsupported(cell, inputs, noise)


def _expanded(cell: Cell, inputs: Tensor) -> Tensor:
    """For token ids ``(T, B)``, return a tensor with the shape and dtype of their one-hot vectors and no storage.

    Raises:
        ArgumentError: ``cell`` is no cell, or a custom cell does not set its sizes.
        ShapeError: the inputs are not a tensor, or a token id is outside 0..I-1.
    """
    if not isinstance(cell, BuiltinCell):
        check_is_cell(cell, inputs)
        check_sizes_set(cell)
    if not isinstance(inputs, Tensor):
        given.refuse_inputs(cell, inputs)
    if not is_token_ids(inputs):
        return inputs
    operators.check_range("token ids in inputs", inputs, 0, cell.input_size - 1)
    return _like(cell, inputs).expand(*inputs.shape, cell.input_size)


def one_hot(cell: Cell, inputs: Tensor) -> Tensor:
    """Return token ids ``(T, B)`` as one-hot vectors ``(T, B, I)``, and any other inputs unchanged."""
    if not is_token_ids(inputs):
        return inputs
    return operators.one_hot(inputs, cell.input_size, _like(cell, inputs).dtype)


def is_token_ids(inputs: Tensor) -> bool:
    """Whether inputs are token ids ``(T, B)`` int64 instead of vectors."""
    return inputs.dim() == 2 and inputs.dtype == torch.int64


def _like(cell: Cell, inputs: Tensor) -> Tensor:
    """A zero of the type that the cell computes in, where the inputs are."""
    first = next(cell.parameters(), None)
    return torch.zeros((), dtype=None if first is None else first.dtype, device=inputs.device)


class Path(NamedTuple):
    """A backend and the ``reason`` why it cannot run a recurrence; `None` if it can."""

    backend: str
    reason: str | None


def explain(
    cell: Cell,
    inputs: Tensor,
    noise: State | None = None,
    resets: Tensor | None = None,
    lengths: Tensor | None = None,
    state: State | None = None,
) -> list[Path]:
    """List the backends from fastest to slowest, each with the reason why it cannot run ``cell`` over ``inputs``.

    A drop-in layer (`unrolled.nn`) may hand a short call to torch's own layer before a backend is chosen.

    Raises:
        ArgumentError: ``cell`` is not a cell, for example a whole layer.
    """
    check_is_cell(cell)
    if _folds(cell, noise):
        return explain(cell.cell, inputs, None, resets, lengths)  # the inner cell runs, with more lanes
    fused_reason = _fused_reason(cell, inputs, noise, resets, lengths, state)
    cudnn = fused_reason
    if isinstance(cell, ParallelCell | ConvolutionalCell):
        cudnn = f"cuDNN has no layer for {type(cell).__name__}"
    elif inputs.device.type != "cuda":
        cudnn = f"the inputs are on {inputs.device.type}, not on a CUDA device"
    elif not torch.backends.cudnn.is_acceptable(inputs):
        cudnn = "cuDNN is missing or switched off (torch.backends.cudnn.enabled)"
    return [
        Path("cudnn", cudnn),
        Path("native", _no_kernel(cell, inputs, noise)),
        Path("torch", fused_reason),
        Path("reference", LOOP_TRACED if watch.traced() else None),
    ]


def choose(
    cell: Cell,
    inputs: Tensor,
    *,
    noise: State | None = None,
    resets: Tensor | None = None,
    lengths: Tensor | None = None,
    state: State | None = None,
    backend: str = "auto",
) -> str:
    """Return the backend that will run: for ``auto`` the fastest that can, else the requested one.

    ``auto`` yields to the environment variable ``UNROLLED_BACKEND``.

    Raises:
        ArgumentError: the backend is unknown.
        BackendError: the requested backend cannot run this, or no backend can.
    """
    if backend == "auto":
        backend = os.environ.get("UNROLLED_BACKEND", "auto")
    if backend not in BACKENDS:
        remedy = did_you_mean(backend, BACKENDS)
        raise ArgumentError("backend", f"one of {', '.join(BACKENDS)}", backend, remedy)
    if backend == "auto" and inputs.device.type == "cpu" and _no_kernel(cell, inputs, noise) is None:
        return "native"  # the most frequent case, without checking the others
    if backend == "reference" and not watch.traced():
        return backend
    paths = explain(cell, inputs, noise, resets, lengths, state)
    if backend == "auto":
        usable = [path.backend for path in paths if path.reason is None]
        if not usable:
            raise BackendError(f"{type(cell).__name__} cannot be traced: {LOOP_TRACED}; use torch.export")
        return usable[0]
    reason = dict(paths)[backend]
    if reason is not None:
        remedy = "use torch.export" if watch.traced() else "use backend='auto'"
        raise BackendError(f"backend {backend!r} cannot run this {type(cell).__name__}: {reason}; {remedy}")
    return backend


def _fused_reason(
    cell: Cell,
    inputs: Tensor,
    noise: State | None,
    resets: Tensor | None,
    lengths: Tensor | None,
    state: State | None,
) -> str | None:
    """Return why torch's operations (for parallel cells, `associative_scan`) cannot run this; `None` if they can."""
    if isinstance(cell, ParallelCell | ConvolutionalCell):
        return LOOP_TRACED if watch.traced() else None
    if watch.forward_mode():
        return "not all of torch's layers have forward-mode derivatives"
    if watch.traced() and resets is not None:
        return "torch.jit.trace would record these resets as constants, wrong for any others"
    if (reason := fused.unsupported(cell, noise)) is not None:
        return reason
    if 0 in inputs.shape[:2]:
        return "torch's layers do not accept an empty batch or sequence"
    tensors = (inputs, lengths, resets, *tree_leaves(state), *tree_leaves(noise), *cell.parameters())
    if any(watch.batched(tensor) for tensor in tensors):
        return "torch's layers have no vmap rule"
    if torch.compiler.is_compiling():
        if resets is not None or lengths is not None:
            return "splitting at resets and packing by lengths depend on data, which a compiled graph does not support"
        if isinstance(cell, LSTMCell) and inputs.device.type == "cpu":
            return "compiled and exported graphs cannot differentiate the CPU's fused LSTM (oneDNN)"
    return None
