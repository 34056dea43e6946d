"""A trained language model: freeze it, hold units, evaluate texts; generation is in generating.py."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ...analysis import hold
from ...analysis.inspection import Inspection
from ...checks import Count, Size, checked_methods, options_of
from ...data import Corpus, Split, Vocabulary, fresh, sequential, vocabulary_from_json
from ...data.storage import join
from ...decoding import Session
from ...errors import BackendError
from ...kernels.generation import Frozen
from ...kernels.packing import Precision
from ...results import Input, Prediction, Progress, Report, SamplePiece, reporting_to, silent
from ...training.config import flatten
from ...training.modelfile import ModelFile
from ...training.start_options import start_of
from ..common.model_name import model_name
from ..common.own_data import OwnPart, own_data
from ..common.recurrent import restored
from ..common.stepwise import Step, Stepwise
from ..common.trained import Modules, Trained
from .evaluation import Evaluate, evaluation
from .feedforward import FeedForward
from .generating import Freezable, TextGenerator
from .inspection import loss_unit, reading
from .metrics import score
from .model import LogProbabilities, new_model
from .ngram import NGram
from .prediction import Predict, fill, predictions
from .sampling import Sample, conversation, samples
from .transformer import Transformer


@checked_methods
class TrainedLanguageModel(TextGenerator, Trained):
    """A trained language model, as returned by `unrolled.load` for a run of the task ``lm``.

        handle = unrolled.load("runs/lm-shakespeare-1")
        handle.generate("ROMEO:", 200, temperature=0.8, seed=1)
        handle.evaluate("other.txt")["bits_per_char"]

    Args:
        model: ``ids (T, B), state -> logits (T, B, V), state``.
        vocabulary: the vocabulary of the model.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "lm"
    panes: ClassVar[tuple[str, ...]] = ("text", "type", "write", "unrolled", "training")

    def __init__(
        self, model: nn.Module, vocabulary: Vocabulary, config: Any = None, fingerprint: str | None = None
    ) -> None:
        self.model, self.vocabulary, self.config, self.fingerprint = model.eval(), vocabulary, config, fingerprint
        self.frozen: Frozen | None = None
        self._holding = ExitStack()

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedLanguageModel:
        """Build the model and load the weights, or the n-gram counts, of a model file."""
        vocabulary = vocabulary_from_json(file.assets.get("vocabulary"))
        model: nn.Module
        if config.baseline.kind == "ngram":
            model = NGram.from_tensors(file.tensors, len(vocabulary), config.baseline.order)
        else:
            model = restored(file, config.model, lambda: new_model(len(vocabulary), config))
        return cls(model, vocabulary, config, file.assets.get("data"))

    def freeze(self, precision: Precision = "float32") -> TrainedLanguageModel:
        """Return a copy that keeps its weights in the order in which compiled code reads them.

        `generate` makes such a copy for every text; a frozen model saves that, in sessions too, with fewer bits.
        ``float32`` generates the same text from the same seed (except for draws within rounding of a boundary);
        ``bfloat16`` and ``int8`` weights are faster and less exact. Later changes of the weights do not affect the
        copy. Prompts, `step` and `evaluate` use the original weights.

        Raises:
            ArgumentError: the precision is unknown.
            BackendError: the model cannot be frozen; see `unfreezable`.
        """
        reason = self.unfreezable()
        if reason is not None or not isinstance(self.model, Freezable):
            raise BackendError(f"the model cannot be frozen: {reason}; use the model without freeze()")
        frozen = self.with_model(copy.deepcopy(self.model))
        frozen.frozen = self.model.freeze(precision)
        return frozen

    def unfreezable(self) -> str | None:
        """Return the reason why `freeze` cannot copy this model; `None` if it can."""
        if not isinstance(self.model, Freezable):
            return f"there are no kernels for a {type(self.model).__name__}"
        return self.model.unfreezable()

    def held(self, units: Mapping[str, float] | tuple[str, ...]) -> TrainedLanguageModel:
        """Return a copy of this model with units of its recurrent state held at values.

            handle.held({"layer 1 c[106]": 2.0}).generate("ROMEO:")

        Args:
            units: values by unit name, or strings such as ``layer 1 c[106]=2``; see `unrolled.analysis.hold`.

        Raises:
            ArgumentError: the model has no such unit, a value is not a number, or a unit occurs twice.
        """
        clamped = self.with_model(copy.deepcopy(self.model))
        clamped._holding.enter_context(hold(clamped.model, units))  # for the lifetime of the copy
        return clamped

    @property
    def size(self) -> int:
        """The number of parameters, or of distinct n-grams."""
        if isinstance(self.model, NGram):
            return self.model.size
        return super().size

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        rows = dict(super().about())
        if isinstance(self.model, Transformer | FeedForward) and self.config is not None:
            rows["network"] = model_name(flatten(self.config))
        if isinstance(self.model, NGram):
            rows["network"] = f"none: it counts {self.config.baseline.order}-grams"
            rows["n-grams"] = rows.pop("parameters")
        return [*rows.items(), ("vocabulary", f"{len(self.vocabulary):,} symbols ({self.vocabulary.kind})")]

    @property
    def trained_on(self) -> str:
        """The part of the fingerprint that identifies the training text and its split, without the vocabulary."""
        digest, _, rest = (self.fingerprint or "").partition(" ")
        return f"{digest} {rest.partition(' ')[2]}"

    def evaluate(
        self,
        data: str | Path | Split | None = None,
        *,
        window: Size = 256,
        lanes: Size = 1,
        fresh_windows: Count = 0,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Report:
        """Evaluate on a text: ``loss`` (nats per token), ``bits_per_char``, ``perplexity``; see `Trained.evaluate`.

        Args:
            data: a file, folder, glob pattern or named corpus, or an encoded split (default: the test part of the run's
                own text).
            window: steps computed at once; the state is carried, so it does not change the result.
            lanes: segments evaluated in parallel, each after a warm-up of 512 tokens; 1 is exact.
            fresh_windows: if above 0, reset the state every so many tokens instead of carrying it.
            progress: called with the number of tokens predicted so far.
            options: further options of ``unrolled evaluate``: ``split``, ``encoding``, ``clamp`` …

        Raises:
            DataError: the text cannot be read, or has characters outside the vocabulary.
        """
        name = None if data is None or isinstance(data, Split) else str(data)
        given = options_of(Evaluate, {"data": name, "window": window, "lanes": lanes, "fresh": fresh_windows} | options)
        return evaluation(self, given, reporting_to(progress), data if isinstance(data, Split) else None)

    def metrics(
        self,
        split: Split,
        *,
        window: Size = 256,
        lanes: Size = 1,
        fresh_windows: Count = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, float]:
        """Return the metrics of `evaluate` on an encoded split, without a report."""
        windows = fresh(split, fresh_windows) if fresh_windows else sequential(split, window, lanes, warmup=512)
        return score(self.model, split, self.vocabulary, windows, progress)

    def own_text(self, split: OwnPart, model: str = "the model") -> tuple[str, Split]:
        """Return the name and the text of a part of the run's own data; ``heldout`` is validation and test together.

        Args:
            split: the part.
            model: name of the model in error messages.

        Raises:
            RunError: the text cannot be read, or has changed.
        """
        source = self.config.data
        base = None if start_of(self.config).from_run is None else self.vocabulary  # which contains more than the text
        read = partial(source.read, base)
        data = own_data(read, source.fingerprint, self.fingerprint, what=source.data, model=model)
        return f"{source.data}, {split}", join(data.valid, data.test) if split == "heldout" else getattr(data, split)

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def fill(self, text: str, **options: Any) -> Prediction:
        """Return the most probable words for the gap of a text, with their probabilities.

            found = model.fill("The clouds are in the ___ today.")
            found.answer, found.probabilities, found.more["words"]

        Args:
            text: a text with the marker ``___``.
            options: options of ``unrolled predict``: ``gap`` (another marker), ``top_k``, ``candidates``, ``words``.

        Raises:
            ArgumentError: the text does not have one gap and text around it, or it cannot be encoded.
        """
        return fill(self, text, options_of(Predict, options))

    def fill_many(self, texts: Sequence[str], **options: Any) -> list[Prediction]:
        """Return the prediction of `fill` for each text, an empty one for a blank text."""
        return list(predictions(self, [[Input(text) for text in texts]], options_of(Predict, options)))

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
        """See `Trained.predictions`: the words for the gap of each text."""
        return predictions(self, inputs, options)

    def samples(self, options: Sample) -> Iterator[SamplePiece]:
        """See `Trained.samples`: the prompt of every sample, then the generated text in pieces."""
        return samples(self, options)

    def conversation(self, options: Sample) -> Session:
        """Start a text that the user and the model write in turns: ``unrolled sample --interactive``.

        Raises:
            ArgumentError: the options do not fit the model.
        """
        return conversation(self, options)

    def streaming(self, lanes: Size = 1) -> Stepwise:
        """See `Trained.streaming`; a step maps token ids ``(B,)`` int64 to log-probabilities ``(B, V)``."""
        return Stepwise(LogProbabilities(self.model), lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        if isinstance(self.model, NGram):
            raise self.unable("be exported if its kind is ngram: it consists of counts, without a network")
        network = LogProbabilities(self.model)
        metadata = {"vocabulary": self.vocabulary.to_json(), "opening": self.opening()}
        return Modules(network, Step(network), network.states, (("symbols",), ("log_probabilities",)), metadata)

    def corpus(self, data: str) -> Corpus:
        """Open another text by the rules of the training text."""
        return self.config.data.open(data)

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Prepare ``text`` for inspection; ``starts`` are the positions where documents begin.

        Raises:
            RunError: the model has no recurrent layers.
            DataError: the text has characters outside the vocabulary.
        """
        return reading(self, text, starts)

    @property
    def loss_unit(self) -> str:
        """The unit of the loss, e.g. nats per character."""
        return loss_unit(self.vocabulary.kind)

    def with_model(self, model: nn.Module) -> TrainedLanguageModel:
        """Return a handle with another network of the same shape."""
        return TrainedLanguageModel(model, self.vocabulary, self.config, self.fingerprint)

    def new_model(self) -> nn.Module:
        """Build an untrained network of the same shape, initialized from torch's global random generator."""
        return new_model(len(self.vocabulary), self.config)

    def untrained(self) -> nn.Module:
        """Rebuild the network as it was at the start of training, from its configuration and seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.training.seed)
            return self.new_model()
