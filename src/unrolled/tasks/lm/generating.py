"""A language model that generates text: whole texts, pieces as they are written, and sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, Unpack, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...analysis.clamp import run_clamped
from ...cells import State
from ...checks import Count, Size, checked_methods
from ...data import Vocabulary
from ...decoding import Sampling, SamplingOptions, Session, TextWriter, frozen_chunks, generate
from ...errors import ArgumentError, DivergedError
from ...kernels.generation import Frozen
from ...kernels.packing import Precision
from ...training.process import device_of

WORTH_A_COPY = 50  # tokens


@runtime_checkable
class Freezable(Protocol):
    """A model that may have a frozen copy for fast generation."""

    def unfreezable(self) -> str | None:
        """Return the reason why the model cannot be frozen; `None` if it can."""

    def freeze(self, precision: Precision) -> Frozen:
        """Return the frozen copy."""


@checked_methods
class TextGenerator:
    """Text from a network ``model``, or from its frozen copy; the base class of `TrainedLanguageModel`."""

    model: nn.Module
    vocabulary: Vocabulary
    frozen: Frozen | None

    @torch.no_grad()
    def step(self, text: str, state: State | None = None) -> tuple[Tensor, State]:
        """Read ``text`` from ``state``; return log-probabilities ``(V,)`` of the next token, in nats, and the state.

        Raises:
            ArgumentError: the text is empty or has characters outside the vocabulary.
        """
        if not text:
            raise ArgumentError("text", "at least one character", text)
        logits, state = self._read(text, 1, state)
        return F.log_softmax(logits[0].double(), dim=-1), state

    def generate(
        self, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Unpack[SamplingOptions]
    ) -> str:
        """Generate up to ``length`` tokens after ``prompt`` and return them as text, without the prompt.

        Args:
            prompt: beginning of the text.
            length: maximum tokens to generate.
            stop: end before this text is generated.
            sampling: temperature, top_k, top_p, greedy, seed; see `unrolled.decoding.Sampling`.

        Raises:
            ArgumentError: the prompt has characters outside the vocabulary, or an option is wrong.
        """
        return "".join(self.stream(prompt, length, stop=stop, **sampling))

    def generate_many(
        self,
        samples: Size,
        prompt: str = "",
        length: Count = 500,
        *,
        stop: str | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> list[str]:
        """Generate ``samples`` independent texts in one batch; the first equals that of `generate`."""
        pieces = [list[str]() for _ in range(samples)]
        for sample, text in self._generate(samples, prompt, length, stop, Sampling(**sampling)):
            pieces[sample].append(text)
        return ["".join(parts) for parts in pieces]

    def stream(
        self, prompt: str = "", length: Count = 500, *, stop: str | None = None, **sampling: Unpack[SamplingOptions]
    ) -> Iterator[str]:
        """Yield the text of `generate` piece by piece."""
        return (text for _, text in self._generate(1, prompt, length, stop, Sampling(**sampling)))

    def stream_many(
        self,
        samples: Size,
        prompt: str = "",
        length: Count = 500,
        *,
        stop: str | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Iterator[tuple[int, str]]:
        """Yield the texts of `generate_many` piece by piece, as (number of the sample, text)."""
        return self._generate(samples, prompt, length, stop, Sampling(**sampling))

    def session(self) -> Session:
        """Start a text that the user and the model write in turns."""

        @torch.no_grad()
        def read(text: str, state: State | None) -> tuple[npt.NDArray[np.floating], State]:
            logits, state = self._read(text, 1, state)
            return logits.numpy(), state

        return Session(self.vocabulary, read, torch.no_grad()(self._step), self.opening(), self.frozen or self._copy)

    def opening(self) -> str:
        """Return the text to start from without a prompt: a newline, or token 0 if the vocabulary has none."""
        return self.vocabulary.decode([0]) if self.vocabulary.outside("\n") else "\n"

    @torch.no_grad()
    def _generate(
        self, samples: int, prompt: str, length: int, stop: str | None, sampling: Sampling
    ) -> Iterator[tuple[int, str]]:
        """Yield (number of the sample, text) until every sample has ended."""
        self.vocabulary.check_prompt(prompt)
        writers = [TextWriter(self.vocabulary, stop) for _ in range(samples)]
        logits, state = self._read(prompt or self.opening(), samples, None)
        frozen = self.frozen or self._copy(length)
        chunks: Iterable[npt.NDArray[np.int64]]  # (n, samples)
        if frozen is None:
            chunks = (ids[None] for ids in generate(self._step, logits.numpy(), state, sampling, length))
        else:
            chunks = frozen_chunks(frozen, logits.numpy(), state, sampling, length)
        for chunk in chunks:
            for sample, (writer, ids) in enumerate(zip(writers, chunk.T, strict=True)):
                if text := writer.feed_many(ids):
                    yield sample, text
            if all(writer.done for writer in writers):
                return
        for sample, writer in enumerate(writers):
            if text := writer.close():
                yield sample, text

    def _copy(self, length: int) -> Frozen | None:
        """Return a frozen copy of the weights for generating ``length`` tokens in compiled code, if one can be made.

        It is made for every text, so that it always has the weights and held units of the model. Without a copy, and
        where something else takes part in every pass, tokens are written one by one.
        """
        model = self.model
        if length < WORTH_A_COPY or not isinstance(model, Freezable) or _observed(model):
            return None
        if model.unfreezable() is not None:
            return None
        try:
            return model.freeze("float32")
        except DivergedError:  # weights that are not finite
            return None

    def _read(self, text: str, samples: int, state: State | None) -> tuple[Tensor, State]:
        """Return logits ``(samples, V)`` after ``text``, and the state."""
        self.vocabulary.check_prompt(text)
        tokens = self.vocabulary.encode(text)
        if not len(tokens):  # tokenized text: white space only
            if state is not None:
                raise ArgumentError("text", "text with at least one token", text)
            tokens = self.vocabulary.encode(self.opening())
        ids = torch.from_numpy(tokens.astype(np.int64))[:, None]  # (T, 1)
        logits, state = self.model(ids.expand(-1, samples).to(self.device), state)
        return logits[-1].float().cpu(), state

    def _step(self, ids: npt.NDArray[np.int64], state: State) -> tuple[npt.NDArray[np.floating], State]:
        logits, state = self.model(torch.from_numpy(ids)[None].to(self.device), state)
        return logits[0].float().cpu().numpy(), state

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return device_of(self.model)


def _observed(model: nn.Module) -> bool:
    """Return whether a pass differs from the frozen copy's: dropout in training, hooks, `analysis.capture`."""
    return model.training or any(
        module._forward_hooks or module._forward_pre_hooks or vars(module).get("runner", run_clamped) is not run_clamped
        for module in model.modules()
    )
