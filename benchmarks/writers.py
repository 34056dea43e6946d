"""The frame of the benchmarks of models that write sentences, beside a plain PyTorch loop with the same weights."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.decoding import Search
from unrolled.tasks.common.language import BEGIN, END


def timed(units: float, run: Callable[[], object]) -> Work:
    """Return the work that calls ``run`` once for so many units."""

    def work() -> float:
        begin = time.perf_counter()
        run()
        return units / (time.perf_counter() - begin)

    return work


def updates(
    side: str,
    ours: tuple[nn.Module, Callable[..., Tensor]],
    peer: tuple[nn.Module, Callable[..., Tensor]],
    batches: Sequence[Sequence[Any]],
    units: float,
    clip: float = math.inf,
) -> Work:
    """Return the training of one side on batches of so many units in all; stop if the losses of both sides differ.

    Args:
        side: "ours" or "peer".
        ours, peer: each side's model, and its loss of a batch.
        batches: the arguments of the loss.
        units: units of all batches.
        clip: maximum norm of the gradient.
    """
    with torch.no_grad():
        difference = abs(float(ours[1](*batches[0]) - peer[1](*batches[0])))
    if difference > 1e-4:
        raise SystemExit(f"the two sides' losses differ by {difference}")
    module, loss = ours if side == "ours" else peer
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def run() -> None:
        for batch in batches:
            optimizer.zero_grad()
            loss(*batch).backward()
            if math.isfinite(clip):
                torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()

    return timed(units, run)


def beam(
    step: Callable[..., tuple[Tensor, ...]],
    states: Sequence[Tensor],
    limit: int,
    options: Search,
    never: Iterable[int] = (),
) -> list[int]:
    """Return the best sentence by a beam search in Python, its hypotheses as a batch.

    Args:
        step: maps the last tokens ``(N,)`` and the states ``(N, …)`` to logits ``(N, V)`` and the new states.
        states: the states of one hypothesis.
        limit: tokens of the longest sentence.
        options: the beam size and the length penalty.
        never: tokens that are not written.
    """
    words, total = torch.full((1, 1), BEGIN), torch.zeros(1)
    best: tuple[float, list[int]] = (-math.inf, [])
    for length in range(1, limit + 2):
        logits, *states = step(words[:, -1], *states)
        log_p = logits.log_softmax(1)
        log_p[:, list(never)] = -math.inf
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
        total, states = scores[on], [state[rows[on]] for state in states]
    return best[1]


def train_or_write(
    script: str,
    doc: str | None,
    cases: Iterable[str],
    training: Callable[[str, str], Work],
    writing: Callable[[str, str], Work],
    header: str,
    row: str,
    units: tuple[str, str],
) -> None:
    """Measure the training of a model that writes sentences or, with ``--write``, its writing, and print a table.

    Args:
        script: the file of the benchmark.
        doc: its docstring.
        cases: the sizes of the model.
        training, writing: make the work of a side, "ours" or "peer", for a case.
        header: the first column of the table.
        row: the name of the model, to which the case is added.
        units: the units of both rates.
    """
    if "--worker" in sys.argv:
        side, case, what = sys.argv[sys.argv.index("--worker") + 1 :][:3]
        worker(lambda: (writing if what == "write" else training)(side, case))
        return
    write = "--write" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--write"]
    options = arguments(doc, 9)
    rows = []
    for case in cases:
        mine, peer, ratios = compare(
            script, ("ours", "peer"), [case, "write" if write else "train"], options.repetitions
        )
        rows.append([f"{row} {case}", f"{mine:,.0f}", f"{peer:,.0f}", ratio_cell(ratios)])
    table([header, f"unrolled, {units[write]}", "loop", "ratio"], rows)
