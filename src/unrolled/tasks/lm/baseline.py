"""The kinds of language model: recurrent, and two baselines that preceded recurrent networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...cells import check_size
from ...training.config import refuse_ignored

Kind = Literal["recurrent", "feedforward", "ngram"]
FEEDFORWARD_IGNORES = (
    *("order", "head", "tied", "softmax", "bptt_random"),
    *("embedding_dropout", "word_dropout", "output_dropout", "init_range"),
)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The kind of model."""

    kind: Kind = "recurrent"
    """recurrent; feedforward: fixed context window; ngram: modified Kneser-Ney"""
    order: int = 5
    """ngram: length of the longest n-gram in tokens, including the predicted token"""
    context: int = 16
    """feedforward: length of the context window in tokens"""
    direct: bool = False
    """feedforward: add direct connections from the embeddings to the output"""

    def __post_init__(self) -> None:
        check_size("order", self.order)
        check_size("context", self.context)


def check_kind(config: Any) -> None:
    """Raise `ArgumentError` for a changed option that this kind of model ignores."""
    kind: Kind = config.baseline.kind
    refuse_ignored(
        config, lambda group, name: _ignores(kind, group, name), f"with --kind {kind}, which has no such option"
    )


def _ignores(kind: Kind, group: str, name: str) -> bool:
    if kind == "recurrent":
        return name in ("order", "context", "direct")
    if kind == "feedforward":
        return name in FEEDFORWARD_IGNORES or (group == "model" and name not in ("hidden_size", "dropout"))
    used = ("kind", "order", "eval_tokens", "tensorboard")
    return group in ("baseline", "model", "windows", "training") and name not in used
