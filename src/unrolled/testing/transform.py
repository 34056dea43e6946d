"""Checks of PyTorch's program transformations: compile, export, vmap.

Compilation uses the backend ``aot_eager``: it traces forward and backward into one whole graph as any other
would, but needs no compiler and takes about a second.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch.export import Dim, export
from torch.func import vmap
from torch.utils._pytree import tree_map

from ..errors import BackendError
from .sequence import options
from .subject import Scanner, Subject, real_leaves, require_close

STEPS, LANES = 2, 3
COMPILED_STEPS = 1  # the loop is unrolled, so further steps add copies of this one to the graph, and time
GRAPH = "let no Python branch, print or .item() in step depend on a tensor's numbers"


def compiled(subject: Subject) -> None:
    """``torch.compile(fullgraph=True)`` gives the same results and gradients, with lengths and resets too."""
    try:
        _compiled(subject, every=True)
    except BackendError as error:
        _compiled(subject, every=False)
        raise BackendError(f"with lengths or resets only: {error}") from error


def _compiled(subject: Subject, every: bool) -> None:
    how = {
        name: value[:COMPILED_STEPS] if name == "resets" else value.clamp(max=COMPILED_STEPS)
        for name, value in _given(every).items()
    }
    inputs, state = subject.inputs(COMPILED_STEPS, LANES), subject.state(LANES)
    torch._dynamo.reset()
    run: Any = torch.compile(Scanner(subject, **how), fullgraph=True, backend="aot_eager")
    results = []
    for function in (run, Scanner(subject, **how)):
        x = inputs.clone().requires_grad_()
        try:
            found = function(x, state)
        except Exception as error:
            reason = _refusal(error)
            if reason is None:
                raise
            raise BackendError(reason) from error
        loss = torch.stack([leaf.square().sum() for leaf in real_leaves(found)]).sum()
        results.append((found, torch.autograd.grad(loss, x)))
    require_close(results[0], results[1], "the compiled scan to give what the plain one gives", GRAPH)


def _given(every: bool) -> dict[str, Any]:
    both = options()
    return {**both["lengths"], **both["resets"]} if every else {}


def _refusal(error: Exception) -> str | None:
    """The message of a `BackendError`, which the tracer quotes in an exception of its own."""
    if isinstance(error, BackendError):
        return str(error)
    quoted = re.search(r"BackendError\(['\"](.*)['\"]\)", str(error))
    return quoted[1] if quoted else None


def exported(subject: Subject) -> None:
    """``torch.export`` of a module that runs ``scan``: the number of steps fixed, that of lanes free."""
    inputs, state = subject.inputs(STEPS, LANES), subject.state(LANES)
    lanes = Dim("lanes", min=2)
    shape = {"inputs": {1: lanes}, "state": tree_map(lambda leaf: {0: lanes}, state)}
    scanner = Scanner(subject)
    program = export(scanner, (inputs, state), dynamic_shapes=shape).module()
    more, others = subject.inputs(STEPS, LANES + 2), subject.state(LANES + 2)
    require_close(program(more, others), scanner(more, others), "the exported scan to give the same", GRAPH)


def vmapped(subject: Subject) -> None:
    """``vmap`` over sequences without a batch dimension gives what the batch gives, for step and scan."""
    cell, remedy = subject.cell, "use operations that have a vmap rule, and write to nothing in place"
    inputs, state = subject.inputs(STEPS, LANES), subject.state(LANES)

    def run(x: Any, one: Any) -> Any:  # x (T, I), leaves (...)
        outputs, after = subject.scan(x[:, None], tree_map(lambda leaf: leaf[None], one))
        return outputs[:, 0], tree_map(lambda leaf: leaf[0], after)

    def step(x: Any, one: Any) -> Any:  # x (I,), leaves (...)
        output, after = cell.step(x[None], tree_map(lambda leaf: leaf[None], one))
        return output[0], tree_map(lambda leaf: leaf[0], after)

    expected = "vmap over single sequences to give what the batch gives"
    require_close(vmap(step)(inputs[0], state), cell.step(inputs[0], state), f"{expected} (step)", remedy)
    mapped = vmap(run, in_dims=(1, 0), out_dims=(1, 0))(inputs, state)
    require_close(mapped, subject.reference(inputs, state), f"{expected} (scan)", remedy)
