"""The options of the task ``lm``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_rate, check_size
from ...decoding import Sampling
from ...errors import ArgumentError
from ...training.config import by_rule
from ...training.options import Training
from ...training.start_options import Start
from ..common.recurrent import Recurrent
from .baseline import Baseline, check_kind
from .text import Text


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How training feeds the text to the model."""

    bptt: int | None = by_rule(64)
    """truncated backpropagation: steps per window; the state is carried over"""
    bptt_random: Literal["none", "merity", "unbiased"] = "none"
    """random window lengths: merity (around bptt), or unbiased (bptt on average)"""
    random_reset: float = 0.02
    """probability of resetting the state, per lane and window; prevents drift"""
    embedding_size: int | None = None
    """embedding width; 0: one-hot (default: one-hot up to 512 tokens, else the layers' width; feedforward: 32)"""
    head: Literal["last", "sum", "concat"] = "last"
    """input of the output layer: last layer, or sum or concatenation of all layers"""
    tied: bool = False
    """tie the output weights to the embedding (Press and Wolf 2017)"""
    softmax: Literal["full", "adaptive"] = "full"
    """output layer; adaptive: faster with large vocabularies (Grave et al. 2017)"""
    embedding_dropout: float = 0.0
    """dropout on the embedded tokens (Gal and Ghahramani 2016)"""
    word_dropout: float = 0.0
    """dropout of whole tokens of the embedding, one mask per window (the same)"""
    output_dropout: float | None = None
    """dropout before the output layer (default: as --dropout)"""
    init_range: float = 0.0
    """uniform initial weights and biases from -a to a (Zaremba et al. 2014); 0: off"""
    eval_tokens: int = 100_000
    """validation tokens to evaluate on during training; 0: the whole validation set"""

    def __post_init__(self) -> None:
        if self.bptt is not None:
            check_size("bptt", self.bptt, least=2 if self.bptt_random == "unbiased" else 1)
        check_size("eval_tokens", self.eval_tokens, least=0)
        if self.eval_tokens == 1:
            raise ArgumentError("eval_tokens", "at least 2, or 0 for the whole validation set", 1)
        if self.embedding_size is not None:
            check_size("embedding_size", self.embedding_size, least=0)
        for name in ("random_reset", "embedding_dropout", "word_dropout"):
            check_rate(name, getattr(self, name))
        if self.softmax == "adaptive" and self.tied:
            raise ArgumentError("tied", "off with --softmax adaptive, which has its own weights", True)
        if self.output_dropout is not None:
            check_rate("output_dropout", self.output_dropout)
        if not 0 <= self.init_range < math.inf:
            raise ArgumentError("init_range", "a number of at least 0", self.init_range)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The samples generated during training."""

    prompt: str = ""
    """prompt of the samples"""
    preview_length: int = 300
    """tokens per sample"""
    preview_temperature: float = 0.8
    """sampling temperature of the samples"""

    def __post_init__(self) -> None:
        check_size("preview_length", self.preview_length, least=0)
        Sampling(temperature=self.preview_temperature)


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """Configuration of a language model and its training."""

    data: Text = field(default_factory=Text)
    baseline: Baseline = field(default_factory=Baseline)
    model: Recurrent = field(default_factory=Recurrent)
    windows: Windows = field(default_factory=Windows)
    training: Training = field(default_factory=lambda: Training(time="5m", batch_size=None))
    start: Start = field(default_factory=Start)
    preview: Preview = field(default_factory=Preview)

    def __post_init__(self) -> None:
        check_kind(self)
        if self.training.synthetic_gradients and self.windows.bptt_random == "unbiased":
            why = "omitted with --bptt-random unbiased, whose gradients are already unbiased"
            raise ArgumentError("synthetic_gradients", why, True)
        if self.windows.init_range and self.model.layer_norm:
            why = "omitted with --layer-norm, whose scales start at 1"
            raise ArgumentError("init_range", why, self.windows.init_range)
        if self.windows.softmax == "adaptive" and self.data.kind in ("char", "byte"):
            why = f"full with --vocabulary {self.data.kind}, which is not sorted by frequency"
            raise ArgumentError("softmax", why, "adaptive")
