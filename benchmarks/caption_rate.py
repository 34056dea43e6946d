"""Speed of the captioner, compared with a plain PyTorch loop.    python benchmarks/caption_rate.py [--write]

The peer is the same model with the same weights as usually implemented: a Python loop of attention with its gate and
nn.LSTMCell over the words of a padded batch. Both read features of 7 × 7 × 320 numbers. Training: captions per second
on the same batches, including the update; captions of the same picture are together, as in the task, and the peer
encodes the picture of each caption, as loaders of pairs do. With --write: pictures per second with a beam of 5, where
the peer decodes one picture at a time with its five hypotheses as a batch. Both sides must give the same loss and the
same captions, or the benchmark stops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import Work
from unrolled.layers.decoder import inside
from unrolled.tasks.caption.config import CaptionConfig, Decoding
from unrolled.tasks.caption.losses import caption_loss
from unrolled.tasks.caption.model import Captioner
from unrolled.tasks.caption.task import TOGETHER
from unrolled.tasks.caption.trained import TrainedCaptioner
from unrolled.tasks.common.language import BEGIN, Language, Tokenization, shifted
from unrolled.training.config import update
from unrolled.training.process import keep_freed_memory
from writers import beam, timed, train_or_write, updates

STEPS, N, WORDS = 8, 64, 2_500  # batches per repetition, captions of a batch, vocabulary
PICTURES, LIMIT = 48, 20  # per repetition; words of a caption
SHAPE = (7, 7, 320)
SIZES: dict[str, dict[str, Any]] = {"256": {"hidden_size": 256}, "512": {"hidden_size": 512}}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Peer(nn.Module):
    """Xu's captioner with soft attention as in many tutorials."""

    def __init__(self, model: Captioner) -> None:
        super().__init__()
        assert model.attention is not None
        inner: Any = model.attention.cell
        (V, E), C, H = model.target.weight.shape, model.options.encoder_size, inner.hidden_size
        self.place, self.mean, self.deviation = nn.Parameter(model.place.detach().clone()), model.mean, model.deviation
        self.project, self.bridge = nn.Linear(SHAPE[2], C), nn.Linear(C, 2 * H)
        self.target = nn.Embedding(V, E)
        self.key, self.query, self.v = nn.Linear(C, H), nn.Linear(H, H, bias=False), nn.Linear(H, 1, bias=False)
        self.gate, self.cell = nn.Linear(H, 1), nn.LSTMCell(E + C, H)
        self.readout, self.output = nn.Linear(H + C + E, E), nn.Linear(E, V)
        attention = model.attention
        assert attention.gate is not None
        assert model.bridge is not None
        modules = [(self.project, model.project), (self.bridge, model.bridge), (self.key, attention.key),
                   (self.gate, attention.gate), (self.readout, model.readout), (self.output, model.output)]  # fmt: skip
        with torch.no_grad():
            for mine, theirs in modules:
                mine.weight.copy_(theirs.weight)
                mine.bias.copy_(theirs.bias)
            self.target.weight.copy_(model.target.weight)
            self.query.weight.copy_(attention.query.weight)
            self.v.weight.copy_(attention.v[None])
            for name in WEIGHTS:
                getattr(self.cell, name).copy_(getattr(inner, name))

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.project(((pictures.float() - self.mean) / self.deviation).flatten(1, 2))
        h = torch.relu(x + self.place)  # (N, S, C)
        s, c = torch.tanh(self.bridge(h.mean(1))).chunk(2, 1)
        return h, self.key(h), s, c

    def step(self, ids: Tensor, s: Tensor, c: Tensor, h: Tensor, keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.target(ids)
        a = self.v(torch.tanh(self.query(s)[:, None] + keys)).squeeze(2).softmax(1)  # (N, S)
        context = torch.sigmoid(self.gate(s)) * (a[:, :, None] * h).sum(1)
        s, c = self.cell(torch.cat([x, context], 1), (s, c))
        return self.output(torch.tanh(self.readout(torch.cat([s, context, x], 1)))), s, c

    def forward(self, pictures: Tensor, before: Tensor) -> Tensor:
        h, keys, s, c = self.encode(pictures)
        logits = []
        for ids in before:
            scores, s, c = self.step(ids, s, c, h, keys)
            logits.append(scores)
        return torch.stack(logits)


def best(peer: Peer, pictures: Tensor, options: Decoding) -> list[int]:
    """Return the best caption of one picture ``(1, 7, 7, 320)``."""
    h, keys, s, c = peer.encode(pictures)

    def step(ids: Tensor, s: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        return peer.step(ids, s, c, h.expand(len(ids), -1, -1), keys.expand(len(ids), -1, -1))

    return beam(step, (s, c), LIMIT, options, never=(BEGIN, 2))  # 2: the unknown word


def prepared(size: str) -> tuple[TrainedCaptioner, Captioner]:
    config = update(CaptionConfig(), encoder="photos", dropout=0.0, tied=False, **SIZES[size])
    torch.manual_seed(0)
    text = " ".join(f"w{n}" for n in range(WORDS))
    language = Language.build([text], "word", Tokenization(vocabulary="word", min_count=1), "caption")
    model = Captioner(len(language), SHAPE, config.model, config.captioner, None)
    with torch.no_grad():
        model.output.weight.mul_(8)  # distinct probabilities, so that rounding does not change the best caption
    return TrainedCaptioner(model, language, config, LIMIT), model


def batches(symbols: int) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Return pictures, the picture of each caption, targets and lengths; captions of similar length are together."""
    rows = torch.arange(N) // TOGETHER
    generator = torch.Generator().manual_seed(1)
    found = []
    for step in range(STEPS):
        lengths = torch.randint(7 + step, 11 + step, (N,), generator=generator)
        target = torch.randint(3, symbols, (int(lengths.max()), N), generator=generator)
        target[~inside(len(target), lengths)] = 0
        pictures = torch.randn(int(rows[-1]) + 1, *SHAPE, generator=generator).half()
        found.append((pictures, rows, target, lengths))
    return found


def training(side: str, size: str) -> Work:
    keep_freed_memory()
    _, model = prepared(size)
    model.train()
    peer = Peer(model)
    given = batches(model.target.num_embeddings)

    def ours(pictures: Tensor, rows: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        outputs, weights = model(pictures, rows, shifted(target), lengths)
        return caption_loss(model, outputs, weights, target, lengths, None)

    def theirs(pictures: Tensor, rows: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        logits, real = peer(pictures[rows], shifted(target)), inside(len(target), lengths)
        return F.cross_entropy(logits.flatten(0, 1), torch.where(real, target, -100).flatten())

    return updates(side, (model, ours), (peer, theirs), given, STEPS * N)


def writing(side: str, size: str) -> Work:
    keep_freed_memory()
    handle, model = prepared(size)
    peer, options = Peer(model), Decoding()
    pictures = torch.randn(PICTURES, *SHAPE, generator=torch.Generator().manual_seed(2)).half()
    arrays: Any = np.ascontiguousarray(pictures.numpy())

    @torch.no_grad()
    def theirs() -> list[list[int]]:
        return [best(peer, picture[None], options) for picture in pictures]

    found = [" ".join(caption.tokens) for caption, *_ in handle.described(arrays)]
    other = [" ".join(handle.language.pieces(ids)) for ids in theirs()]
    equal = sum(a == b for a, b in zip(found, other, strict=True))
    if equal < 0.95 * PICTURES:
        raise SystemExit(f"only {equal} of {PICTURES} captions are the same")

    return timed(PICTURES, (lambda: handle.described(arrays)) if side == "ours" else theirs)


def main() -> None:
    units = "captions/s", "pictures/s"
    train_or_write(__file__, __doc__, SIZES, training, writing, "captioner", "soft attention, LSTM", units)


if __name__ == "__main__":
    main()
