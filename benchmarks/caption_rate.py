"""Speed of the captioner, compared with a plain PyTorch loop.    python benchmarks/caption_rate.py [--write]

The peer is the same model with the same weights as usually implemented: a Python loop of attention with its gate and
nn.LSTMCell over the words of a padded batch. Both read features of 7 × 7 × 320 numbers. Training: captions per second
on the same batches, including the update; captions of the same picture are together, as in the task, and the peer
encodes the picture of each caption, as loaders of pairs do. With --write: pictures per second with a beam of 5, where the peer decodes
one picture at a time with its five hypotheses as a batch. Both sides must give the same loss and the same captions, or
the benchmark stops.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.layers.decoder import inside
from unrolled.tasks.caption.config import CaptionConfig, Decoding
from unrolled.tasks.caption.losses import caption_loss
from unrolled.tasks.caption.model import Captioner
from unrolled.tasks.caption.task import TOGETHER
from unrolled.tasks.caption.trained import TrainedCaptioner
from unrolled.tasks.common.language import BEGIN, END, Language, Tokenization, shifted
from unrolled.training.config import update
from unrolled.training.process import keep_freed_memory

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


def beam(peer: Peer, pictures: Tensor, options: Decoding, limit: int) -> list[int]:
    """Return the best caption of one picture ``(1, 7, 7, 320)`` by beam search."""
    h, keys, s, c = peer.encode(pictures)
    words, total = torch.full((1, 1), BEGIN), torch.zeros(1)
    best: tuple[float, list[int]] = (-math.inf, [])
    for length in range(1, limit + 2):
        n = len(words)
        logits, s, c = peer.step(words[:, -1], s, c, h.expand(n, -1, -1), keys.expand(n, -1, -1))
        log_p = logits.log_softmax(1)
        log_p[:, BEGIN] = log_p[:, 2] = -math.inf  # 2: the unknown word
        if length > limit:
            log_p = log_p[:, END : END + 1]
        scores, places = (total[:, None] + log_p).flatten().topk(min(options.beam, log_p.numel()))
        rows = places // log_p.size(1)
        symbols = places % log_p.size(1) if length <= limit else torch.full_like(places, END)
        for row, symbol, score in zip(rows.tolist(), symbols.tolist(), scores.tolist(), strict=True):
            if symbol == END:
                best = max(best, (score / ((5 + length) / 6) ** options.length_penalty, words[row, 1:].tolist()))
        on = (symbols != END) & (scores > best[0] * ((6 + limit) / 6) ** options.length_penalty)
        if not on.any():
            break
        words = torch.cat([words[rows[on]], symbols[on, None]], 1)
        total, s, c = scores[on], s[rows[on]], c[rows[on]]
    return best[1]


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

    with torch.no_grad():
        difference = abs(float(ours(*given[0]) - theirs(*given[0])))
    if difference > 1e-4:
        raise SystemExit(f"the two sides' losses differ by {difference}")
    loss, module = (ours, model) if side == "ours" else (theirs, peer)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def run() -> float:
        begin = time.perf_counter()
        for batch in given:
            loss(*batch).backward()
            optimizer.step()
            optimizer.zero_grad()
        return STEPS * N / (time.perf_counter() - begin)

    return run


def writing(side: str, size: str) -> Work:
    keep_freed_memory()
    handle, model = prepared(size)
    peer, options = Peer(model), Decoding()
    pictures = torch.randn(PICTURES, *SHAPE, generator=torch.Generator().manual_seed(2)).half()
    arrays: Any = np.ascontiguousarray(pictures.numpy())

    @torch.no_grad()
    def theirs() -> list[list[int]]:
        return [beam(peer, picture[None], options, LIMIT) for picture in pictures]

    found = [" ".join(caption.tokens) for caption, *_ in handle.described(arrays)]
    other = [" ".join(handle.language.pieces(ids)) for ids in theirs()]
    equal = sum(a == b for a, b in zip(found, other, strict=True))
    if equal < 0.95 * PICTURES:
        raise SystemExit(f"only {equal} of {PICTURES} captions are the same")

    def run() -> float:
        begin = time.perf_counter()
        if side == "ours":
            handle.described(arrays)
        else:
            theirs()
        return PICTURES / (time.perf_counter() - begin)

    return run


def main() -> None:
    if "--worker" in sys.argv:
        side, size, what = sys.argv[sys.argv.index("--worker") + 1 :][:3]
        worker(lambda: (writing if what == "write" else training)(side, size))
        return
    write = "--write" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--write"]
    options = arguments(__doc__, 9)
    rows = []
    for size in SIZES:
        mine, peer, ratios = compare(
            __file__, ("ours", "peer"), [size, "write" if write else "train"], options.repetitions
        )
        rows.append([f"soft attention, LSTM {size}", f"{mine:,.0f}", f"{peer:,.0f}", ratio_cell(ratios)])
    unit = "pictures/s" if write else "captions/s"
    table(["captioner", f"unrolled, {unit}", "loop", "ratio"], rows)


if __name__ == "__main__":
    main()
