"""unrolled lab EXPERIMENT: the phenomena, to be tried and measured. Each experiment is in a module of its own."""

from __future__ import annotations

import importlib

from ...errors import UnrolledError, clause, did_you_mean
from .. import BAD_INPUT

EXPERIMENTS = {
    "error-surface": "the wall in the loss of a recurrent network, and what clipping does at it",
    "gradients": "how gradients vanish or explode on the way back through time",
    "memory": "which cell learns to remember for how long",
    "truncation": "the bias, the noise and the memory of truncated backpropagation through time",
    "unroll": "a small network unrolled: every number, forward and backward",
    "shannon": "guess the next letter, or let a model guess: bounds on the entropy of text",
}


def run(argv: list[str]) -> int:
    """The verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0 if argv else BAD_INPUT
    name, *rest = argv
    if name not in EXPERIMENTS:
        near = clause(did_you_mean(name, EXPERIMENTS)) or f"; there are {', '.join(EXPERIMENTS)}"
        raise UnrolledError(f"unrolled lab has no experiment {name!r}{near}")
    status: int = importlib.import_module(f".{name.replace('-', '_')}", __package__).run(rest)
    return status


def _usage() -> str:
    width = max(map(len, EXPERIMENTS))
    experiments = "\n".join(f"  {name:<{width}}  {what}" for name, what in EXPERIMENTS.items())
    return f"""usage: unrolled lab EXPERIMENT …

{experiments}

  unrolled lab EXPERIMENT --help   every option of an experiment"""
