"""The tagger: words and their characters in, a score for each tag of each word out.

x_t = dropout [word embedding; character encoding]             (T, B, E + U)
h_t = recurrent layers, bidirectional by default               (T, B, H)
e_t = W dropout h_t + b                                        (T, B, K)
softmax:  log p(y) = Σ_t log softmax(e_t)[y_t]                 words independently
CRF:      log p(y) as in layers/crf.py                         words jointly
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...data.tags import OUTSIDE, follows
from ...layers import CRF, CharacterReader, LockedDropout
from ..common.recurrent import Recurrent
from .config import Words
from .words import UNKNOWN_LETTER, Lexicon, Sentences, TagSet

# T words, B sentences, E embedding_size, U character_size, H output width, K tags, L characters, W distinct words


class Tagger(nn.Module):
    """`Sentences` → scores ``(T, B, K)``; see the module.

    Args:
        lexicon: the words and characters of the vocabulary.
        tags: the K tags; a CRF assigns probability 0 to sequences that violate their scheme.
        recurrent: the options of the recurrent layers.
        options: the options of the embeddings and the output layer.
    """

    def __init__(self, lexicon: Lexicon, tags: TagSet, recurrent: Recurrent, options: Words) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(lexicon.words) + 1, options.embedding_size)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.characters: CharacterReader | None = None
        width = options.embedding_size
        if options.characters != "none":
            self.characters = CharacterReader(
                len(lexicon.letters) + UNKNOWN_LETTER + 1,
                options.character_size,
                embedding_size=options.letter_size,
                reader=options.characters,
            )
            width += options.character_size
        locked = recurrent.locked_dropout
        self.drop: nn.Module = LockedDropout(recurrent.rate) if locked else nn.Dropout(recurrent.rate)
        self.stack = recurrent.build(width, bidirectional=options.bidirectional)
        self.head = nn.Linear(self.stack.output_size, len(tags))
        self.crf = constrained(tags) if options.crf else None

    def forward(self, batch: Sentences) -> Tensor:
        """Return scores ``(T, B, K)``; those of padding are undefined."""
        return self.score(self.embed(batch), batch.lengths)

    def embed(self, batch: Sentences) -> Tensor:
        """Return the embedding of each word, ``(T, B, E + U)``."""
        x = self.embedding(batch.words)  # (T, B, E)
        if self.characters is None:
            return x
        encoded = self.characters(batch.letters, batch.letter_lengths)  # (W, U)
        return torch.cat([x, encoded[batch.spelling]], dim=2)

    def embed_rows(self, words: Tensor) -> Tensor:
        """Return the embeddings ``(T, B, E + U)`` of words given as rows ``(T, B, 1 + LETTERS)`` (`Lexicon.rows`)."""
        x = self.embedding(words[..., 0])  # (T, B, E)
        if self.characters is None:
            return x
        letters = words[..., 1:].flatten(0, 1).t()  # (L, T·B)
        encoded = self.characters(letters, (letters != 0).sum(0).clamp(min=1))  # (T·B, U)
        return torch.cat([x, encoded.unflatten(0, words.shape[:2])], dim=2)

    def score(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return scores ``(T, B, K)`` for embedded words ``x (T, B, E + U)``."""
        y, _ = self.stack(self.drop(x), lengths=lengths)  # (T, B, H)
        return self.head(self.drop(y))

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return ``log p(y)`` of each sentence, ``(B,)``, for ``tags (T, B)``."""
        if self.crf is not None:
            return self.crf(scores, tags, lengths)
        inside = torch.arange(len(tags), device=tags.device).unsqueeze(1) < lengths
        log_p = scores.log_softmax(dim=2).gather(2, tags.unsqueeze(2)).squeeze(2)  # (T, B)
        return log_p.masked_fill(~inside, 0.0).sum(dim=0)

    def best(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the most probable tags ``(T, B)``."""
        return scores.argmax(dim=2) if self.crf is None else self.crf.best(scores, lengths)

    def log_marginals(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return ``log p(y_t = k)``, ``(T, B, K)``; differentiable."""
        return scores.log_softmax(dim=2) if self.crf is None else self.crf.log_marginals(scores, lengths)

    def log_probability(self, scores: Tensor, allowed: Tensor, lengths: Tensor) -> Tensor:
        """Return ``log p(y_t ∈ S_t for all t)``, ``(B,)``, for the sets S_t of tags ``allowed (T, B, K)`` bool."""
        if self.crf is not None:
            return self.crf.log_probability(scores, allowed, lengths)
        inside = torch.arange(len(scores), device=scores.device).unsqueeze(1) < lengths
        log_p = scores.log_softmax(dim=2).masked_fill(~allowed, -torch.inf).logsumexp(dim=2)  # (T, B)
        return log_p.masked_fill(~inside, 0.0).sum(dim=0)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the marginal probabilities ``p(y_t = k)``, ``(T, B, K)``."""
        return scores.softmax(dim=2) if self.crf is None else self.crf.marginals(scores, lengths)


def constrained(tags: TagSet) -> CRF:
    """Build a CRF that allows only the transitions of the tagging scheme."""
    if tags.plain:
        return CRF(len(tags))
    names, scheme = tags.tags, tags.scheme
    device = torch.device("cpu")  # also under the meta device
    allowed = torch.tensor([[follows(a, b, scheme) for b in names] for a in names], device=device)
    begins = torch.tensor([follows(OUTSIDE, b, scheme) for b in names], device=device)
    ends = torch.tensor([follows(a, OUTSIDE, scheme) for a in names], device=device)
    return CRF(len(tags), allowed, begins, ends)
