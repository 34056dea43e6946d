"""Language modelling: predict the next symbol of a text, and so write text like it.

    unrolled train lm --data shakespeare --hidden-size 256 --time 15m

    x_t (B,) symbols → one-hot or embedding (B, E) → recurrent layers (B, H) → logits (B, V)
    loss = −log softmax(logits_t)[x_{t+1}],  in nats per symbol

    unrolled train lm --kind feedforward      a network of a fixed window, trained in the same way (feedforward.py)
    unrolled train lm --kind ngram --order 6  smoothed counts, made at once (ngram.py)

Mikolov et al. 2010; Graves 2013, section 2; Karpathy 2015. The text is cut into ``batch_size`` lanes; each window of
``bptt`` steps goes on where the lane's last one ended, with the state carried over and detached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State, cell_class, check_rate, check_size
from ...data import LaneStream, Split, TextData, Window, named_corpora, sequential, vocabulary_from_json
from ...data.listed import Listed
from ...data.storage import head
from ...decoding import Sampling
from ...errors import ArgumentError, BackendError, DataError
from ...kernels.generation import Frozen, Precision, freeze, unsupported
from ...layers import LockedDropout
from ...results import Report
from ...training.metrics import LOSS, PERPLEXITY, Metric
from ...training.modelfile import ModelFile
from ...training.options import Training
from ...training.pieces import Recompute, Segments, cuts
from ...training.task import Task
from ..common.excerpts import LONGEST, excerpts
from ..common.recurrent import Recurrent
from . import description
from .baseline import Baseline, refuse_ignored
from .feedforward import FEATURES, FeedForward
from .ngram import NGram
from .text import Text
from .trained import TrainedLanguageModel, score

# T steps, B lanes, E embedding_size, H hidden_size, V symbols

ONE_HOT_UP_TO = 512  # symbols; with more, an embedding is the default


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


class LanguageModel(nn.Module):
    """``ids (T, B)`` → logits ``(T, B, V)`` of each next symbol."""

    def __init__(self, symbols: int, recurrent: Recurrent, windows: Windows) -> None:
        super().__init__()
        size = windows.embedding_size
        if size is None:
            top = recurrent.proj_size or recurrent.hidden_size
            size = 0 if symbols <= ONE_HOT_UP_TO and not windows.tied else top
        self.symbols, self.head_reads = symbols, windows.head
        self.embedding = nn.Embedding(symbols, size) if size else None
        self.stack = recurrent.build(size or symbols)
        self.drop = LockedDropout(recurrent.dropout) if recurrent.locked_dropout else nn.Dropout(recurrent.dropout)
        width = self.stack.output_size * (recurrent.num_layers if windows.head == "concat" else 1)
        if windows.tied and width != size:
            raise ArgumentError(
                "tied", f"off unless embedding_size is the head's width {width}", f"embedding_size {size}"
            )
        self.head = nn.Linear(width, symbols)
        if windows.tied:
            assert self.embedding is not None
            nn.init.normal_(self.embedding.weight, std=width**-0.5)
            del self.head.weight  # forward uses the embedding's
        self.tied = windows.tied

    def forward(self, ids: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """Logits ``(T, B, V)`` and the state after; ``resets (T, B)`` mark first steps of documents."""
        y, state = self.read(ids, state, resets)
        return self.logits(y), state

    def read(self, ids: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """What the head reads, ``(T, B, ·)``, and the state after."""
        x = ids.long() if self.embedding is None else self.embedding(ids)  # (T, B): one-hot; or (T, B, E)
        every, state = self.stack.run(x, state, resets=resets)
        every[-1] = self.drop(every[-1])
        match self.head_reads:
            case "last":
                y = every[-1]
            case "sum":
                y = torch.stack(every).sum(dim=0) if len(every) > 2 else sum(every[1:], every[0])
            case _:
                y = torch.cat(every, dim=-1)
        return y, state

    def logits(self, y: Tensor) -> Tensor:
        """The head: of ``y (…, ·)``, ``(…, V)``."""
        return F.linear(y, self.head_weight, self.head.bias)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step."""
        return self.stack.initial_state(batch_size)

    @property
    def head_weight(self) -> Tensor:
        """``(V, width of what the head reads)``."""
        return self.embedding.weight if self.tied and self.embedding else self.head.weight

    def unfreezable(self) -> str | None:
        """Why `freeze` cannot copy this model; `None` if it can."""
        if self.stack.mixing is not None:
            return "it has networks between its layers (feedforward_size)"
        return unsupported(list(self.stack.cells))

    def freeze(self, precision: Precision = "float32") -> Frozen:
        """A copy of the weights that writes without Python in its loop, see `unrolled.kernels.generation`.

        Raises:
            BackendError: `unfreezable` says why not.
        """
        if self.stack.mixing is not None:
            raise BackendError(f"the model cannot be frozen: {self.unfreezable()}; use it as it is, without freeze()")
        return freeze(
            list(self.stack.cells),
            None if self.embedding is None else self.embedding.weight,
            self.head_weight,
            self.head.bias,
            reads=self.head_reads,
            residual=self.stack.residual,
            precision=precision,
        )


def new_model(symbols: int, config: LanguageModelConfig) -> nn.Module:
    """The model that steps of gradient descent train."""
    if config.baseline.kind == "recurrent":
        return LanguageModel(symbols, config.model, config.windows)
    return FeedForward(
        symbols,
        config.baseline.context,
        config.windows.embedding_size or FEATURES,
        config.model.hidden_size,
        config.model.dropout,
        config.baseline.direct,
    )


class LanguageModelling(Task):
    """The task ``lm``; see the module."""

    name: ClassVar[str] = "lm"
    Config: ClassVar[type] = LanguageModelConfig
    unit: ClassVar[str] = "characters"
    use: ClassVar[dict[str, str]] = {"let it write": "sample", "measure it": "evaluate"}
    metrics = (
        LOSS,
        PERPLEXITY,
        Metric("bits_per_char", "bits per character"),
        Metric("unknown_tokens", "unknown symbols", ",.0f"),
    )
    config: LanguageModelConfig
    text: TextData
    stream: LaneStream

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": named_corpora()}

    @classmethod
    def named(cls) -> list[Listed]:
        return description.named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        return description.likely(path)

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        self.text = config.data.read()
        left_out = self._cut()
        vocabulary = self.text.vocabulary
        vocabulary.check_prompt(config.preview.prompt)
        self.characters_per_token = self.text.train.characters / len(self.text.train)
        scored = [name for name in ("valid", "test") if len(getattr(self.text, name)) > 1]
        sizes = ", ".join(f"{getattr(self.text, name).characters:,} {name}" for name in ("train", *scored))
        notes = [
            f"{config.data.data}: {sizes} characters; {len(vocabulary):,} symbols ({vocabulary.kind})",
            *self.text.notes,
            *left_out,
        ]
        if config.data.data not in named_corpora():
            notes += excerpts([vocabulary.decode(self.text.train.tokens[:LONGEST])])
        if "valid" not in scored:
            notes.append("no validation text: training text decides which model is kept")
        return notes

    def _cut(self) -> list[str]:
        """Cut the training text into lanes; a note if some of it is left over. An n-gram model counts it whole."""
        if self.config.baseline.kind == "ngram":
            if len(self.text.train) < 2:
                raise DataError("the text is too short: there is nothing to count in it; give more text")
            return []
        self.stream = LaneStream(
            self.text.train,
            self.config.training.batch_size,
            self.config.windows.bptt,
            bptt_random=self.config.windows.bptt_random,
            random_reset=self.config.windows.random_reset,
            seed=self.config.training.seed,
        )
        left = self.stream.dropped
        return [f"the last {left} training symbols do not fill the lanes and are left out"] if left else []

    def build_model(self) -> nn.Module:
        return new_model(len(self.text.vocabulary), self.config)

    def fit(self) -> Callable[[], nn.Module] | None:
        baseline = self.config.baseline
        if baseline.kind != "ngram":
            return None
        return lambda: NGram.fit(self.text.train, len(self.text.vocabulary), baseline.order)

    @property
    def steps_per_epoch(self) -> float:
        return self.stream.windows_per_pass

    def batch(self, step: int) -> Window:
        return self.stream.window(step)

    def units(self, batch: Window) -> float:
        return batch.inputs.numel() * self.characters_per_token

    def carry(self, model: nn.Module) -> State:
        assert isinstance(model, LanguageModel | FeedForward)
        return model.initial_state(self.config.training.batch_size)

    def loss(self, model: nn.Module, batch: Window, carry: State | None) -> tuple[Tensor, State | None]:
        device = self.config.training.device
        resets = batch.resets.to(device) if batch.resets.any() else None
        logits, state = model(batch.inputs.to(device), carry, resets)
        return F.cross_entropy(logits.flatten(0, 1), batch.targets.to(device).flatten()), state

    def pieces(self, batch: Window, steps: Recompute) -> list[tuple[Window, float]]:
        T = len(batch.inputs)
        return [(batch.part(part), (part.stop - part.start) / T) for part in cuts(T, steps)]

    def segments(self) -> Segments | None:
        cuts = self.stream.cuts
        return Segments(cuts.segment, 1 / (1 - cuts.c)) if cuts.random == "unbiased" else None

    def lr_scale(self, batch: Window) -> float:
        return 1.0 if self.stream.cuts.random == "none" else len(batch.inputs) / self.stream.bptt

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        """Loss with carried state: 16 lanes, each warmed up on the text before it."""
        part: Split = getattr(self.text, split)
        if len(part) < 2:
            if split == "test":
                return {}
            part = self.text.train
        if split == "valid" and 0 < self.config.windows.eval_tokens < len(part):
            part = head(part, self.config.windows.eval_tokens, self.text.vocabulary)
        lanes = max(1, min(16, len(part) // 1000))
        return score(model, part, self.text.vocabulary, sequential(part, 128, lanes, warmup=256))

    def preview(self, model: nn.Module) -> str:
        options = self.config.preview
        handle = TrainedLanguageModel(model, self.text.vocabulary)
        return options.prompt + handle.generate(
            options.prompt, options.preview_length, temperature=options.preview_temperature
        )

    def assets(self) -> dict[str, Any]:
        return {"vocabulary": self.text.vocabulary.to_json(), "data": self.fingerprint()}

    def fingerprint(self) -> str:
        return self.config.data.fingerprint(self.text)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedLanguageModel:
        if config.baseline.kind == "ngram":
            vocabulary = vocabulary_from_json(file.assets.get("vocabulary"))
            model = NGram.from_tensors(file.tensors, len(vocabulary), config.baseline.order)
            return TrainedLanguageModel(model, vocabulary, config, file.assets.get("data"))
        return TrainedLanguageModel.from_file(file, config, new_model)
