"""The contribution of each token to the prediction of a classifier.

    m(x) = z_c − z_r        the margin of the predicted class c against the most probable other class r, logits z
         = log p(c) − log p(r)                                with two classes the log-odds of c

The gradient of the probability vanishes at certainty, that of the margin does not. `integrated_gradients` divides the
margin among the tokens: token t has a weight a_t, which scales its vector and its share of every n-gram that contains
it. With all a_t = 0 the vectors are zero and there are no n-grams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...analysis.saliency import AT_ONCE, integrated_gradients
from ...data.batches import pad
from ...results import Margin, Piece

if TYPE_CHECKING:
    from .trained import TrainedClassifier

NUMBERS = 1 << 23  # in the vectors of one pass: one-hot vectors are as wide as the vocabulary


def explained(classifier: TrainedClassifier, text: str, chosen: int, other: int) -> tuple[Margin, float, list[Piece]]:
    """Return the margin of class ``chosen`` against ``other``, the largest contribution in nats, and the pieces of the
    text with their weights."""
    model, reader, classes = classifier.model, classifier.reader, classifier.classes
    encoded = reader.encode(text)
    ids, lengths = (part.to(classifier.device) for part in pad([encoded]))

    def margin(present: Tensor) -> Tensor:
        N = present.size(1)
        logits = model.scaled(ids.repeat(1, N), lengths.repeat(N), present)
        return logits[:, chosen] - logits[:, other]

    ones = torch.ones(len(encoded), 1, device=classifier.device)
    found = integrated_gradients(margin, ones, at_once=min(AT_ONCE, NUMBERS // model.embedding.size))
    nats = found.weights.tolist()
    scale = max(map(abs, nats)) or 1.0
    pieces = []
    for piece, number in reader.pieces(text):
        if number is None:
            pieces.append(Piece(piece))
            continue
        unknown = (piece,) if encoded[number] == reader.vocabulary.unknown else ()
        speaks_for = classes[chosen if nats[number] > 0 else other]
        pieces.append(Piece(piece, weight=nats[number] / scale, speaks_for=speaks_for, unknown=unknown))
    return Margin(classes[chosen], classes[other], found.value, found.baseline), scale, pieces
