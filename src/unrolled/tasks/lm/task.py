"""Language modelling: predict the next token of a text, and generate similar text.

    unrolled train lm --data shakespeare --hidden-size 256 --time 15m

    x_t (B,) tokens → one-hot or embedding (B, E) → recurrent layers (B, H) → logits (B, V)
    loss = −log softmax(logits_t)[x_{t+1}],  in nats per token

    unrolled train lm --kind transformer      causal attention over the last tokens (transformer.py)
    unrolled train lm --kind feedforward      a network with a fixed context window (feedforward.py)
    unrolled train lm --kind ngram --order 6  smoothed counts, without gradient descent (ngram.py)

Mikolov et al. 2010; Graves 2013, section 2; Karpathy 2015. The text is split into ``batch_size`` lanes (rows of
the batch that carry their state); each window of ``bptt`` steps continues where the previous one ended, with the state
detached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data import LaneStream, Split, TextData, Window, named_corpora, sequential
from ...data.named_data import NamedData
from ...data.storage import head
from ...errors import DataError
from ...results import Comparison, Progress, Report, silent
from ...training.config import update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.pieces import Recompute, Segments, cuts
from ...training.task import Task
from ...training.transfer import Taken
from ..common.excerpts import LONGEST, excerpts
from ..common.given_data import write_documents
from ..common.starting import source_vocabulary, vocabulary_note
from . import description, starting
from .config import LanguageModelConfig
from .defaults import usual, with_sizes
from .evaluation import Evaluate, compare
from .metrics import METRICS, WORD_METRICS, score
from .model import LanguageModel, new_model
from .ngram import NGram
from .prediction import Predict
from .sampling import Sample
from .trained import TrainedLanguageModel

# T steps, B lanes, E embedding_size, H hidden_size, V vocabulary size


class LanguageModelling(Task):
    """The task ``lm``; see the module."""

    name: ClassVar[str] = "lm"
    Config: ClassVar[type] = LanguageModelConfig
    unit: ClassVar[str] = "characters"
    use: ClassVar[dict[str, str]] = {"generate text": "sample", "evaluate it": "evaluate"}
    given: ClassVar[tuple[str, ...]] = ("data",)
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    Sample: ClassVar[type | None] = Sample
    metrics = METRICS
    config: LanguageModelConfig
    text: TextData
    stream: LaneStream

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__(config)
        if config.data.kind == "tokenized":
            self.metrics = WORD_METRICS

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": named_corpora()}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return write_documents(name, value, folder)

    @classmethod
    def named(cls) -> list[NamedData]:
        return description.named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        return description.likely(path)

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        base = None if self.source is None else source_vocabulary(self.source)
        self.text = config.data.read(base, str(config.start.from_run))
        self.config = config = update(config, vocabulary=config.data.kind)
        if config.baseline.kind != "ngram":
            train, symbols = self.text.train, len(self.text.vocabulary)
            self.config = config = with_sizes(config, len(train), train.characters, symbols)
        dropped = self._cut()
        vocabulary = self.text.vocabulary
        vocabulary.check_prompt(config.preview.prompt)
        self.characters_per_token = self.text.train.characters / len(self.text.train)
        scored = [name for name in ("valid", "test") if len(getattr(self.text, name)) > 1]
        parts = {name: getattr(self.text, name) for name in ("train", *scored)}
        sizes = ", ".join(f"{part.characters:,} {name}" for name, part in parts.items())
        counts = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        notes = [
            f"{config.data.data}: {sizes} characters; {len(vocabulary):,} tokens ({vocabulary.kind})",
            *([f"tokens of the text: {counts}"] if config.data.kind == "tokenized" else []),
            *([] if base is None else [vocabulary_note(base, vocabulary, config)]),
            *self.text.notes,
            *dropped,
        ]
        if config.data.data not in named_corpora():
            notes += excerpts([vocabulary.decode(self.text.train.tokens[:LONGEST])])
        if "valid" not in scored:
            notes.append("no validation text: model selection uses the training text")
        return notes

    def _cut(self) -> list[str]:
        """Split the training text into lanes, except for n-gram models; return a note on tokens that are dropped."""
        if self.config.baseline.kind == "ngram":
            if len(self.text.train) < 2:
                raise DataError("the text is too short to count n-grams; provide at least 2 tokens of training text")
            return []
        self.stream = LaneStream(
            self.text.train,
            integer(self.config.training.batch_size),
            integer(self.config.windows.bptt),
            bptt_random=self.config.windows.bptt_random,
            random_reset=self.config.windows.random_reset,
            seed=self.config.training.seed,
        )
        count = self.stream.dropped
        return [f"the last {count} training tokens do not fill the rows of the batch and are dropped"] if count else []

    def build_model(self) -> nn.Module:
        return new_model(len(self.text.vocabulary), self.config)

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        super().kept(source, options)
        return starting.kept(source, options)

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.text.vocabulary)

    def fit(self) -> Callable[[], nn.Module] | None:
        baseline = self.config.baseline
        if baseline.kind != "ngram":
            return None
        return lambda: NGram.fit(self.text.train, len(self.text.vocabulary), baseline.order)

    @property
    def steps_per_epoch(self) -> float:
        return self.stream.windows_per_pass

    def usual(self, steps: int) -> dict[str, Any]:
        return usual(self.config, steps, self.steps_per_epoch)

    def batch(self, step: int) -> Window:
        return self.stream.window(step)

    def units(self, batch: Window) -> float:
        return batch.inputs.numel() * self.characters_per_token

    def carry(self, model: nn.Module) -> State:
        carrying: Any = model
        return carrying.initial_state(self.stream.batch_size)

    def loss(self, model: nn.Module, batch: Window, carry: State | None) -> tuple[Tensor, State | None]:
        device = self.config.training.device
        resets = batch.resets.to(device) if batch.resets.any() else None
        inputs, targets = batch.inputs.to(device), batch.targets.to(device)
        if isinstance(model, LanguageModel):
            return model.loss(inputs, targets, carry, resets)
        logits, state = model(inputs, carry, resets)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state

    def pieces(self, batch: Window, steps: Recompute) -> list[tuple[Window, float]]:
        T = len(batch.inputs)
        return [(batch.part(part), (part.stop - part.start) / T) for part in cuts(T, steps)]

    def segments(self) -> Segments | None:
        cuts = self.stream.cuts
        return Segments(cuts.segment, 1 / (1 - cuts.c)) if cuts.random == "unbiased" else None

    def lr_scale(self, batch: Window) -> float:
        return 1.0 if self.stream.cuts.random == "none" else len(batch.inputs) / self.stream.bptt

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        """Evaluate with carried state in up to 16 lanes, each after a warm-up on the preceding text."""
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

    def test_cost(self) -> float:
        valid = len(self.text.valid) if len(self.text.valid) > 1 else len(self.text.train)
        return len(self.text.test) / min(valid, self.config.windows.eval_tokens or valid)

    def assets(self) -> dict[str, Any]:
        return {"vocabulary": self.text.vocabulary.to_json(), "data": self.fingerprint()}

    def fingerprint(self) -> str:
        return self.config.data.fingerprint(self.text)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedLanguageModel:
        return TrainedLanguageModel.from_file(file, config)

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        return compare(models, options, progress)
