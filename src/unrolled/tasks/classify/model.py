"""The classifier: tokens in, a logit for each class out.

x_t (B, E) embeddings → recurrent layers, one or two directions → y_t (B, O)
v = pooling of y_1 … y_L (B, O)
z = W v + b (B, C), plus W' u with a bag of n-grams u, if enabled
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ...layers.ngrams import NGramBag
from ...layers.pooling import Pooling
from .bag import Bag
from .cnn import ConvolutionalClassifier
from .config import ClassifyConfig
from .text_input import Embedding

# T steps, B texts, E embedding width, O output width of all directions, C classes


class Classifier(nn.Module):
    """``ids (T, B), lengths (B,)`` → logits ``(B, C)``.

    Args:
        symbols: the vocabulary size.
        classes: C.
        config: the options.
        vectors: initial embedding weights ``(symbols, E)``.
        size: E of a saved model.
    """

    def __init__(
        self, symbols: int, classes: int, config: ClassifyConfig, vectors: Tensor | None = None, size: int | None = None
    ) -> None:
        super().__init__()
        self.embedding = Embedding(symbols, config.reading, vectors, size)
        both = config.answer.bidirectional
        self.stack = config.model.build(self.embedding.size, bidirectional=both)
        self.pooling = Pooling(config.answer.pooling, self.stack.output_size, 1 + both)
        self.drop = nn.Dropout(config.model.rate)
        self.head = nn.Linear(self.pooling.output_size, classes)
        bag = config.answer
        self.bag: NGramBag | None = None
        if bag.ngrams:
            self.bag = NGramBag(bag.ngrams, bag.ngram_size, bag.ngram_buckets, bag.ngram_dropout)
            self.bag_head = nn.Linear(bag.ngram_size, classes, bias=False)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.answer(self.embedding(ids), ids, lengths)

    def scaled(self, ids: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """Return logits ``(B, C)`` with each token's embedding and n-grams scaled by ``present (T, B, 1)``."""
        return self.answer(self.embedding.vectors(ids) * present, ids, lengths, present[..., 0])

    def answer(self, x: Tensor, ids: Tensor, lengths: Tensor, present: Tensor | None = None) -> Tensor:
        """Return logits for texts ``ids (T, B)`` with embeddings ``x (T, B, E)``; ``present``: see `NGramBag`."""
        y, _ = self.stack(x, lengths=lengths)  # (T, B, O)
        logits: Tensor = self.head(self.drop(self.pooling(y, lengths)))
        return logits if self.bag is None else logits + self.bag_head(self.bag(ids, lengths, present))


Network = Classifier | ConvolutionalClassifier
Model = Network | Bag
NETWORKS: dict[str, Callable[..., Network]] = {"recurrent": Classifier, "cnn": ConvolutionalClassifier}
"""The kinds of model that are trained by gradient descent; the arguments are those of `Classifier`."""
