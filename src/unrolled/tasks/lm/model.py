"""The recurrent language model, and the choice between the kinds of model."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...analysis.clamp import bare_cells
from ...cells import CELLS, State
from ...cells.init import initialise_for_tokens
from ...errors import ArgumentError, BackendError
from ...kernels.generation import Frozen, freeze, unsupported
from ...kernels.packing import Precision
from ...layers import LockedDropout
from ...layers.vocabulary_loss import linear_cross_entropy
from ..common.recurrent import Recurrent
from ..common.stepwise import state_names
from .adaptive import AdaptiveHead
from .config import LanguageModelConfig, Windows
from .embedding import WordEmbedding
from .feedforward import FEATURES, FeedForward
from .transformer import Transformer

# T steps, B lanes, V vocabulary size

ONE_HOT_UP_TO = 512  # tokens; larger vocabularies get an embedding by default
FUSED_FROM = 4096  # tokens; the loss of larger vocabularies is computed without storing the logits


class LanguageModel(nn.Module):
    """``ids (T, B)`` → logits ``(T, B, V)`` of each next token.

    Args:
        symbols: V, the vocabulary size.
        recurrent: the options of the recurrent layers.
        windows: the options of the embedding and the head. If a tied embedding has another width than the input of the
            head, a projection is before it (Inan et al. 2017).

    Raises:
        ArgumentError: there is no embedding for its dropout, or too small a vocabulary for an adaptive softmax.
    """

    def __init__(self, symbols: int, recurrent: Recurrent, windows: Windows) -> None:
        super().__init__()
        size = windows.embedding_size
        if size is None:
            top = recurrent.proj_size or recurrent.hidden_size
            size = 0 if symbols <= ONE_HOT_UP_TO and not windows.tied else top
        self.symbols, self.head_reads = symbols, windows.head
        rates, locked = (windows.word_dropout, windows.embedding_dropout), recurrent.locked_dropout
        if max(rates) > 0 and not size:
            remedy = "give the model an embedding with --embedding-size"
            name = "word_dropout" if rates[0] else "embedding_dropout"
            raise ArgumentError(name, "omitted with one-hot tokens", max(rates), remedy)
        self.embedding = WordEmbedding(symbols, size, *rates, locked) if size else None
        self.stack = recurrent.build(size or symbols)
        bounded = recurrent.nonlinearity == "tanh"
        if self.embedding is None and recurrent.cell in CELLS and recurrent.init == "torch" and bounded:
            initialise_for_tokens(next(iter(self.stack.cells)))
        rate = recurrent.rate if windows.output_dropout is None else windows.output_dropout
        self.drop = LockedDropout(rate) if locked else nn.Dropout(rate)
        width = self.stack.output_size * (recurrent.num_layers if windows.head == "concat" else 1)
        self.projection = nn.Linear(width, size, bias=False) if windows.tied and width != size else None
        self.head: nn.Linear | AdaptiveHead
        self.head = AdaptiveHead(width, symbols) if windows.softmax == "adaptive" else nn.Linear(width, symbols)
        if windows.tied:
            assert self.embedding is not None
            nn.init.normal_(self.embedding.weight, std=size**-0.5)
            _scale_inputs(next(self.stack.cells), size**0.5)
            del self.head.weight  # forward uses the embedding's
        self.tied = windows.tied
        if windows.init_range:
            for parameter in self.parameters():
                nn.init.uniform_(parameter, -windows.init_range, windows.init_range)

    def forward(self, ids: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """Return logits ``(T, B, V)`` and the final state; ``resets (T, B)`` mark the first steps of documents."""
        y, state = self.read(ids, state, resets)
        return self.logits(y), state

    def read(self, ids: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """Return the input of the head, ``(T, B, ·)``, and the final state."""
        x = ids.long() if self.embedding is None else self.embedding(ids)  # (T, B): one-hot; or (T, B, E)
        outputs, state = self.stack.run(x, state, resets=resets)  # one per layer
        outputs[-1] = self.drop(outputs[-1])
        match self.head_reads:
            case "last":
                y = outputs[-1]
            case "sum":
                y = torch.stack(outputs).sum(dim=0) if len(outputs) > 2 else sum(outputs[1:], outputs[0])
            case _:
                y = torch.cat(outputs, dim=-1)
        return y, state

    def logits(self, y: Tensor) -> Tensor:
        """Apply the head: ``y (…, ·)`` → logits ``(…, V)``."""
        if isinstance(self.head, AdaptiveHead):
            log_probabilities: Tensor = self.head(y)
            return log_probabilities
        return F.linear(self._projected(y), self._output_weight, self.head.bias)

    def loss(self, ids: Tensor, targets: Tensor, state: State | None, resets: Tensor | None) -> tuple[Tensor, State]:
        """Return the mean loss over ``targets (T, B)``, in nats, and the final state."""
        y, state = self.read(ids, state, resets)
        targets = targets.flatten()
        if isinstance(self.head, AdaptiveHead):
            return self.head.loss(y.flatten(0, 1), targets), state
        if self.symbols < FUSED_FROM:
            return F.cross_entropy(self.logits(y).flatten(0, 1), targets), state
        y = self._projected(y).flatten(0, 1)
        return linear_cross_entropy(y, self._output_weight, self.head.bias, targets), state

    def _projected(self, y: Tensor) -> Tensor:
        return y if self.projection is None else self.projection(y)

    @property
    def _output_weight(self) -> Tensor:
        """The output weights, ``(V, width of the head or of the projection)``."""
        weight = self.embedding.weight if self.tied and self.embedding else self.head.weight
        assert isinstance(weight, Tensor)
        return weight

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step."""
        return self.stack.initial_state(batch_size)

    @property
    def head_weight(self) -> Tensor:
        """The output weights, with the projection if there is one: ``(V, input width of the head)``."""
        weight = self._output_weight
        return weight if self.projection is None else weight @ self.projection.weight

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the leaves of the state, in order."""
        return state_names(self.stack)

    def unfreezable(self) -> str | None:
        """Return the reason why `freeze` cannot copy this model; `None` if it can."""
        if self.stack.mixing is not None:
            return "it has feedforward blocks between its layers (feedforward_size)"
        if isinstance(self.head, AdaptiveHead):
            return "its output layer is an adaptive softmax"
        return unsupported(bare_cells(self.stack.cells)[0])

    def freeze(self, precision: Precision = "float32") -> Frozen:
        """Copy the weights, and the held units, for generation in compiled code; see `unrolled.kernels.generation`.

        Raises:
            BackendError: the model cannot be frozen; see `unfreezable`.
        """
        if self.stack.mixing is not None or isinstance(self.head, AdaptiveHead):
            raise BackendError(f"the model cannot be frozen: {self.unfreezable()}; use the model without freeze()")
        cells, held = bare_cells(self.stack.cells)
        return freeze(
            cells,
            None if self.embedding is None else self.embedding.weight,
            self.head_weight,
            self.head.bias,
            reads=self.head_reads,
            residual=self.stack.residual,
            precision=precision,
            held=held,
        )


@torch.no_grad()
def _scale_inputs(cell: nn.Module, factor: float) -> None:
    """Scale the initial input weights of a cell: tied embeddings begin small, as output weights do."""
    weight = getattr(cell, "weight_ih", None)
    if isinstance(weight, Tensor):
        weight.mul_(factor)


class LogProbabilities(nn.Module):
    """``ids (T, B)`` → log-probabilities ``(T, B, V)`` of each next token, for any kind of language model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the log-probabilities, in nats, and the final state."""
        logits, state = self.model(ids, state)
        return F.log_softmax(logits.float(), dim=-1), state

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step."""
        model: Any = self.model
        return model.initial_state(batch_size)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the leaves of the state, in order."""
        model: Any = self.model
        names: tuple[str, ...] = model.states
        return names


def new_model(symbols: int, config: LanguageModelConfig) -> nn.Module:
    """Build an untrained model of any kind but ``ngram`` for a vocabulary of ``symbols`` tokens."""
    other, model, windows = config.baseline, config.model, config.windows
    if other.kind == "recurrent":
        return LanguageModel(symbols, model, windows)
    assert other.context is not None
    if other.kind == "transformer":
        return Transformer(
            symbols, model.hidden_size, model.num_layers, other.heads, other.context, model.rate, windows.tied
        )
    features = windows.embedding_size or FEATURES
    return FeedForward(symbols, other.context, features, model.hidden_size, model.rate, other.direct)
