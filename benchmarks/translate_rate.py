"""Speed of the translator, compared with a plain PyTorch loop.    python benchmarks/translate_rate.py [--write]

The peer is the same model with the same weights as usually implemented: nn.Embedding, nn.GRU over packed sequences, and
a Python loop of attention and nn.GRUCell over the target. Training: target words per second on the same batches of
Multi30k, including the update. With --write: sentences per second with a beam of 5, where the peer decodes one sentence
at a time with its five hypotheses as a batch. Both sides must give the same loss and the same translations, or the
benchmark stops.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from harness import Work
from unrolled.decoding import Search
from unrolled.layers.decoder import inside
from unrolled.tasks.common.language import shifted
from unrolled.tasks.translate.config import TranslateConfig
from unrolled.tasks.translate.decoding import Decoding, search
from unrolled.tasks.translate.model import Translator
from unrolled.tasks.translate.task import Translation
from unrolled.training.config import update
from unrolled.training.process import keep_freed_memory
from writers import beam, timed, train_or_write, updates

STEPS = 8  # per repetition
SENTENCES = 48  # per repetition
SIZES: dict[str, dict[str, Any]] = {
    "256": {"hidden_size": 256, "encoder_size": 256},
    "512": {"hidden_size": 512, "encoder_size": 512},
}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Peer(nn.Module):
    """Bahdanau's translator as in many tutorials."""

    def __init__(self, sources: int, targets: int, E: int, H: int, C: int) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(sources, E), nn.Embedding(targets, E)
        self.encoder = nn.GRU(E, C // 2, bidirectional=True)
        self.bridge = nn.Linear(C, H)
        self.key, self.query, self.v = nn.Linear(C, H), nn.Linear(H, H, bias=False), nn.Linear(H, 1, bias=False)
        self.cell = nn.GRUCell(E + C, H)
        self.readout, self.output = nn.Linear(H + C + E, E), nn.Linear(E, targets)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = pack_padded_sequence(self.source(ids), lengths, enforce_sorted=False)
        h, last = self.encoder(packed)
        return pad_packed_sequence(h)[0], torch.tanh(self.bridge(torch.cat([last[0], last[1]], 1)))

    def step(self, ids: Tensor, s: Tensor, h: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = self.target(ids)
        e = self.v(torch.tanh(self.query(s) + keys)).squeeze(2)  # (S, B)
        a = e.masked_fill(~mask, -math.inf).softmax(0)
        c = (a[:, :, None] * h).sum(0)
        s = self.cell(torch.cat([x, c], 1), s)
        return self.output(torch.tanh(self.readout(torch.cat([s, c, x], 1)))), s

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor) -> Tensor:
        h, s = self.encode(source, source_lengths)
        keys, mask = self.key(h), inside(h.size(0), source_lengths)
        logits = []
        for ids in before:
            scores, s = self.step(ids, s, h, keys, mask)
            logits.append(scores)
        return torch.stack(logits)


def alike(model: Translator) -> Peer:
    """Return a peer with the same weights."""
    assert model.attention is not None
    assert model.bridge is not None
    options, attention, inner = model.options, model.attention, model.attention.cell
    peer = Peer(model.source.num_embeddings, model.target.num_embeddings, options.embedding_size, inner.hidden_size,
                attention.memory_size)  # fmt: skip
    pairs: list[tuple[Any, Any]] = [
        (peer.source.weight, model.source.weight), (peer.target.weight, model.target.weight),
        (peer.bridge.weight, model.bridge.weight), (peer.bridge.bias, model.bridge.bias),
        (peer.key.weight, attention.key.weight), (peer.key.bias, attention.key.bias),
        (peer.query.weight, attention.query.weight), (peer.v.weight, attention.v[None]),
        *((getattr(peer.cell, name), getattr(inner, name)) for name in WEIGHTS),
        (peer.readout.weight, model.readout.weight), (peer.readout.bias, model.readout.bias),
        (peer.output.weight, model.output.weight), (peer.output.bias, model.output.bias),
    ]  # fmt: skip
    for cell, suffix in zip(model.encoder.cells, ("", "_reverse"), strict=True):
        pairs += [(getattr(peer.encoder, f"{name}_l0{suffix}"), getattr(cell, name)) for name in WEIGHTS]
    with torch.no_grad():
        for mine, theirs in pairs:
            mine.copy_(theirs)
    return peer


def best(peer: Peer, ids: Tensor, options: Search) -> list[int]:
    """Return the best translation of one sentence ``(S, 1)``."""
    h, s = peer.encode(ids, torch.tensor([len(ids)]))
    keys = peer.key(h)

    def step(words: Tensor, s: Tensor) -> tuple[Tensor, ...]:
        n = len(words)
        return peer.step(
            words, s, h.expand(-1, n, -1), keys.expand(-1, n, -1), torch.ones(len(ids), n, dtype=torch.bool)
        )

    return beam(step, (s,), 2 * len(ids) + 10, options)


def prepared(size: str) -> tuple[Translation, Translator]:
    config = update(TranslateConfig(), data="multi30k-de-en", vocab_size=4000, dropout=0.0, tied=False, steps=1000,
                    **SIZES[size])  # fmt: skip
    task = Translation(config)
    task.prepare()
    torch.manual_seed(0)
    model = task.build_model()
    assert isinstance(model, Translator)
    return task, model


def training(side: str, size: str) -> Work:
    keep_freed_memory()
    task, model = prepared(size)
    peer = alike(model)
    batches = [task.batch(step) for step in range(STEPS)]
    count = sum(task.units(batch) for batch in batches)

    def ours(batch: Any) -> Tensor:
        return task.loss(model, batch, None)[0]

    def theirs(batch: Any) -> Tensor:
        logits = peer(batch.source, batch.source_lengths, shifted(batch.target))
        real = inside(len(batch.target), batch.lengths)
        return F.cross_entropy(logits.flatten(0, 1), torch.where(real, batch.target, -100).flatten())

    return updates(side, (model, ours), (peer, theirs), [(batch,) for batch in batches], count, clip=1.0)


def writing(side: str, size: str) -> Work:
    task, model = prepared(size)
    _learn(task, model)
    peer = alike(model)
    model.eval()
    ids = [task.sources[n] for n in range(SENTENCES)]
    options = Decoding(beam=5)
    lengths = torch.tensor([len(sentence) for sentence in ids])
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(sentence) for sentence in ids])

    @torch.no_grad()
    def theirs() -> list[list[int]]:
        return [best(peer, torch.from_numpy(sentence)[:, None], options) for sentence in ids]

    def ours() -> list[list[int]]:
        return [found[0].ids for found in search(model, padded, lengths, options)]

    if (same := sum(a == b for a, b in zip(ours(), theirs(), strict=True))) < SENTENCES - 1:  # ties in rounding
        raise SystemExit(f"only {same} of {SENTENCES} translations are the same")

    return timed(SENTENCES, ours if side == "ours" else theirs)


def _learn(task: Translation, model: Translator) -> None:
    """Train for a few steps, so that translations have realistic lengths."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    for step in range(120):
        optimizer.zero_grad()
        task.loss(model, task.batch(step), None)[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def main() -> None:
    units = "target words/s", "sentences/s"
    train_or_write(__file__, __doc__, SIZES, training, writing, "translator", "additive, GRU", units)


if __name__ == "__main__":
    main()
