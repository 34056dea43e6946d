"""The training options shared by all tasks."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from ..cells import check_rate, check_size
from ..errors import ArgumentError
from .config import by_rule, refuse_changed, since


def _decay_until_now(saved: dict[str, Any]) -> float:
    """Return the default of ``weight_decay`` in earlier versions, which did not write it to config.toml."""
    return 0.05 if saved.get("optimizer", "adamw") == "adamw" else 0.0


@dataclass(frozen=True, kw_only=True)
class Training:
    """Length of training (one of --time, --steps and --epochs), optimizer, regularization and bookkeeping."""

    time: str | None = None
    """training time, all evaluations included ("90s", "15m", "2h")"""
    steps: int | None = None
    """number of training steps"""
    epochs: float | None = None
    """number of epochs"""
    min_steps: int = since(0, before=0)
    """with the default --epochs: least number of steps, for small data"""
    batch_size: int | None = 32
    """examples per step; of a continuous text: positions that are read in parallel"""
    optimizer: Literal["adamw", "adam", "rmsprop", "adagrad", "sgd"] = "adamw"
    """optimizer"""
    lr: float | Literal["auto"] | None = by_rule(3e-3)
    """peak learning rate; auto: a range test"""
    weight_decay: float | None = by_rule(0.05, 0.0, before=_decay_until_now)
    """weight decay of matrices; adamw: decoupled, otherwise L2"""
    momentum: float = 0.0
    """momentum (sgd, rmsprop)"""
    beta2: float = 0.99
    """decay of the second moment (adamw, adam, rmsprop)"""
    schedule: Literal["constant", "cosine", "step", "plateau"] = "cosine"
    """learning rate schedule after warm-up; cosine decays to zero"""
    warmup: int = 100
    """steps of linear learning rate warm-up, at most a tenth of the training"""
    decay_every: float = 1.0
    """--schedule step: epochs between decays"""
    first_decay: float | None = None
    """--schedule step: epochs before the first decay (default: as --decay-every)"""
    decay: float = 0.5
    """--schedule step, plateau: learning rate factor of each decay"""
    clip: float = 1.0
    """maximum global gradient norm; 0: no clipping"""
    clip_value: float = 0.0
    """maximum absolute value of gradient entries; 0: no clipping"""
    average: Literal["ema", "swa", "none"] = "ema"
    """weight averaging: exponential moving average (ema) or running mean (swa)"""
    ema_decay: float | None = by_rule(0.998)
    """decay of the exponential moving average per step"""
    swa_start: float = 0.75
    """fraction of training after which swa starts"""
    synthetic_gradients: bool = False
    """predict the gradient at each window's end instead of truncating it to zero"""
    synthetic_ahead: bool = False
    """auxiliary loss: predict the synthetic gradient one window ahead"""
    synthetic_size: int = 128
    """number of random features of the gradient predictor"""
    synthetic_samples: int = 3
    """targets per feature in the predictor's fit; fewer adapt faster, with more noise"""
    recompute: int | Literal["auto"] = 0
    """gradient checkpointing every N steps, to save memory; auto: √steps; 0: off"""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: mixed precision, matrix products in bfloat16 if the processor supports it"""
    eval_every: int | None = None
    """steps between evaluations (default: 12 evaluations in total)"""
    patience: int = 0
    """early stopping: evaluations in a row without improvement; 0: off"""
    until: float | None = None
    """stop when the validation metric used for model selection reaches this value"""
    checkpoint_seconds: float = 60.0
    """seconds between checkpoints"""
    seed: int = 0
    """random seed of weights, dropout and state resets"""
    device: str = "cpu"
    """device: cpu, cuda, cuda:1, mps"""
    tensorboard: bool = False
    """also write TensorBoard events to the folder of the run"""

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            check_size("batch_size", self.batch_size)
        for name, minimum in (
            ("min_steps", 0),
            ("warmup", 0),
            ("patience", 0),
            ("synthetic_size", 0),
            ("synthetic_samples", 1),
            ("seed", 0),
        ):
            check_size(name, getattr(self, name), minimum)
        if self.seed >= 1 << 63:
            raise ArgumentError("seed", "an integer below 2^63", self.seed)
        if self.recompute != "auto":
            check_size("recompute", self.recompute, least=0)
        for name in ("steps", "eval_every"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        for name in ("lr", "decay_every", "decay", "checkpoint_seconds"):
            if getattr(self, name) not in (None, "auto"):
                _check_number(name, getattr(self, name), above=0)
        for name in ("clip", "clip_value"):
            _check_number(name, getattr(self, name), least=0)
        if self.weight_decay is not None:
            _check_number("weight_decay", self.weight_decay, least=0)
        if self.first_decay is not None:
            _check_number("first_decay", self.first_decay, least=0)
        if self.until is not None and not math.isfinite(self.until):
            raise ArgumentError("until", "a number", self.until)
        if self.epochs is not None:
            _check_number("epochs", self.epochs, above=0)
        for name in ("momentum", "beta2", "ema_decay", "swa_start"):
            if getattr(self, name) is not None:
                check_rate(name, getattr(self, name))
        if self.synthetic_gradients and self.precision != "float32":
            raise ArgumentError("synthetic_gradients", f"omitted with --precision {self.precision}", True)
        if not self.synthetic_gradients:
            refuse_changed(
                self, ("synthetic_ahead", "synthetic_size", "synthetic_samples"), "without --synthetic-gradients"
            )
        if self.time is not None:
            seconds(self.time)
        if self.min_steps and self.epochs is None:
            raise ArgumentError("min_steps", "omitted without epochs", self.min_steps)
        for name in ("steps", "time"):  # steps and time may both be set: the steps measured for the time
            if self.epochs is not None and getattr(self, name) is not None:
                raise ArgumentError("epochs", f"omitted when {name} is given", self.epochs)

    def without_effect(self) -> dict[str, str]:
        """See `config.without_effect`."""
        used = {
            "momentum": ("optimizer", ("sgd", "rmsprop")),
            "beta2": ("optimizer", ("adamw", "adam", "rmsprop")),
            "decay_every": ("schedule", ("step",)),
            "first_decay": ("schedule", ("step",)),
            "decay": ("schedule", ("step", "plateau")),
            "ema_decay": ("average", ("ema",)),
            "swa_start": ("average", ("swa",)),
        }
        values = {by: getattr(self, by) for by in ("optimizer", "schedule", "average")}
        return {name: f"with --{by} {values[by]}" for name, (by, kinds) in used.items() if values[by] not in kinds}


def seconds(text: str) -> float:
    """Parse a duration such as ``"90s"``, ``"15m"``, ``"1.5h"`` or ``"1h30m"``; return seconds.

    Raises:
        ArgumentError: the text is not a duration, or is zero.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    total = sum(float(number) * units[unit] for number, unit in parts)
    if "".join(n + u for n, u in parts) != text.strip() or not 0 < total < math.inf:
        raise ArgumentError("time", "a duration such as 90s, 15m or 2h", text)
    return total


def number(value: float | str | None) -> float:
    """Return the number of an option that a rule has decided; see `config.by_rule`."""
    assert isinstance(value, float), value
    return value


def integer(value: int | None) -> int:
    """Return the integer of an option that a rule has decided; see `config.by_rule`."""
    assert value is not None
    return value


def _check_number(name: str, value: float, *, above: float | None = None, least: float | None = None) -> None:
    bound = f"above {above:g}" if above is not None else f"of at least {least:g}"
    fits = math.isfinite(value) and (value > above if above is not None else value >= (least or 0))
    if not fits:
        raise ArgumentError(name, f"a number {bound}", value)
