"""Checks of PyTorch's program transformations: compile, export, vmap.

Compilation uses the backend ``aot_eager``: like any other it traces forward and backward into a single graph, but it
needs no compiler and takes about a second.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch.export import Dim, export
from torch.func import vmap
from torch.utils._pytree import tree_map

from ..errors import BackendError
from .sequence import options
from .subject import Scanner, Subject, real_leaves, require_close

STEPS, LANES = 2, 3
COMPILED_STEPS = 1  # the loop is unrolled, so more steps only add copies to the graph, and time
GRAPH = "let no Python branch, print or .item() in step depend on the values of a tensor"


def compiled(subject: Subject) -> None:
    """``torch.compile(fullgraph=True)`` gives the same results and gradients, also with lengths and resets."""
    try:
        _compiled(subject, with_options=True)
    except BackendError as error:
        _compiled(subject, with_options=False)
        raise BackendError(f"with lengths or resets only: {error}") from error


def _compiled(subject: Subject, with_options: bool) -> None:
    arguments: dict[str, Any] = {}
    if with_options:
        lengths, resets = options()["lengths"]["lengths"], options()["resets"]["resets"]
        arguments = {"lengths": lengths.clamp(max=COMPILED_STEPS), "resets": resets[:COMPILED_STEPS]}
    inputs, state = subject.inputs(COMPILED_STEPS, LANES), subject.state(LANES)
    torch._dynamo.reset()
    run: Any = torch.compile(Scanner(subject, **arguments), fullgraph=True, backend="aot_eager")
    results = []
    for function in (run, Scanner(subject, **arguments)):
        x = inputs.clone().requires_grad_()
        try:
            with _quiet():
                result = function(x, state)
        except Exception as error:
            reason = _backend_error(error)
            if reason is None:
                raise
            raise BackendError(reason) from error
        loss = torch.stack([leaf.square().sum() for leaf in real_leaves(result)]).sum()
        results.append((result, torch.autograd.grad(loss, x)))
    require_close(results[0], results[1], "the compiled scan to give the same as the eager one", GRAPH)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the graphs and log lines that torch writes before it raises an exception."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _backend_error(error: Exception) -> str | None:
    """Return the message of a `BackendError`, which the tracer may quote in an exception of its own."""
    if isinstance(error, BackendError):
        return str(error)
    quoted = re.search(r"BackendError\(['\"](.*)['\"]\)", str(error))
    return quoted[1] if quoted else None


def exported(subject: Subject) -> None:
    """``torch.export`` of a module that runs ``scan``, with a fixed number of steps and any number of lanes."""
    inputs, state = subject.inputs(STEPS, LANES), subject.state(LANES)
    lanes = Dim("lanes", min=2)
    shape = {"inputs": {1: lanes}, "state": tree_map(lambda leaf: {0: lanes}, state)}
    scanner = Scanner(subject)
    with _quiet():
        program = export(scanner, (inputs, state), dynamic_shapes=shape).module()
    inputs, state = subject.inputs(STEPS, LANES + 2), subject.state(LANES + 2)
    require_close(program(inputs, state), scanner(inputs, state), "the exported scan to give the same", GRAPH)


def vmapped(subject: Subject) -> None:
    """``vmap`` over sequences without a batch dimension gives the same as the batch, for step and scan."""
    cell, remedy = subject.cell, "use operations that have a vmap rule, and no in-place operations"
    inputs, state = subject.inputs(STEPS, LANES), subject.state(LANES)

    def run(x: Any, lane: Any) -> Any:  # x (T, I), leaves (...)
        outputs, after = subject.scan(x[:, None], tree_map(lambda leaf: leaf[None], lane))
        return outputs[:, 0], tree_map(lambda leaf: leaf[0], after)

    def step(x: Any, lane: Any) -> Any:  # x (I,), leaves (...)
        output, after = cell.step(x[None], tree_map(lambda leaf: leaf[None], lane))
        return output[0], tree_map(lambda leaf: leaf[0], after)

    expected = "vmap over single sequences to give the same as the batch"
    require_close(vmap(step)(inputs[0], state), cell.step(inputs[0], state), f"{expected} (step)", remedy)
    mapped = vmap(run, in_dims=(1, 0), out_dims=(1, 0))(inputs, state)
    require_close(mapped, subject.reference(inputs, state), f"{expected} (scan)", remedy)
