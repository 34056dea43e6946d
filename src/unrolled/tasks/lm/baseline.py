"""The kinds of language model: recurrent, a Transformer, and two baselines that preceded recurrent networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...cells import check_size
from ...errors import ArgumentError
from ...training.config import formerly, refuse_ignored

Kind = Literal["recurrent", "transformer", "feedforward", "ngram"]

CONTEXT = {"transformer": 256, "feedforward": 16}  # default tokens of context
LONGEST = 1 << 16  # largest context of a Transformer, whose state grows with it
OWN = {"order": ("ngram",), "direct": ("feedforward",), "heads": ("transformer",), "context": tuple(CONTEXT)}
DROPOUTS = ("softmax", "embedding_dropout", "word_dropout", "output_dropout", "init_range")
UNUSED = {  # options of the groups model, windows and start that only other kinds use
    "transformer": ("head", "embedding_size", *DROPOUTS),
    "feedforward": ("head", "tied", "bptt_random", "unfreeze", "layer_rate", *DROPOUTS),
}
SIZES = {"transformer": ("hidden_size", "num_layers", "dropout"), "feedforward": ("hidden_size", "dropout")}


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The kind of model."""

    kind: Kind = "recurrent"
    """recurrent; transformer; feedforward: fixed context; ngram: modified Kneser-Ney"""
    order: int = 5
    """ngram: length of the longest n-gram in tokens, including the predicted token"""
    context: int | None = formerly(None, *CONTEXT.values())
    """transformer, feedforward: tokens of context (default: 256 and 16)"""
    heads: int = 4
    """transformer: attention heads per layer"""
    direct: bool = False
    """feedforward: add direct connections from the embeddings to the output"""

    def __post_init__(self) -> None:
        if self.context is None and self.kind in CONTEXT:
            object.__setattr__(self, "context", CONTEXT[self.kind])  # so that config.toml has the number
        for name in ("order", "heads"):
            check_size(name, getattr(self, name))
        if self.context is not None:
            check_size("context", self.context)
            if self.kind == "transformer" and self.context > LONGEST:
                raise ArgumentError("context", f"at most {LONGEST:,} with --kind transformer", self.context)


def check_kind(config: Any) -> None:
    """Raise `ArgumentError` for a changed option that this kind of model ignores, or a size that it cannot have."""
    kind: Kind = config.baseline.kind
    refuse_ignored(
        config, lambda group, name: _ignores(kind, group, name), f"with --kind {kind}, which has no such option"
    )
    if kind == "feedforward" and config.windows.embedding_size == 0:
        raise ArgumentError("embedding_size", "at least 1 with --kind feedforward", 0)
    if kind == "transformer":
        pairs, width = 2 * config.baseline.heads, config.model.hidden_size
        if width % pairs:
            raise ArgumentError("hidden_size", f"a multiple of {pairs}, twice the number of heads", width)
        if config.training.synthetic_gradients:
            why = "omitted with --kind transformer, whose state is too large for a predictor of its gradient"
            raise ArgumentError("synthetic_gradients", why, True)


def _ignores(kind: Kind, group: str, name: str) -> bool:
    if kind == "ngram":
        used = ("kind", "order", "eval_tokens", "tensorboard")
        return group in ("baseline", "model", "windows", "training", "start") and name not in used
    if kind not in OWN.get(name, (kind,)) or name in UNUSED.get(kind, ()):
        return True
    return group == "model" and name not in SIZES.get(kind, (name,))
