"""unrolled doctor: show this machine's features, and the code paths that layers use on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..attend import choose, unsupported
from ..cells import make_cell
from ..cells.attentive import Attentive, feed_size
from ..data import cache_folder
from ..kernels import extension
from ..kernels.torch import faster_than_kernel
from ..machine.load import Times, times
from ..scan import explain
from ..training.folder import runs_folder
from .arguments import parse
from .cpu_report import cpu_lines
from .terminal.look import size
from .terminal.tables import show_pairs, show_table

PROG = "unrolled doctor"
ABOUT = "Show this machine's features and, for each kind of recurrent layer, the code path that runs, and why."
PACKAGES = ("numpy", "safetensors", "tokenizers", "rich", "tyro", "babel", "sacrebleu", "tensorboard")
SETS = ("sse4_2", "avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "sve", "bf16")
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("rnn", {}),
    "rnn --nonlinearity relu": ("rnn", {"nonlinearity": "relu"}),
    "gru": ("gru", {}),
    "gru --no-reset-after": ("gru", {"reset_after": False}),
    "lstm": ("lstm", {}),
    "lstm --proj-size 4": ("lstm", {"proj_size": 4}),
    "lstm --weight-drop 0.5": ("lstm", {"weight_drop": 0.5}),
    "lstm --recurrent-dropout 0.2": ("lstm", {"recurrent_dropout": 0.2}),
    "lstm --zoneout 0.1": ("lstm", {"zoneout": 0.1}),
    "lstm --layer-norm": ("lstm", {"layer_norm": True}),
    "gru --layer-norm": ("gru", {"layer_norm": True}),
    "rnn --layer-norm": ("rnn", {"layer_norm": True}),
    "lstm --peepholes": ("lstm", {"peepholes": True}),
    **{name: (name, {}) for name in ("mingru", "minlstm", "rglru", "qrnn")},
}
ATTENTION: dict[str, tuple[str, str, bool, dict[str, Any]]] = {
    "gru --attention additive": ("gru", "additive", False, {}),
    "lstm --attention additive": ("lstm", "additive", False, {}),
    "rnn --attention additive": ("rnn", "additive", False, {}),
    "gru --no-reset-after --attention additive": ("gru", "additive", False, {"reset_after": False}),
    "lstm --attention additive --layer-norm": ("lstm", "additive", False, {"layer_norm": True}),
    "gru --attention additive --zoneout 0.1": ("gru", "additive", False, {"zoneout": 0.1}),
    "gru --attention general (or dot, scaled)": ("gru", "general", False, {}),
    "gru --attention general --input-feeding": ("gru", "general", True, {}),
    "lstm --attention general --input-feeding": ("lstm", "general", True, {}),
    "rnn --attention general --input-feeding": ("rnn", "general", True, {}),
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
BATCHES, UNITS, MOST_STEPS = (1, 32), 128, 1000  # the calls in the table of short calls


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """No options."""


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    parse(Doctor, argv, PROG, ABOUT)
    before = times()  # for the load of other processes
    show_pairs([*_software(), *_machine(before), *_folders()])
    print()
    show_table(("layers in training", "path", "why not a faster one"), map(_path, CELLS))
    if not extension.missing:
        print()
        header = (f"short calls of unrolled.nn, {UNITS} units", "torch's layer runs", "packed sequences")
        show_table(header, [_short_calls(cell, batch) for cell in GATES for batch in BATCHES])
        print("a call of few steps is mostly overhead, and torch's layer has less; longer calls run as above")
    print()
    show_table(("decoders with attention", "path", "why not a faster one"), map(_attention_path, ATTENTION))
    return 0


def _software() -> list[tuple[str, str]]:
    packages = []
    for name in PACKAGES:
        try:
            packages.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            packages.append(f"{name} not installed")
    return [
        ("unrolled", f"{__version__} in {Path(__file__).resolve().parents[1]}"),
        ("python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
        ("torch", torch.__version__),
        ("packages", ", ".join(packages)),
    ]


def _machine(before: Times | None) -> list[tuple[str, str]]:
    sets = [name for name in SETS if name in _cpu_flags()]
    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    backends = {"oneDNN": torch.backends.mkldnn.is_available(), "MKL": torch.backends.mkl.is_available()}
    backends["OpenMP"] = torch.backends.openmp.is_available()
    return [
        *cpu_lines(before, ", ".join(sets) or "instruction sets unknown"),
        (
            "torch uses",
            f"{torch.backends.cpu.get_cpu_capability()} kernels; "
            + ", ".join(f"{name} {'yes' if available else 'no'}" for name, available in backends.items()),
        ),
        ("kernels", _kernels()),
        ("bfloat16", _bfloat16(sets)),
        ("gpu", ", ".join(gpus) or ("mps" if torch.backends.mps.is_available() else "none")),
    ]


def _kernels() -> str:
    if extension.missing:
        return f"none: {extension.missing}. Recurrences use torch's layers or the Python loop, up to 20 times slower"
    others = [name for name in extension.instruction_sets() if name != extension.instruction_set()]
    return f"{extension.instruction_set()}; UNROLLED_ISA can select {' or '.join(others) or 'no other'}"


def _bfloat16(sets: list[str]) -> str:
    if "amx" in extension.instruction_sets():
        return "matrix products in the AMX unit (amx_bf16): --precision bf16 trains faster"
    if extension.bfloat16():
        return "dot products with avx512_bf16: --precision bf16 may train faster"
    others = [name for name in ("amx_bf16", "bf16") if name in sets]
    why = f"the kernels do not use {', '.join(others)}" if others else "this processor has no avx512_bf16"
    return f"{why}: --precision bf16 trains in float32"


def _folders() -> list[tuple[str, str]]:
    rows = [("runs", runs_folder().absolute()), ("cache", cache_folder().absolute())]
    shown = [(label, f"{path} ({_state(path)})") for label, path in rows]
    data = os.environ.get("UNROLLED_DATA")
    return [*shown, ("UNROLLED_DATA", f"{data} ({_state(Path(data))})" if data else "unset")]


def _state(path: Path) -> str:
    """Return the free space, and whether the folder (or, if missing, its nearest existing parent) is writable."""
    existing = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    words = [f"{size(shutil.disk_usage(existing).free)} free"]
    if not os.access(existing, os.W_OK):
        words.append("not writable")
    if existing != path:
        words.append("created when needed")
    return ", ".join(words)


def _cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    lines = [line for line in text.splitlines() if line.lower().startswith(("flags", "features"))]
    return set(lines[0].partition(":")[2].split()) if lines else set()


def _path(name: str) -> tuple[str, str, str]:
    """Return (the layer's options, its code path in training, the reasons against faster ones)."""
    kind, options = CELLS[name]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cell = make_cell(kind, 8, 8, **options).to(device).train()
    paths = explain(cell, torch.zeros(4, 2, 8, device=device), noise=cell.draw_noise(4, 2))
    first = next(n for n, path in enumerate(paths) if path.reason is None)
    faster = [path for path in paths[:first] if path.backend != "cudnn" or device == "cuda"]
    return name, paths[first].backend, "; ".join(dict.fromkeys(path.reason or "" for path in faster))


def _short_calls(cell: str, batch: int) -> tuple[str, ...]:
    """Return the numbers of steps for which a drop-in layer passes a call to torch's own, also for packed sequences."""
    cells = [f"{cell}, batch {batch}"]
    for packed in (False, True):
        steps = [T for T in range(1, MOST_STEPS) if faster_than_kernel(GATES[cell], T, batch, UNITS, UNITS, packed)]
        cells.append(f"{steps[0]} to {steps[-1]} steps" if steps else "never")
    return tuple(cells)


def _attention_path(name: str) -> tuple[str, str, str]:
    """Return the same for a decoder with attention."""
    kind, score, feeding, options = ATTENTION[name]
    inner = make_cell(kind, 8 + feed_size(score, 8, 8, feeding), 8, **options)
    cell = Attentive(inner, 8, 8, score=score, input_feeding=feeding).train()
    noise, inputs = inner.draw_noise(4, 2), torch.zeros(4, 2, 8)
    return name, choose(cell, inputs, noise), unsupported(cell, inputs, noise) or ""
