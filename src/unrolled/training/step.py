"""One training step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from ..cells import State
from ..errors import DivergedError
from . import modelfile
from .defaults import decided
from .freeze import Freezing
from .optim import Average, Schedule, clip, make_optimizer
from .options import Training
from .pieces import check_recompute, window_loss
from .process import mixed_precision
from .start_options import start_of
from .synthetic import SyntheticGradients
from .task import Task
from .timing import Plan
from .transfer import transfer


class Stepper:
    """Model, optimizer and all other state that a training step changes."""

    def __init__(self, task: Task, device: torch.device, steps: int) -> None:
        options: Training = decided(task, steps).training
        check_recompute(task, options.recompute)
        torch.manual_seed(options.seed)
        self.task, self.options, self.device = task, options, device
        self.model: nn.Module = task.build_model().to(device).train()
        self.plan = Plan(steps)
        start = start_of(task.config)
        self.notes: list[str] = []
        new: list[str] = []
        if task.source is not None:
            self.notes, new = transfer(self.model, task.taken(), str(start.from_run), len(task.source.tensors))
        self.freezing = Freezing(self.model, start, self.plan, new)
        self.notes += self.freezing.notes
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.model, options, self.freezing.scale)
        self.schedule = Schedule(options, self.plan, task.steps_per_epoch)
        self.average = Average(self.model, options, self.plan)
        self.carry: State | None = task.carry(self.model)
        self.half, _ = mixed_precision(options.precision, device)
        self.synthetic: SyntheticGradients | None = None
        if options.synthetic_gradients:
            # Forked, so that dropout draws the same numbers as without synthetic gradients.
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                self.synthetic = SyntheticGradients(self.carry, options)

    def step(self, number: int) -> tuple[float, float, float]:
        """Train on one batch: forward, backward, clip, update. Return loss, gradient norm and number of units.

        Raises:
            DivergedError: loss or gradient norm is not finite; the weights are unchanged.
        """
        self.freezing.before(number)
        batch = self.task.batch(number)
        before = self.carry if self.synthetic is None else self.synthetic.begin(self.carry)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss, carry = window_loss(self.task, self.model, batch, before, self.options.recompute)
        self.optimizer.zero_grad(set_to_none=True)
        if self.synthetic is None:
            loss.backward()
        else:
            self.synthetic.backward(loss, before, carry)
        norm = clip(self.parameters, self.options)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise DivergedError(
                f"at step {number} the loss is {value:g} and the gradient norm {norm:g}: training diverged. "
                f"The last checkpoint is intact: continue from it with unrolled resume and a lower --lr (now "
                f"{self.options.lr:.3g}) or --clip (now {self.options.clip or 'off: try 1'}), or train a new run with "
                "a longer --warmup"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.lr(number) * self.task.lr_scale(batch) * group["scale"]
        self.optimizer.step()
        self.average.update(number)
        # Cloned as well as detached: this frees the outputs, and gives the same memory layout as a state loaded from a
        # checkpoint, so that the matrix products of a resumed run are bitwise equal.
        self.carry = None if carry is None else tree_map(_detached, carry)
        return value, norm, self.task.units(batch)

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors of a checkpoint by name."""
        found = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.weights.items()}
        found |= _optimizer_tensors("optimizer", self.optimizer)
        if self.synthetic is not None:
            found |= {f"synthetic.{name}": value for name, value in self.synthetic.state_dict().items()}
        leaves = [] if self.carry is None else tree_flatten(self.carry)[0]
        found |= {f"carry.{index}": leaf for index, leaf in enumerate(leaves)}
        found["rng.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            found["rng.cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    def restore(self, tensors: dict[str, Tensor], where: str) -> None:
        """Restore the tensors of a checkpoint; the inverse of `tensors`.

        Raises:
            RunError: names or shapes do not match the model.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            head, _, rest = name.partition(".")
            parts.setdefault(head, {})[rest] = tensor
        modelfile.restore(self.model, parts["model"], where)
        averaged = parts.get("average", {})
        for name, weights in self.average.weights.items():
            weights.copy_(averaged.get(name, self.average.live[name]))
        _restore_optimizer(self.optimizer, parts.get("optimizer", {}))
        if self.synthetic is not None:
            modelfile.restore(self.synthetic, parts["synthetic"], where)
        if "carry" in parts:
            _, shape = tree_flatten(self.carry)
            leaves = [parts["carry"][str(i)].to(self.device, copy=True) for i in range(len(parts["carry"]))]
            self.carry = tree_unflatten(leaves, shape)
        torch.set_rng_state(parts["rng"]["cpu"])
        if "cuda" in parts["rng"]:
            torch.cuda.set_rng_state(parts["rng"]["cuda"], self.device)


def _optimizer_tensors(head: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{head}.{index}.{key}": torch.as_tensor(value)
        for index, slots in optimizer.state_dict()["state"].items()
        for key, value in slots.items()
        if value is not None
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor.clone()
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _detached(leaf: Tensor) -> Tensor:
    return leaf.detach().clone(memory_format=torch.contiguous_format)
