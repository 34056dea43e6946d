"""Training speed of a classifier, compared with a plain PyTorch script.    python benchmarks/classify_rate.py

The peer uses a DataLoader with shuffling and a padding collate function, nn.Embedding, pack_padded_sequence, a
bidirectional nn.LSTM, pad_packed_sequence, max pooling over time, AdamW and clipping. Ours is the complete training
loop. Sentences, batch size and model are the same; both count words without padding. The sentences are those of SST-2
if UNROLLED_DATA has them, else random ones of the same lengths.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.data.registry import present
from unrolled.data.tokens import tokenize
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.tasks.classify.task import Classification
from unrolled.training.config import update
from unrolled.training.folder import RunFolder
from unrolled.training.log import Silent, Summary
from unrolled.training.loop import train

# name: (cell, hidden_size, num_layers)
CASES = {"LSTM 1×128, two directions": ("lstm", 128, 1), "GRU 1×128, two directions": ("gru", 128, 1)}
BATCH, WIDTH, STEPS = 32, 100, 40


@cache
def rows() -> list[tuple[str, str]]:
    """Return the sentences as pairs (text, label)."""
    place = present("sst2/train")
    if place is not None:
        lines = place.read_text(encoding="utf-8").splitlines()
        return [(line[2:], line[0]) for line in lines if line]
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(2.85, 0.5, 6920), 2, 52).astype(int)
    return [(" ".join(f"w{n}" for n in draw.zipf(1.3, k) % 14000), str(k % 2)) for k in lengths]


def ours(case: str) -> Work:
    cell, hidden_size, num_layers = CASES[case]
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "texts.txt"
    file.write_text("\n".join(f"{label} {text}" for text, label in rows()), encoding="utf-8")

    class Timed(Classification):
        """Records the time and the number of words of every batch."""

        moments: list[tuple[float, float]]

        def units(self, batch: object) -> float:
            count = super().units(batch)  # type: ignore[arg-type]
            self.moments.append((time.perf_counter(), count))
            return count

    def work() -> float:
        options = {"cell": cell, "hidden_size": hidden_size, "num_layers": num_layers, "batch_size": BATCH}
        config = update(
            ClassifyConfig(), data=str(file), steps=STEPS, embedding_size=WIDTH, eval_every=STEPS,
            fractions=(0.998, 0.002, 0.0), **options,
        )  # fmt: skip
        task = Timed(config)
        task.moments = []
        with tempfile.TemporaryDirectory(dir=folder.name) as run:
            train(task, RunFolder.create(Path(run) / "run"), Ends(folder))
        (begin, _), *rest = task.moments
        return sum(count for _, count in rest) / (rest[-1][0] - begin)

    return work


class Ends(Silent):
    """Keeps the temporary folder of the texts alive."""

    def __init__(self, folder: object) -> None:
        self.folder = folder

    def end(self, summary: Summary) -> None:
        """Print nothing."""


class Plain(nn.Module):
    """The classifier as in many tutorials."""

    def __init__(self, symbols: int, cell: str, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, WIDTH, padding_idx=0)
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.rnn = kind(WIDTH, hidden_size, num_layers, batch_first=True, bidirectional=True)
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(2 * hidden_size, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.drop(self.embedding(ids)), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, padding_value=-1e9)
        return self.head(self.drop(y.amax(1)))


def peer(case: str) -> Work:
    cut_rows = [([t.text for t in tokenize(text, lowercase=True)] or [""], int(label)) for text, label in rows()]
    index = {word: n for n, word in enumerate(sorted({w for words, _ in cut_rows for w in words}), 1)}
    data: Any = [(torch.tensor([index[w] for w in words]), label) for words, label in cut_rows]

    def collate(batch: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
        ids, labels = zip(*batch, strict=True)
        lengths = torch.tensor([len(words) for words in ids])
        return pad_sequence(list(ids), batch_first=True), lengths, torch.tensor(labels)

    model = Plain(len(index) + 1, *CASES[case])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loader: DataLoader[Any] = DataLoader(data, batch_size=BATCH, shuffle=True, collate_fn=collate)

    def work() -> float:
        count, begin = 0, time.perf_counter()
        for step, (ids, lengths, labels) in enumerate(loader):
            if step == STEPS:
                break
            loss = nn.functional.cross_entropy(model(ids, lengths), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
            count += int(lengths.sum())
        return count / (time.perf_counter() - begin)

    return work


def main() -> None:
    options = arguments(__doc__, repetitions=11)
    if options.worker:
        worker((lambda: ours(options.case)) if options.worker == "ours" else lambda: peer(options.case))
        return
    found = []
    for case in CASES:
        mine, theirs, ratios = compare(sys.argv[0], ("ours", "peer"), [case], options.repetitions)
        found.append([case, f"{mine:,.0f}", f"{theirs:,.0f}", ratio_cell(ratios)])
        print(f"{case}: {found[-1][-1]}", file=sys.stderr, flush=True)
    table(["model", "unrolled, words/s", "plain PyTorch", "ratio (95 %)"], found)


if __name__ == "__main__":
    main()
