"""Which kind of language model: recurrent, or one from before recurrent networks to compare it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...cells import check_size
from ...training.config import options, refuse_changed

Kind = Literal["recurrent", "feedforward", "ngram"]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The kind of model."""

    kind: Kind = "recurrent"
    """recurrent layers; feedforward: a network that sees the last few symbols only (Bengio et al. 2003); ngram: counts
    of short strings, smoothed (modified Kneser-Ney), which need no --time"""
    order: int = 5
    """ngram: symbols of the longest string that is counted, the predicted one among them"""
    context: int = 16
    """feedforward: symbols that the network sees"""
    direct: bool = False
    """feedforward: connect what it sees with the output directly too"""

    def __post_init__(self) -> None:
        check_size("order", self.order)
        check_size("context", self.context)


def refuse_ignored(config: Any) -> None:
    """Raise `ArgumentError` for an option that was changed and that this kind of model would ignore."""
    kind: Kind = config.baseline.kind
    for name, (group, _) in options(type(config)).items():
        if _ignores(kind, group, name):
            refuse_changed(getattr(config, group), [name], f"with --kind {kind}, which has no such option")


def _ignores(kind: Kind, group: str, name: str) -> bool:
    if kind == "recurrent":
        return name in ("order", "context", "direct")
    if kind == "feedforward":
        return name in ("order", "head", "tied", "bptt_random") or (
            group == "model" and name not in ("hidden_size", "dropout")
        )
    used = ("kind", "order", "eval_tokens", "tensorboard")
    return group in ("baseline", "model", "windows", "training") and name not in used
