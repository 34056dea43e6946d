"""The loss of a captioner.

    L       = −(1/M) Σ log p(w_t | w_1 … w_{t−1}, picture)             nats per token of M tokens, including the end
    soft    + λ mean_i (1 − Σ_t a_ti)²                                 doubly stochastic attention
    hard    − (ρ/M) Σ_t (R_t − b_t) log a_{t l_t} − (η L/M) Σ_t H(a_t)  l_t the sampled place, H the entropy; no
                                                                       gradient through this L
            R_t = log p(w_t) + γ R_{t+1},  γ = 0.5                     no gradient through it
            b_t ← 0.95 b_t + 0.05 mean of R_t over the batch           moving baseline

Xu et al. 2015, sections 4.1 and 4.2.1; Williams 1992. There b is one number and γ = 1; a baseline for each position and
a shorter horizon have a smaller variance, because the place of a word matters most to that word. A share of the
captions reads the weighted mean instead of a sampled place: 1/2 as in section 4.1, and all of them at the beginning.
The entropy term is a share of the loss: at a constant weight it outgrows the small rewards of a good captioner and
spreads its attention again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cells.attentive import located
from ...layers.decoder import inside
from .caption_decoder import REMEMBERED, CaptionDecoder

DISCOUNT = 0.5
KEPT = 0.95

# T tokens, N captions, S places, M tokens that are not padding


def caption_loss(
    model: CaptionDecoder,
    outputs: Tensor,
    weights: Tensor | None,
    target: Tensor,
    lengths: Tensor,
    draws: Tensor | None,
) -> Tensor:
    """Return the loss.

    Args:
        model: the captioner; with hard attention its moving baseline is updated.
        outputs, weights: see `CaptionDecoder.forward`.
        target: ``(T, N)``, the tokens of captions of ``lengths (N,)``.
        draws: ``(T, N)``, with hard attention.
    """
    options, mask = model.options, inside(target.size(0), lengths)
    logits, true = model.logits(outputs[mask]).float(), target[mask]
    loss = F.cross_entropy(logits, true, label_smoothing=options.label_smoothing)
    if weights is None:
        return loss
    if options.attention == "soft":
        if options.doubly_stochastic:
            loss = loss + options.doubly_stochastic * (1 - weights.sum(0)).square().mean()
        return loss
    assert draws is not None
    a = weights[mask]  # (M, S)
    entropy = -(a * a.clamp(min=1e-10).log()).sum(1).mean()
    with torch.no_grad():
        reward = torch.zeros(target.shape, device=target.device)
        reward[mask] = logits.log_softmax(1).gather(1, true[:, None]).squeeze(1)
        sampled = mask & (draws < 1)
        advantage = _advantage(model.baseline, reward, mask, sampled)
    log_a = a.gather(1, located(weights.detach(), draws)[mask][:, None]).squeeze(1).clamp(min=1e-10).log()
    exploration = options.entropy * loss.detach() * entropy
    return loss - options.reward * (advantage[mask] * sampled[mask] * log_a).mean() - exploration


def _advantage(baseline: Tensor, reward: Tensor, mask: Tensor, sampled: Tensor) -> Tensor:
    """Return R_t − b_t ``(T, N)``, and update b, of captions with sampled places."""
    total, returns = torch.zeros_like(reward[0]), torch.zeros_like(reward)
    for t in reversed(range(len(reward))):
        total = torch.where(mask[t], reward[t] + DISCOUNT * total, 0.0)
        returns[t] = total
    at = torch.arange(len(reward), device=reward.device).clamp(max=REMEMBERED - 1)
    counts = sampled.sum(1)
    means = (returns * sampled).sum(1) / counts.clamp(min=1)
    advantage = returns - torch.where(baseline[at] == 0, means, baseline[at])[:, None]
    first = (counts > 0) & (torch.arange(len(reward), device=reward.device) < REMEMBERED)
    old, new = baseline[at[first]], means[first]
    baseline[at[first]] = torch.where(old == 0, new, KEPT * old + (1 - KEPT) * new)
    return advantage
