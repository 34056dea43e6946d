"""A trained language model in use: write text, take single steps, measure texts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...analysis import hold
from ...analysis.inspection import Inspection
from ...cells import State
from ...checks import Count, Size, checked_methods, options_of
from ...data import Corpus, Split, Vocabulary, encode_text, fresh, sequential, vocabulary_from_json
from ...data.storage import join
from ...decoding import Sampling, Session, TextWriter, generate, generate_frozen
from ...errors import ArgumentError, BackendError
from ...kernels.generation import Frozen, Precision
from ...results import Progress, Report, SamplePiece, silent
from ...training.modelfile import ModelFile
from ..common.own_data import OwnPart, own_data
from ..common.recurrent import restored
from ..common.stepwise import Step, Stepwise
from ..common.trained import Modules, Trained
from .evaluation import Evaluate, evaluation
from .inspection import loss_unit, reading
from .metrics import device_of, score
from .model import LogProbabilities, new_model
from .ngram import NGram
from .sampling import Sample, conversation, samples


@runtime_checkable
class Freezable(Protocol):
    """A model that may have a fast copy of itself for writing."""

    def unfreezable(self) -> str | None:
        """Why not; `None` if it has."""

    def freeze(self, precision: Precision) -> Frozen:
        """The copy."""


@checked_methods
class TrainedLanguageModel(Trained):
    """What `unrolled.load` gives for a run of the task ``lm``.

    Args:
        model: ``ids (T, B), state -> logits (T, B, V), state``.
        vocabulary: its symbols.
        config: the config it was trained with.
        fingerprint: of the text it was trained on.
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
        """Build the model a file describes and fill in its weights, or counts."""
        vocabulary = vocabulary_from_json(file.assets.get("vocabulary"))
        model: nn.Module
        if config.baseline.kind == "ngram":
            model = NGram.from_tensors(file.tensors, len(vocabulary), config.baseline.order)
        else:
            model = restored(file, config.model, lambda: new_model(len(vocabulary), config))
        return cls(model, vocabulary, config, file.assets.get("data"))

    def freeze(self, precision: Precision = "float32") -> TrainedLanguageModel:
        """A copy of this model that writes several times faster, on the CPU: without Python in its loop.

        ``float32`` writes the same text from the same seed (but for draws within rounding of a boundary);
        ``bfloat16`` and ``int8`` read smaller weights, faster and less exactly. Later changes of the weights do not
        reach the copy. Prompts are read, and `step` and `evaluate` computed, with the weights as they are.

        Raises:
            ArgumentError: there is no such precision.
            BackendError: `unfreezable` says why not.
        """
        why = self.unfreezable()
        if why is not None or not isinstance(self.model, Freezable):
            raise BackendError(f"the model cannot be frozen: {why}; use it as it is, without freeze()")
        made = self.with_model(copy.deepcopy(self.model))
        made.frozen = self.model.freeze(precision)
        return made

    def unfreezable(self) -> str | None:
        """Why `freeze` cannot copy this model; `None` if it can."""
        if not isinstance(self.model, Freezable):
            return f"there are no kernels for a {type(self.model).__name__}"
        return self.model.unfreezable()

    def held(self, units: Mapping[str, float] | tuple[str, ...]) -> TrainedLanguageModel:
        """A copy of this model that computes with units of its recurrent state held at values.

            handle.held({"layer 1 c[106]": 2.0}).generate("ROMEO:")

        Args:
            units: names and values, or texts of the form ``layer 1 c[106]=2``; see `unrolled.analysis.hold`.

        Raises:
            ArgumentError: no such unit, a value that is no number, or the same unit twice.
        """
        made = self.with_model(copy.deepcopy(self.model))
        made._holding.enter_context(hold(made.model, units))  # and never left
        return made

    @property
    def size(self) -> int:
        """How many numbers it has learned: its parameters, or the n-grams it has counted."""
        if isinstance(self.model, NGram):
            return self.model.size
        return super().size

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        rows = dict(super().about())
        if isinstance(self.model, NGram):
            rows["network"] = f"none: it counts {self.config.baseline.order}-grams"
            rows["n-grams"] = rows.pop("parameters")
        return [*rows.items(), ("vocabulary", f"{len(self.vocabulary):,} symbols ({self.vocabulary.kind})")]

    @property
    def trained_on(self) -> str:
        """What tells the text it was trained on and its parts from others, whatever the vocabulary."""
        digest, _, rest = (self.fingerprint or "").partition(" ")
        return f"{digest} {rest.partition(' ')[2]}"

    @torch.no_grad()
    def step(self, text: str, state: State | None = None) -> tuple[Tensor, State]:
        """Read ``text`` on from ``state``: log-probabilities ``(V,)`` of the next symbol, in nats, and the new state.

        Raises:
            ArgumentError: the text is empty or has characters outside the vocabulary.
        """
        if not text:
            raise ArgumentError("text", "at least one character", text)
        logits, state = self._read(text, 1, state)
        return F.log_softmax(logits[0].double(), dim=-1), state

    def generate(self, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Any) -> str:
        """Write up to ``length`` symbols that go on from ``prompt`` (not repeated), ending before ``stop``.

        ``sampling``: temperature, top_k, top_p, greedy, seed; see `unrolled.decoding.Sampling`.
        """
        return "".join(self.stream(prompt, length, stop=stop, **sampling))

    def generate_many(
        self, samples: Size, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Any
    ) -> list[str]:
        """``samples`` texts at once, each another; the first is the one `generate` writes."""
        pieces = [list[str]() for _ in range(samples)]
        for stream, text in self._write(samples, prompt, length, stop, options_of(Sampling, sampling)):
            pieces[stream].append(text)
        return ["".join(parts) for parts in pieces]

    def stream(
        self, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Any
    ) -> Iterator[str]:
        """As `generate`, piece by piece as it is written."""
        return (text for _, text in self._write(1, prompt, length, stop, options_of(Sampling, sampling)))

    def stream_many(
        self, samples: Size, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Any
    ) -> Iterator[tuple[int, str]]:
        """As `generate_many`, piece by piece as they are written: (number of the sample, text)."""
        return self._write(samples, prompt, length, stop, options_of(Sampling, sampling))

    def session(self) -> Session:
        """A text that this model and a person write in turn."""

        @torch.no_grad()
        def read(text: str, state: State | None) -> tuple[npt.NDArray[np.floating], State]:
            logits, state = self._read(text, 1, state)
            return logits.numpy(), state

        return Session(self.vocabulary, read, torch.no_grad()(self._step), self.opening(), self.frozen)

    def evaluate(
        self,
        data: str | Path | Split,
        *,
        window: Size = 256,
        lanes: Size = 1,
        fresh_windows: Count = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, float]:
        """Loss on a whole text: ``loss`` (nats per symbol), ``bits_per_char``, ``perplexity``.

        Args:
            data: a file, folder, pattern or named corpus, or an encoded split.
            window: steps computed at once; the state is carried, so it does not change the result.
            lanes: 1 is exact; more run side by side, each warmed up on 512 symbols before it.
            fresh_windows: if above 0, start from the initial state every so many symbols instead of carrying it.
            progress: told from time to time how many symbols have been scored.

        Raises:
            DataError: the text cannot be read, or cannot be written in the model's vocabulary.
        """
        if isinstance(data, str | Path):
            split = encode_text(self.config.data.open(str(data)), self.vocabulary)  # read as the training text was
        else:
            split = data
        windows = fresh(split, fresh_windows) if fresh_windows else sequential(split, window, lanes, warmup=512)
        return score(self.model, split, self.vocabulary, windows, progress)

    def own_text(self, split: OwnPart, model: str = "the model") -> tuple[str, Split]:
        """A part of the text it was trained with: (its name, the text); ``heldout`` is validation and test text.

        Args:
            split: which part.
            model: what to call the model in errors.

        Raises:
            RunError: the text cannot be read, or has changed.
        """
        was = self.config.data
        data = own_data(was.read, was.fingerprint, self.fingerprint, what=was.data, model=model)
        return f"{was.data}, {split}", join(data.valid, data.test) if split == "heldout" else getattr(data, split)

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def samples(self, options: Sample) -> Iterator[SamplePiece]:
        """See `Trained.samples`: the prompt of every sample, then text as it is written."""
        return samples(self, options)

    def conversation(self, options: Sample) -> Session:
        """A text that the model and a person write in turn, as the options ask: ``unrolled sample --interactive``.

        Raises:
            ArgumentError: the options do not fit the model.
        """
        return conversation(self, options)

    def streaming(self, lanes: Size = 1) -> Stepwise:
        """See `Trained.streaming`; a step is symbols ``(B,)`` int64, log-probabilities ``(B, V)`` come after it."""
        return Stepwise(LogProbabilities(self.model), lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        if isinstance(self.model, NGram):
            raise self.unable("be exported if its kind is ngram: it has counts, and no network")
        whole = LogProbabilities(self.model)
        around = {"vocabulary": self.vocabulary.to_json(), "opening": self.opening()}
        return Modules(whole, Step(whole), whole.states, (("symbols",), ("log_probabilities",)), around)

    @torch.no_grad()
    def _write(
        self, samples: int, prompt: str, length: int, stop: str | None, sampling: Sampling
    ) -> Iterator[tuple[int, str]]:
        """(stream, text) as it is written, until every stream has ended."""
        self.vocabulary.check_prompt(prompt)
        writers = [TextWriter(self.vocabulary, stop) for _ in range(samples)]
        logits, state = self._read(prompt or self.opening(), samples, None)
        if self.frozen is None:
            every = generate(self._step, logits.numpy(), state, sampling, length)
        else:
            every = generate_frozen(self.frozen, logits.numpy(), state, sampling, length)
        for ids in every:
            for stream, (writer, id) in enumerate(zip(writers, ids, strict=True)):
                if text := writer.feed(int(id)):
                    yield stream, text
            if all(writer.done for writer in writers):
                return
        for stream, writer in enumerate(writers):
            if text := writer.close():
                yield stream, text

    def corpus(self, data: str) -> Corpus:
        """Another text than that of the training, read by the same rules."""
        return self.config.data.open(data)

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """The text as the inspector has it read; ``starts`` is where documents begin.

        Raises:
            RunError: the model has no recurrent layers.
            DataError: the text has characters outside the vocabulary.
        """
        return reading(self, text, starts)

    @property
    def loss_unit(self) -> str:
        """What a loss is counted in, e.g. nats per character."""
        return loss_unit(self.vocabulary.kind)

    def with_model(self, model: nn.Module) -> TrainedLanguageModel:
        """The same with another network of the same shape."""
        return TrainedLanguageModel(model, self.vocabulary, self.config, self.fingerprint)

    def new_model(self) -> nn.Module:
        """An untrained network of the same shape, from torch's random numbers."""
        return new_model(len(self.vocabulary), self.config)

    def untrained(self) -> nn.Module:
        """The network as its training began, drawn again from its config and seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.training.seed)
            return self.new_model()

    def opening(self) -> str:
        """What stands before a text that begins out of nothing: a line end, if the model knows one."""
        return self.vocabulary.decode([0]) if self.vocabulary.outside("\n") else "\n"

    def _read(self, text: str, samples: int, state: State | None) -> tuple[Tensor, State]:
        """Logits ``(samples, V)`` after ``text``, and the state."""
        self.vocabulary.check_prompt(text)
        ids = torch.from_numpy(self.vocabulary.encode(text).astype(np.int64))[:, None]  # (T, 1)
        logits, state = self.model(ids.expand(-1, samples).to(self._device), state)
        return logits[-1].float().cpu(), state

    def _step(self, ids: npt.NDArray[np.int64], state: State) -> tuple[npt.NDArray[np.floating], State]:
        logits, state = self.model(torch.from_numpy(ids)[None].to(self._device), state)
        return logits[0].float().cpu().numpy(), state

    @property
    def _device(self) -> torch.device:
        return device_of(self.model)
