"""A linear-chain conditional random field over tags.

With the emission scores e_t(j) of tag j for word t, the scores a(j) and b(j) of starting and ending with tag j, and the
transition scores A(i, j) from tag i to j:

    (1)  s(y)     = a(y_1) + Σ_t e_t(y_t) + Σ_{t>1} A(y_{t-1}, y_t) + b(y_T)
    (2)  α_1(j)   = a(j) + e_1(j)
         α_t(j)   = e_t(j) + log Σ_i exp(α_{t-1}(i) + A(i, j))
    (3)  log Z    = log Σ_j exp(α_T(j) + b(j))                       the log-partition, over all tag sequences
    (4)  log p(y) = s(y) − log Z
    (5)  δ_t(j)   = e_t(j) + max_i (δ_{t-1}(i) + A(i, j))            Viterbi: (2) with max, and back-pointers
    (6)  p(y_t = j) = ∂ log Z / ∂ e_t(j)
    (7)             = exp(α_t(j) + β_t(j) − log Z),  β_T = b,  β_{t-1}(i) = log Σ_j exp(A(i, j) + e_t(j) + β_t(j))
    (8)  log p(y_t ∈ S_t for all t) = log Z of the tags in S_t only − log Z

Lafferty, McCallum and Pereira 2001; on a recurrent network: Lample et al. 2016, section 2.2; (8): Culotta and McCallum
2004, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..checks import checked
from ..errors import ArgumentError, ShapeError
from ..kernels.operators import check_range

# T steps, B sentences, K tags

FORBIDDEN = -1e4  # added to the score of forbidden tags and transitions; finite, so that no gradient is NaN


class CRF(nn.Module):
    """A linear-chain CRF, equations (1) to (7) of the module, over a padded batch of sentences.

    Args:
        tags: K, number of tags.
        allowed: ``(K, K)`` bool, whether tag j may follow tag i; `None`: always.
        begins: ``(K,)`` bool, whether a sentence may begin with tag k; `None`: always.
        ends: ``(K,)`` bool, whether a sentence may end with tag k; `None`: always.

    Raises:
        ArgumentError: there are no tags, or a mask is false everywhere.
        ShapeError: a mask has the wrong shape or dtype.

    >>> crf = CRF(5)
    >>> emissions, lengths = torch.zeros(4, 2, 5), torch.tensor([4, 2])
    >>> crf(emissions, torch.zeros(4, 2, dtype=torch.int64), lengths).shape, crf.best(emissions, lengths).shape
    (torch.Size([2]), torch.Size([4, 2]))
    """

    allowed: Tensor
    begins: Tensor
    ends: Tensor

    @checked
    def __init__(
        self, tags: int, allowed: Tensor | None = None, begins: Tensor | None = None, ends: Tensor | None = None
    ) -> None:
        super().__init__()
        if tags < 1:
            raise ArgumentError("tags", "at least 1", tags)
        self.follow = nn.Parameter(torch.zeros(tags, tags))  # A
        self.begin = nn.Parameter(torch.zeros(tags))  # a
        self.end = nn.Parameter(torch.zeros(tags))  # b
        masks = {"allowed": (allowed, (tags, tags)), "begins": (begins, (tags,)), "ends": (ends, (tags,))}
        for name, (mask, shape) in masks.items():
            mask = torch.ones(shape, dtype=torch.bool) if mask is None else mask
            if mask.shape != shape or mask.dtype != torch.bool:
                raise ShapeError(f"{name} must be {shape} bool, got {tuple(mask.shape)} {mask.dtype}")
            if not mask.any():
                raise ArgumentError(name, "true somewhere", "all false")
            self.register_buffer(name, mask, persistent=False)

    def forward(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Compute (4): ``emissions (T, B, K)``, ``tags (T, B)`` int64, ``lengths (B,)`` → log-probabilities ``(B,)``.

        Padding is ignored, even a tag of −100 or an emission of NaN. The same holds for all methods.

        Raises:
            ShapeError: the shapes or dtypes do not fit, or a tag or length is out of range.
        """
        return self.score(emissions, tags, lengths) - self.log_partition(emissions, lengths)

    def score(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Compute (1), the scores ``(B,)`` of the given tags."""
        follow, begin, end = self.transitions()
        emissions, inside = self._inside(emissions, lengths)  # (T, B)
        tags = self._inside_tags(tags, inside)
        own = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)  # (T, B)
        steps = follow[tags[:-1], tags[1:]]  # (T-1, B)
        total = own.sum(0) + (steps * inside[1:]).sum(0)
        last = tags.gather(0, (lengths - 1).unsqueeze(0)).squeeze(0)  # (B,)
        return total + begin[tags[0]] + end[last]

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Compute (3), ``(B,)``."""
        emissions, inside = self._inside(emissions, lengths)
        return torch.logsumexp(self._forward(emissions, inside)[-1] + self.transitions()[2], dim=1)

    def _forward(self, emissions: Tensor, inside: Tensor) -> list[Tensor]:
        """Compute (2): α_t of every step, ``(B, K)`` each; past the end of a sentence it is kept."""
        follow, begin, _ = self.transitions()
        alpha = [begin + emissions[0]]
        for t in range(1, emissions.size(0)):
            after = emissions[t] + torch.logsumexp(alpha[-1].unsqueeze(2) + follow, dim=1)
            alpha.append(torch.where(inside[t].unsqueeze(1), after, alpha[-1]))
        return alpha

    @torch.no_grad()
    def best(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return the most probable tags by (5), ``(T, B)``, 0 past the end of a sentence (Viterbi decoding)."""
        follow, begin, end = self.transitions()
        emissions, inside = self._inside(emissions, lengths)  # (T, B)
        delta = begin + emissions[0]  # (B, K)
        pointers: list[Tensor] = []  # (B, K), the best previous tag of each tag; past the end: the tag itself
        stay = torch.arange(self.begin.numel(), device=emissions.device).expand_as(delta)
        for t in range(1, emissions.size(0)):
            value, previous = (delta.unsqueeze(2) + follow).max(dim=1)
            delta = torch.where(inside[t].unsqueeze(1), emissions[t] + value, delta)
            pointers.append(torch.where(inside[t].unsqueeze(1), previous, stay))
        tag = (delta + end).argmax(dim=1)  # (B,) at the last word
        tags = [tag]
        for previous in reversed(pointers):
            tag = previous.gather(1, tag.unsqueeze(1)).squeeze(1)
            tags.append(tag)
        return torch.stack(tags[::-1]) * inside

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return the marginals (6), computed by (7): ``(T, B, K)``, zero past the end of a sentence; differentiable."""
        inside = self._inside(emissions, lengths)[1]
        return self.log_marginals(emissions, lengths).exp() * inside.unsqueeze(2)

    def log_marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return the logarithms of (7), ``(T, B, K)``, undefined past the end of a sentence; differentiable.

        Their differences are exact also where a probability is 1 in floating point.
        """
        follow, _, end = self.transitions()
        emissions, inside = self._inside(emissions, lengths)
        alpha = self._forward(emissions, inside)
        log_Z = torch.logsumexp(alpha[-1] + end, dim=1, keepdim=True)  # (B, 1)
        beta = end.expand_as(alpha[-1])
        found = [alpha[-1] + beta - log_Z]
        for t in range(emissions.size(0) - 1, 0, -1):
            before = torch.logsumexp(follow + (emissions[t] + beta).unsqueeze(1), dim=2)
            beta = torch.where(inside[t].unsqueeze(1), before, beta)
            found.append(alpha[t - 1] + beta - log_Z)
        return torch.stack(found[::-1])

    def log_probability(self, emissions: Tensor, allowed: Tensor, lengths: Tensor) -> Tensor:
        """Compute (8), ``(B,)``, for ``allowed (T, B, K)`` bool: the tags allowed at each word."""
        restricted = torch.where(allowed, emissions, FORBIDDEN)
        return self.log_partition(restricted, lengths) - self.log_partition(emissions, lengths)

    def transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return A ``(K, K)``, a and b ``(K,)`` with `FORBIDDEN` added where the masks are false."""
        return (
            self.follow + FORBIDDEN * ~self.allowed,
            self.begin + FORBIDDEN * ~self.begins,
            self.end + FORBIDDEN * ~self.ends,
        )

    def _inside(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the emissions, 0 past the end of a sentence, and a mask ``(T, B)``, true before the end."""
        K = self.begin.numel()
        if emissions.dim() != 3 or emissions.size(2) != K or not emissions.size(0) or not emissions.is_floating_point():
            raise ShapeError(f"emissions must be (T, B, {K}) with T at least 1, got {_describe(emissions)}")
        T, B = emissions.shape[:2]
        if not isinstance(lengths, Tensor) or lengths.shape != (B,) or lengths.is_floating_point():
            raise ShapeError(f"lengths must be ({B},) int64, got {_describe(lengths)}")
        check_range("lengths", lengths, 1, T)
        inside = torch.arange(T, device=lengths.device).unsqueeze(1) < lengths
        return torch.where(inside.unsqueeze(2), emissions, 0.0), inside

    def _inside_tags(self, tags: Tensor, inside: Tensor) -> Tensor:
        """Return the tags, 0 past the end of a sentence."""
        if not isinstance(tags, Tensor) or tags.shape != inside.shape or tags.dtype != torch.int64:
            raise ShapeError(f"tags must be {tuple(inside.shape)} int64, got {_describe(tags)}")
        tags = torch.where(inside, tags, 0)
        check_range("tags", tags, 0, self.begin.numel() - 1)
        return tags


def _describe(value: object) -> str:
    """Return shape and dtype of a tensor, or the name of another type."""
    return f"{tuple(value.shape)} {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
