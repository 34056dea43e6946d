"""Frozen weights, gradual unfreezing and learning rates by layer.

depth    the head 0, the top layer 1, the layer below it 2 … and the embedding one more than the lowest; the layers are
         those of a recurrent stack, or the blocks of a convolutional one
rate     η_d = η / c^d for c = layer_rate; with c = 2.6: Howard and Ruder 2018, section 3.2 (discriminative rates)
gradual  with G + 1 depths, depth number d is trained from the fraction d / (2G) of training on (section 3.3)
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase

from torch import Tensor, nn

from ..errors import ArgumentError
from ..layers import Convolutions, Stack
from .start_options import Start
from .timing import Plan


class Freezing:
    """The parameters of a model that each step trains, and their factors of the learning rate.

    Parameters that ``options.freeze`` matches are frozen at once, except ``new`` ones, which no run has trained yet.

    Raises:
        ArgumentError: a pattern matches nothing, or all parameters are frozen.
    """

    def __init__(self, model: nn.Module, options: Start, plan: Plan, new: Collection[str] = ()) -> None:
        self.plan = plan
        self.notes: list[str] = []
        names = dict(model.named_parameters())
        parts = parts_of(model)
        for pattern in options.freeze:
            found = [name for name in names if name not in new and _matches(pattern, name, parts[name])]
            if not found:
                known = ", ".join(dict.fromkeys(part for name, part in parts.items() if name not in new))
                remedy = f"a tensor is named as {next(iter(names))}"
                raise ArgumentError("freeze", f"one of {known}, or a pattern of names of tensors", pattern, remedy)
            for name in found:
                names[name].requires_grad_(False)
        trained = {name: parameter for name, parameter in names.items() if parameter.requires_grad}
        if not trained:
            raise ArgumentError("freeze", "patterns that leave a part of the network to train", list(options.freeze))
        if frozen := [name for name in names if name not in trained]:
            size = sum(names[name].numel() for name in frozen)
            self.notes = [f"frozen: {size:,} numbers of {', '.join(dict.fromkeys(parts[name] for name in frozen))}"]
        depths = depths_of(parts)
        self.depth = {parameter: depths[parts[name]] for name, parameter in trained.items()}
        self.rate = options.layer_rate
        levels = sorted({*self.depth.values()}) if options.unfreeze == "gradual" else []
        spacing = 0.5 / max(1, len(levels) - 1)
        self._begins = {depth: number * spacing for number, depth in enumerate(levels)}
        self._trained = -1  # number of levels that are trained now
        self._normalising = [module for module in model.modules() if hasattr(module, "running_mean")]

    def scale(self, parameter: Tensor) -> float:
        """Return the factor of the learning rate of a trained parameter."""
        return float(self.rate ** -self.depth[parameter])  # type: ignore[index]

    def before(self, step: int) -> None:
        """Set the parameters that step number ``step`` trains; the statistics of frozen batch normalisation stay."""
        now = {depth for depth, begin in self._begins.items() if not begin or self.plan.reached(step, begin)}
        if self._begins and len(now) != self._trained:
            self._trained = len(now)
            for parameter, depth in self.depth.items():
                parameter.requires_grad_(depth in now)
        for module in self._normalising:
            parameters = list(module.parameters())
            module.train(not parameters or any(parameter.requires_grad for parameter in parameters))


def parts_of(model: nn.Module) -> dict[str, str]:
    """Return the part that each parameter belongs to, by its name: "layer 1", "block 1", or the top-level module, as
    "head"."""
    stacks = [name for name, module in model.named_modules() if isinstance(module, Stack)]
    blocks = [name for name, module in model.named_modules() if isinstance(module, Convolutions)]
    parts = {}
    for name, _ in model.named_parameters():
        parts[name] = name.partition(".")[0]
        for stack in stacks:
            prefix = f"{stack}." if stack else ""
            if match := re.match(rf"{re.escape(prefix)}(?:layers|mixing)\.(\d+)\.", name):
                title = f"{stack} " if len(stacks) > 1 else ""
                parts[name] = f"{title}layer {int(match[1]) + 1}"
        for path in blocks:
            if match := re.match(rf"{re.escape(path)}\.?blocks\.(\d+)\.", name):
                parts[name] = f"block {int(match[1]) + 1}"
    return parts


def depths_of(parts: dict[str, str]) -> dict[str, int]:
    """Return the depth of each part. What a model registers before its first layers is below all layers."""
    ordered = list(dict.fromkeys(parts.values()))
    layers = [part for part in ordered if re.search(r"\b(layer|block) \d+$", part)]
    depths = dict.fromkeys(ordered, 0)
    for depth, part in enumerate(reversed(layers), 1):
        depths[part] = depth
    if layers:
        for part in ordered[: ordered.index(layers[0])]:
            depths[part] = len(layers) + 1
    return depths


def _matches(pattern: str, name: str, part: str) -> bool:
    plain = re.sub(r"[\s_-]+", " ", pattern.strip().lower())
    return (
        plain == part.lower()
        or part.lower().endswith(f" {plain}")
        or name.startswith(f"{pattern.strip()}.")
        or fnmatchcase(name, pattern.strip())
    )
