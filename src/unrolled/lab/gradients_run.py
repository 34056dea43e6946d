"""Gradients of a language model during training: with initial weights, at its checkpoints, and as saved."""

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
from .gradients import Measurement, bound, flows, recurrent_matrices

TEXT = 20_000  # tokens of the text among which positions are chosen
MOST, INPUT_POSITIONS = 16, 200  # positions for Jacobians, and for gradients with respect to inputs, which are cheaper
WORK = 1_000_000_000_000  # limit of multiplications for all stages: less than a minute on one core

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Stage:
    """A model at one stage of training."""

    name: str
    model: Writer


def stages(path: Path, model: Writer) -> list[Stage]:
    """Return the model with its initial weights (drawn again from config and seed), at each checkpoint, and as saved.

    Raises:
        RunError: a checkpoint does not fit the model, or the model has no recurrent layers.
    """
    if not has_recurrent_layers(model.model):
        raise RunError(f"{path} has no recurrent layers, and so no gradients through time")
    found: list[tuple[str, nn.Module]] = [("initial", model.untrained())]
    for tensors, state in checkpoint.load_every(RunFolder(path).checkpoints) if path.is_dir() else []:
        weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        network = copy.deepcopy(model.model)
        modelfile.restore(network, weights, str(path))
        found.append((f"step {state['step']:,}", network))
    found.append(("saved", model.model))
    names, different = list[str](), list[nn.Module]()
    for name, network in found:
        if different and _same(network, different[-1]):
            names[-1] += "" if names[-1] == "initial" and name == "step 0" else f", {name}"
        else:
            names.append(name)
            different.append(network)
    return [Stage(name, model.with_model(network)) for name, network in zip(names, different, strict=True)]


def _same(a: nn.Module, b: nn.Module) -> bool:
    other = b.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in a.state_dict().items())


def choose(text: Split, length: int, count: int, model: Writer) -> tuple[Split, Positions]:
    """Return the beginning of the text, and positions T in it that end ``length`` tokens of one document, with a next.

    Raises:
        ArgumentError: every document is shorter.
    """
    text = head(text, min(len(text), TEXT), model.vocabulary)
    begins = np.zeros(len(text) + 1, dtype=np.int64)
    begins[1:] = np.cumsum(np.isin(np.arange(len(text)), text.starts))  # number of documents begun before a token
    last = np.arange(length - 1, len(text) - 1)
    inside = last[begins[last + 2] == begins[last - length + 2]]  # no document begins after the first token read
    if not len(inside):
        most = int(np.diff(np.union1d(text.starts, [0, len(text)])).max(initial=0)) - 1
        raise ArgumentError("length", f"at most {max(most, 0)}, the length of the longest document", length)
    return text, inside[np.unique(np.linspace(0, len(inside) - 1, count).round().astype(np.int64))]


def affordable(stack: Stack, length: int, count: int) -> int:
    """Return the number of positions at which ``count`` stages can be measured within a minute; from 2 to 16."""
    cost = 0
    for cell in stack.cells:
        weights = sum(parameter.numel() for parameter in cell.parameters())
        cost += 4 * length * cell.hidden_size * weights
    return max(2, min(MOST, WORK // max(1, cost * count)))


def measure_stage(
    stage: Stage, text: Split, positions: Positions, length: int, progress: Callable[[], None] = lambda: None
) -> Measurement:
    """Measure gradients through the ``length`` steps before each position; the state is carried from the text's start.

    Args:
        stage: the model.
        text, positions: from `choose`.
        length: number of steps T.
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
    state = tree_map(lambda *leaves: torch.cat(leaves), *states)
    read = torch.from_numpy(text.tokens[positions + np.arange(1 - length, 1)[:, None]].astype(np.int64))  # (T, B)
    target = torch.from_numpy(text.tokens[positions + 1].astype(np.int64))

    def losses() -> Tensor:
        logits, _ = model(read, state)
        return F.cross_entropy(logits[-1], target, reduction="none")

    measured = flows(stack, losses, largest=False, progress=progress)
    back = lookback(handle, text, choose(text, length, INPUT_POSITIONS, handle)[1].tolist(), reach=length)
    matrices, bounds = recurrent_matrices(stack), [bound(cell) for cell in stack.cells]
    return Measurement(stage.name, measured, matrices, bounds, f"mean over {len(positions)} positions", lookback=back)
