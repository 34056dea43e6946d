"""Character-level word representations: one vector for each word, from its characters.

They carry information about case, prefixes and suffixes, also for out-of-vocabulary words.

recurrent     u = [→h_n, ←h_1] over the character embeddings x_1 … x_n                  (Lample et al. 2016)
convolution   u = max_t tanh(W [x_{t-1}, x_t, x_{t+1}] + b),  x_0 = x_{n+1} = 0         (Ma and Hovy 2016)
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..cells import check_size
from ..checks import checked
from ..errors import ArgumentError
from .rnn import Stack

# L characters of the longest word, W words, E embedding_size, U output_size

PADDING = 0  # the id that fills a word up to L
WIDTH = 3  # characters in the window of the convolution


class CharacterReader(nn.Module):
    """Encode words by their characters: ``letters (L, W)`` int64, ``lengths (W,)`` → ``(W, U)``; id 0 is padding.

    Args:
        letters: number of distinct characters, padding included.
        output_size: U, width of a word's vector; must be even for the recurrent reader.
        embedding_size: E, width of a character embedding.
        reader: the encoder, ``recurrent`` or ``convolution``; see the module.
        cell: cell of the recurrent reader.

    Raises:
        ArgumentError: a size is below 1, or odd where it must be even.
    """

    @checked
    def __init__(
        self,
        letters: int,
        output_size: int,
        *,
        embedding_size: int = 25,
        reader: Literal["recurrent", "convolution"] = "convolution",
        cell: str = "lstm",
    ) -> None:
        super().__init__()
        check_size("embedding_size", embedding_size)
        check_size("output_size", output_size)
        self.embedding = nn.Embedding(letters, embedding_size, padding_idx=PADDING)
        self.output_size = output_size
        self.stack: Stack | None = None
        if reader == "recurrent":
            if output_size % 2:
                raise ArgumentError("output_size", "even: half of it for each direction", output_size)
            self.stack = Stack.build(cell, embedding_size, output_size // 2, bidirectional=True)
        else:
            self.convolution = nn.Linear(WIDTH * embedding_size, output_size)

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        """Return the vectors of the words, ``(W, U)``."""
        x = self.embedding(letters)  # (L, W, E)
        if self.stack is not None:
            y, _ = self.stack(x, lengths=lengths)  # (L, W, U)
            forward, backward = y.chunk(2, dim=2)
            last = (lengths - 1).view(1, -1, 1).expand(1, -1, forward.size(2))
            return torch.cat([forward.gather(0, last)[0], backward[0]], dim=1)
        outside = (torch.arange(x.size(0), device=x.device).unsqueeze(1) >= lengths).unsqueeze(2)  # (L, W, 1)
        x = x.masked_fill(outside, 0.0)
        edge = x.new_zeros(1, *x.shape[1:])
        padded = torch.cat([edge, x, edge])  # (L+2, W, E)
        y = torch.tanh(self.convolution(torch.cat([padded[:-2], x, padded[2:]], dim=2)))  # (L, W, U)
        return y.masked_fill(outside, -1.0).amax(dim=0)  # tanh is never below -1
