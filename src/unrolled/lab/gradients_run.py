"""How gradients flow in a language model as its training went: at first, at the checkpoints that are left, as kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..analysis.inspection import has_recurrent_layers
from ..analysis.lookback import States, lookback
from ..analysis.text_windows import check_unidirectional
from ..analysis.units import stack_of
from ..data import Split
from ..data.storage import head
from ..errors import ArgumentError, RunError
from ..layers import Stack
from ..tasks.common.writer import Writer
from ..training import checkpoint, modelfile
from ..training.folder import RunFolder
from .gradients import Measured, bound, flows, recurrent_matrices

TEXT = 20_000  # symbols of the text among which positions are chosen
MOST, OF_INPUTS = 16, 200  # positions: of Jacobians, and of gradients by the inputs, which cost less
WORK = 1_000_000_000_000  # multiplications, over all stages: less than a minute of one core

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Stage:
    """A model at one time of its training."""

    name: str
    model: Writer


def stages(path: Path, model: Writer) -> list[Stage]:
    """The model as its training began, drawn again from its config and seed; each other one that is left; as kept.

    Raises:
        RunError: a checkpoint does not fit the model, or the model has no recurrent layers.
    """
    if not has_recurrent_layers(model.model):
        raise RunError(f"{path} has no recurrent layers: no gradient flows through time in it")
    found: list[tuple[str, nn.Module]] = [("at first", model.untrained())]
    for tensors, state in checkpoint.load_every(RunFolder(path).checkpoints) if path.is_dir() else []:
        weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        then = copy.deepcopy(model.model)
        modelfile.restore(then, weights, str(path))
        found.append((f"step {state['step']:,}", then))
    found.append(("kept", model.model))
    names, different = list[str](), list[nn.Module]()
    for name, one in found:
        if different and _same(one, different[-1]):
            names[-1] += "" if names[-1] == "at first" and name == "step 0" else f", {name}"
        else:
            names.append(name)
            different.append(one)
    return [Stage(name, model.with_model(one)) for name, one in zip(names, different, strict=True)]


def _same(a: nn.Module, b: nn.Module) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in a.state_dict().items())


def choose(text: Split, length: int, count: int, model: Writer) -> tuple[Split, Positions]:
    """The part of the text that is read, and each T in it: the last of ``length`` symbols of one document, with a next.

    Raises:
        ArgumentError: no document is that long.
    """
    text = head(text, min(len(text), TEXT), model.vocabulary)
    begins = np.zeros(len(text) + 1, dtype=np.int64)
    begins[1:] = np.cumsum(np.isin(np.arange(len(text)), text.starts))  # documents begun before a symbol
    last = np.arange(length - 1, len(text) - 1)
    inside = last[begins[last + 2] == begins[last - length + 2]]  # none begins after the first symbol read
    if not len(inside):
        most = int(np.diff(np.union1d(text.starts, [0, len(text)])).max(initial=0)) - 1
        raise ArgumentError("length", f"at most {max(most, 0)}, as the documents of this text are", length)
    return text, inside[np.unique(np.linspace(0, len(inside) - 1, count).round().astype(np.int64))]


def affordable(stack: Stack, length: int, count: int) -> int:
    """At how many positions ``count`` stages can be measured in less than a minute; from 2 to 16."""
    cost = 0
    for cell in stack.cells:
        weights = sum(one.numel() for one in cell.parameters())
        cost += 4 * length * cell.hidden_size * weights
    return max(2, min(MOST, WORK // max(1, cost * count)))


def measure_stage(
    stage: Stage, text: Split, positions: Positions, length: int, progress: Callable[[], None] = lambda: None
) -> Measured:
    """Gradients by the states of the ``length`` steps before each position, with the state carried from the beginning.

    Args:
        stage: the model.
        text, positions: as `choose` gave them.
        length: T.
        progress: called after each layer at each position.
    """
    handle, model = stage.model, stage.model.model
    check_unidirectional(handle)
    stack = stack_of(model)
    carried, states = States(handle, text), []
    with torch.no_grad():
        for begin in positions - length + 1:
            before = None if begin in text.starts else carried.at(int(begin))
            states.append(model.initial_state(1) if before is None else before)  # type: ignore[operator]
    state = tree_map(lambda *some: torch.cat(some), *states)
    read = torch.from_numpy(text.tokens[positions + np.arange(1 - length, 1)[:, None]].astype(np.int64))  # (T, B)
    target = torch.from_numpy(text.tokens[positions + 1].astype(np.int64))

    def losses() -> Tensor:
        logits, _ = model(read, state)
        return F.cross_entropy(logits[-1], target, reduction="none")

    found = flows(stack, losses, largest=False, progress=progress)
    back = lookback(handle, text, choose(text, length, OF_INPUTS, handle)[1].tolist(), reach=length)
    matrices, bounds = recurrent_matrices(stack), [bound(cell) for cell in stack.cells]
    return Measured(stage.name, found, matrices, bounds, f"mean over {len(positions)} positions", lookback=back)
