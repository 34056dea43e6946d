"""The tagger: words and their letters in, a score for each tag of each word out.

x_t = dropout [embedding of the word; its letters, read]      (T, B, E + U)
h_t = recurrent layers, in both directions unless told not to  (T, B, H)
e_t = W dropout h_t + b                                        (T, B, K)
softmax:  log p(y) = Σ_t log softmax(e_t)[y_t]                 each word for itself
CRF:      log p(y) as in layers/crf.py                         all words together
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...data.tags import OUTSIDE, follows
from ...layers import CRF, CharacterReader, LockedDropout
from ..common.recurrent import Recurrent
from .config import Words
from .words import UNKNOWN_LETTER, Lexicon, Sentences, TagSet

# T words, B sentences, E embedding_size, U character_size, H output of the layers, K tags, L letters, W distinct words


class Tagger(nn.Module):
    """`Sentences` → scores ``(T, B, K)``; see the module.

    Args:
        lexicon: words and letters.
        tags: the K tags; a CRF gives no probability to what their scheme forbids.
        recurrent: the layers.
        options: the rest.
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
        self.drop: nn.Module = LockedDropout(recurrent.dropout) if locked else nn.Dropout(recurrent.dropout)
        self.stack = recurrent.build(width, bidirectional=options.bidirectional)
        self.head = nn.Linear(self.stack.output_size, len(tags))
        self.crf = constrained(tags) if options.crf else None

    def forward(self, batch: Sentences) -> Tensor:
        """Scores ``(T, B, K)``; past a sentence's end they mean nothing."""
        return self.score(self.embed(batch), batch.lengths)

    def embed(self, batch: Sentences) -> Tensor:
        """What stands for each word, ``(T, B, E + U)``."""
        x = self.embedding(batch.words)  # (T, B, E)
        if self.characters is None:
            return x
        of_words = self.characters(batch.letters, batch.letter_lengths)  # (W, U)
        return torch.cat([x, of_words[batch.spelling]], dim=2)

    def embed_rows(self, words: Tensor) -> Tensor:
        """The same of rows ``(T, B, 1 + LETTERS)`` (`Lexicon.rows`), each spelled for itself."""
        x = self.embedding(words[..., 0])  # (T, B, E)
        if self.characters is None:
            return x
        letters = words[..., 1:].flatten(0, 1).t()  # (L, T·B)
        read = self.characters(letters, (letters != 0).sum(0).clamp(min=1))  # (T·B, U)
        return torch.cat([x, read.unflatten(0, words.shape[:2])], dim=2)

    def score(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Scores ``(T, B, K)`` from embedded words."""
        y, _ = self.stack(self.drop(x), lengths=lengths)  # (T, B, H)
        return self.head(self.drop(y))

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """``log p(y)`` of each sentence, ``(B,)``; ``tags (T, B)``."""
        if self.crf is not None:
            return self.crf(scores, tags, lengths)
        inside = torch.arange(len(tags), device=tags.device).unsqueeze(1) < lengths
        own = scores.log_softmax(dim=2).gather(2, tags.unsqueeze(2)).squeeze(2)  # (T, B)
        return own.masked_fill(~inside, 0.0).sum(dim=0)

    def best(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """The most probable tags ``(T, B)``."""
        return scores.argmax(dim=2) if self.crf is None else self.crf.best(scores, lengths)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """``p(y_t = k)``, ``(T, B, K)``."""
        return scores.softmax(dim=2) if self.crf is None else self.crf.marginals(scores, lengths)


def constrained(tags: TagSet) -> CRF:
    """A CRF that knows which tag may follow which."""
    if tags.plain:
        return CRF(len(tags))
    names, scheme = tags.tags, tags.scheme
    device = torch.device("cpu")  # also where the model has none yet
    allowed = torch.tensor([[follows(a, b, scheme) for b in names] for a in names], device=device)
    begins = torch.tensor([follows(OUTSIDE, b, scheme) for b in names], device=device)
    ends = torch.tensor([follows(a, OUTSIDE, scheme) for a in names], device=device)
    return CRF(len(tags), allowed, begins, ends)
