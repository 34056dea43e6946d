"""The options of the task ``lm``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_rate, check_size
from ...decoding import Sampling
from ...errors import ArgumentError
from ...training.options import Training
from ..common.recurrent import Recurrent
from .baseline import Baseline, refuse_ignored
from .text import Text


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How the text is fed to the model."""

    bptt: int = 64
    """steps of a window: how far back gradients go; the state goes on further"""
    bptt_random: Literal["none", "merity", "unbiased"] = "none"
    """draw each window's steps: around bptt, now and then half of it (Merity et al. 2018); or bptt in the mean, with
    gradients reweighted so that truncation has no bias (Tallec and Ollivier 2017); both scale --lr by the steps"""
    random_reset: float = 0.02
    """probability, per lane and window, of starting from the initial state: without it the carried state drifts"""
    embedding_size: int | None = None
    """width of the embedding; 0: one-hot (default: one-hot up to 512 symbols, else the layers' width; feedforward:
    32)"""
    head: Literal["last", "sum", "concat"] = "last"
    """what predicts the next symbol: the last layer, or the sum or concatenation of all layers' outputs"""
    tied: bool = False
    """use the embedding as the output weights too (Press and Wolf 2017)"""
    eval_tokens: int = 100_000
    """score this many symbols of the validation text while training; 0: all of it"""

    def __post_init__(self) -> None:
        check_size("bptt", self.bptt, least=2 if self.bptt_random == "unbiased" else 1)
        check_size("eval_tokens", self.eval_tokens, least=0)
        if self.eval_tokens == 1:
            raise ArgumentError("eval_tokens", "at least 2, one to predict the other from, or 0 for all", 1)
        if self.embedding_size is not None:
            check_size("embedding_size", self.embedding_size, least=0)
        check_rate("random_reset", self.random_reset)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The samples shown while training."""

    prompt: str = ""
    """how the samples begin"""
    preview_length: int = 300
    """symbols of a sample"""
    preview_temperature: float = 0.8
    """its temperature"""

    def __post_init__(self) -> None:
        check_size("preview_length", self.preview_length, least=0)
        Sampling(temperature=self.preview_temperature)


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """Everything about a language model and its training."""

    data: Text = field(default_factory=Text)
    baseline: Baseline = field(default_factory=Baseline)
    model: Recurrent = field(default_factory=Recurrent)
    windows: Windows = field(default_factory=Windows)
    training: Training = field(default_factory=Training)
    preview: Preview = field(default_factory=Preview)

    def __post_init__(self) -> None:
        refuse_ignored(self)
        if self.baseline.kind == "feedforward" and self.windows.embedding_size == 0:
            raise ArgumentError("embedding_size", "at least 1 with --kind feedforward", 0)
        if self.training.synthetic_gradients and self.windows.bptt_random == "unbiased":
            why = "left out with --bptt-random unbiased, whose gradients need no addition"
            raise ArgumentError("synthetic_gradients", why, True)
