"""unrolled bench: benchmark the layers on this machine against torch.nn, onnxruntime and JAX."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from ..cells import check_size
from ..errors import ArgumentError, did_you_mean
from ..kernels import extension
from ..lab import bench
from ..lab.bench.report import geometric
from ..machine.cores import cores, too_many
from ..training.files import write_atomically
from .arguments import Schema, parse
from .terminal.console import Counter
from .terminal.look import console
from .terminal.tables import show_pairs, show_table
from .threads import check_threads, threads

PROG = "unrolled bench"
ABOUT = (
    "Benchmark the layers on this machine against torch.nn (and onnxruntime and JAX where installed): training steps, "
    "inference, cell variants without a fused implementation elsewhere, and text generation. Measurements are "
    "interleaved, so that noise affects all sides alike; a ratio above 1 means that unrolled is faster."
)
MEANING = (
    ("T×B×H", "steps × batch size × hidden units; the input size is H"),
    ("ratio", "median over the rounds of their time / ours; 95 %: confidence interval of the median"),
    ("of the limit", "our rate relative to this machine's sgemm (1024 × 1024), or to its rate of reading memory: for "
                     "single steps and generation"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What to measure, and where to save it."""

    what: str = "layers,variants,writing"
    """comma-separated groups"""
    quick: bool = False
    """small sizes, few rounds: 3 minutes instead of 20"""
    turns: int = 9
    """number of interleaved rounds, at least 3"""
    threads: int | None = None
    """number of CPU threads (default: one per core, within a container's quota)"""
    out: str = "unrolled-bench"
    """output file name without suffix"""

    def __post_init__(self) -> None:
        check_size("turns", self.turns, least=3)
        check_threads(self.threads)
        for name in self.groups:
            if name not in bench.GROUPS:
                near = did_you_mean(name, bench.GROUPS)
                raise ArgumentError("what", f"of {', '.join(bench.GROUPS)}", name, near)
        if not Path(self.out).absolute().parent.is_dir():
            raise ArgumentError("out", "in a folder that exists", self.out)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.what.split(","))


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    options = parse(Bench, argv, PROG, ABOUT)
    with Schema(Bench, PROG).names():
        if "writing" in options.groups and extension.missing:
            raise ArgumentError("what", "without writing", options.what, extension.missing)
    with threads(options.threads):
        if note := too_many(torch.get_num_threads(), cores()):
            print(note, file=sys.stderr)
        about, rows = measure(options)
    show(about, rows)
    out = Path(options.out)
    write_atomically(out.with_name(out.name + ".json"), bench.to_json(about, rows).encode())
    print(f"\nsaved: {out}.json")
    if bench.draw(about, rows, out.with_name(out.name + ".png")):
        print(f"       {out}.png")
    return 0


def measure(options: Bench) -> tuple[dict[str, Any], list[bench.Row]]:
    """Measure all cases, with progress on standard error: a description of the machine, and the rows."""
    turns = min(options.turns, 5) if options.quick else options.turns
    about, rows = bench.machine(turns), []
    cases = list(bench.all_cases(options.groups, options.quick))
    counter = Counter(console(stderr=True), len(cases), "cases")
    try:
        for done, case in enumerate(cases, 1):
            rows += bench.compare(case, turns)
            counter(done)
    finally:
        counter.close()
    return about, rows


def show(about: dict[str, Any], rows: list[bench.Row]) -> None:
    """Print the machine, a table for each group, and geometric means."""
    show_pairs([
        ("processor", f"{about['processor']}, {about['threads']} threads, {about['kernels']} kernels"),
        ("matrix products", f"{about['sgemm_gflops']:,.0f} GFLOP/s (1024 × 1024, float32)"),
        ("reading", f"{about['reading_gbytes']:,.1f} GB/s (256 MB)"),
    ])  # fmt: skip
    for group, iterator in groupby(rows, lambda row: row.group):
        members = list(iterator)
        print()
        header = (group, "", "T×B×H", "against", "ours, ms", "theirs, ms", "ratio", "95 %", "of the limit")
        show_table(header, map(_cells, members), right=header[4:])
        if group != "layers":
            continue
        print()
        keys = list(dict.fromkeys((row.name, row.what, row.peer) for row in members))
        for name, what, peer in keys:
            batches = [r for r in members if (r.name, r.what, r.peer) == (name, what, peer) and r.shape[1] > 4]
            if len(batches) > 1:
                print(f"{name} {what}, {len(batches)} shapes of many lanes: {geometric(batches):.2f} times {peer}")
    print()
    show_pairs(MEANING)


def _cells(row: bench.Row) -> tuple[str, ...]:
    return (
        row.name,
        row.what,
        "×".join(map(str, row.shape)),
        row.peer,
        f"{1e3 * row.ours:,.3f}",
        f"{1e3 * row.theirs:,.3f}",
        f"{row.ratio:.2f}",
        f"{row.low:.2f}–{row.high:.2f}",
        "" if row.limit is None else f"{row.limit:.0%}",
    )
