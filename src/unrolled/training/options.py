"""The options of training that every task shares."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from ..cells import check_rate, check_size
from ..errors import ArgumentError
from .config import refuse_changed


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long to train, and how."""

    time: str | None = None
    """train for about this long ("90s", "15m", "2h"): measures the rate, then fixes --steps (default: 5m)"""
    steps: int | None = None
    """train for this many steps"""
    epochs: float | None = None
    """train for this many passes over the training text"""
    batch_size: int = 32
    """sequences (lanes of text) per step"""
    optimizer: Literal["adamw", "adam", "rmsprop", "adagrad", "sgd"] = "adamw"
    """the optimiser"""
    lr: float = 3e-3
    """peak learning rate"""
    weight_decay: float | None = None
    """decay of weight matrices (not of biases): decoupled for adamw (default: 0.05), an L2 penalty for the others
    (default: 0)"""
    momentum: float = 0.0
    """momentum of sgd and rmsprop"""
    beta2: float = 0.99
    """decay of adam's second moment, and of rmsprop's"""
    schedule: Literal["constant", "cosine", "step", "plateau"] = "cosine"
    """learning rate after the warm-up: cosine falls to zero at the end"""
    warmup: int = 100
    """steps over which the learning rate rises to its peak"""
    decay_every: float = 1.0
    """--schedule step: passes over the training text between two decays"""
    decay: float = 0.5
    """--schedule step and plateau: factor of each decay"""
    clip: float = 1.0
    """largest global norm of the gradient; 0 for no clipping"""
    clip_value: float = 0.0
    """largest absolute value of a gradient entry; 0 for no clipping"""
    average: Literal["ema", "swa", "none"] = "ema"
    """use the exponential moving average (ema) or the running mean (swa) of the weights"""
    ema_decay: float = 0.998
    """decay of the exponential average per step"""
    swa_start: float = 0.75
    """fraction of training after which swa begins"""
    synthetic_gradients: bool = False
    """predict the gradient at a window's end from the state there, instead of taking it for zero"""
    synthetic_ahead: bool = False
    """from the state at a window's beginning predict what will be predicted at its end, too"""
    synthetic_size: int = 128
    """random units that are read beside the state to predict it"""
    synthetic_samples: int = 3
    """targets remembered for each number that is read: few follow a model that moves, many average noise out"""
    recompute: int | Literal["auto"] = 0
    """keep only the state before every so many steps of a window, and compute the rest again on the way back: less
    memory, the same gradients; random masks are drawn for each piece; auto: the square root of the window's steps;
    0: off"""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: products in bfloat16 where the processor has them, float32 for all else"""
    eval_every: int | None = None
    """steps between evaluations and previews (default: 12 over the whole training)"""
    patience: int = 0
    """stop after this many evaluations without a better validation loss; 0: never"""
    until: float | None = None
    """stop once the metric that selects the model is as good as this on validation data: the loss; of taggers F1, or
    accuracy of plain tags; of pictures read by a memory task accuracy"""
    checkpoint_seconds: float = 60.0
    """seconds between checkpoints"""
    seed: int = 0
    """seed of weights, dropout and resets"""
    device: str = "cpu"
    """where to train: cpu, cuda, cuda:1, mps"""
    tensorboard: bool = False
    """write TensorBoard events into the run's folder too"""

    def __post_init__(self) -> None:
        for name, least in (
            ("batch_size", 1),
            ("warmup", 0),
            ("patience", 0),
            ("synthetic_size", 0),
            ("synthetic_samples", 1),
            ("seed", 0),
        ):
            check_size(name, getattr(self, name), least)
        if self.seed >= 1 << 63:
            raise ArgumentError("seed", "a whole number below 2^63", self.seed)
        if self.recompute != "auto":
            check_size("recompute", self.recompute, least=0)
        for name in ("steps", "eval_every"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        for name in ("lr", "decay_every", "decay", "checkpoint_seconds"):
            _check_number(name, getattr(self, name), above=0)
        for name in ("clip", "clip_value"):
            _check_number(name, getattr(self, name), least=0)
        if self.weight_decay is not None:
            _check_number("weight_decay", self.weight_decay, least=0)
        if self.until is not None and not math.isfinite(self.until):
            raise ArgumentError("until", "a number", self.until)
        if self.epochs is not None:
            _check_number("epochs", self.epochs, above=0)
        for name in ("momentum", "beta2", "ema_decay", "swa_start"):
            check_rate(name, getattr(self, name))
        if self.synthetic_gradients and self.precision != "float32":
            raise ArgumentError("synthetic_gradients", f"left out with --precision {self.precision}", True)
        if not self.synthetic_gradients:
            refuse_changed(
                self, ("synthetic_ahead", "synthetic_size", "synthetic_samples"), "without --synthetic-gradients"
            )
        if self.time is not None:
            seconds(self.time)
        for name in ("steps", "time"):  # these two go together: the steps that were measured for the time
            if self.epochs is not None and getattr(self, name) is not None:
                raise ArgumentError("epochs", f"left out when {name} is given", self.epochs)

    def without_effect(self) -> dict[str, str]:
        """See `config.without_effect`."""
        used = {
            "momentum": ("optimizer", ("sgd", "rmsprop")),
            "beta2": ("optimizer", ("adamw", "adam", "rmsprop")),
            "decay_every": ("schedule", ("step",)),
            "decay": ("schedule", ("step", "plateau")),
            "ema_decay": ("average", ("ema",)),
            "swa_start": ("average", ("swa",)),
        }
        said = {by: getattr(self, by) for by in ("optimizer", "schedule", "average")}
        return {name: f"with --{by} {said[by]}" for name, (by, kinds) in used.items() if said[by] not in kinds}


def seconds(text: str) -> float:
    """``"90s"``, ``"15m"``, ``"1.5h"`` or ``"1h30m"`` in seconds.

    Raises:
        ArgumentError: anything else, or nothing above zero.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    total = sum(float(number) * units[unit] for number, unit in parts)
    if "".join(n + u for n, u in parts) != text.strip() or not 0 < total < math.inf:
        raise ArgumentError("time", "a duration such as 90s, 15m or 2h", text)
    return total


def _check_number(name: str, value: float, *, above: float | None = None, least: float | None = None) -> None:
    bound = f"above {above:g}" if above is not None else f"of at least {least:g}"
    fits = math.isfinite(value) and (value > above if above is not None else value >= (least or 0))
    if not fits:
        raise ArgumentError(name, f"a number {bound}", value)
