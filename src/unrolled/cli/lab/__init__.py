"""unrolled lab EXPERIMENT: experiments on networks, each in its own module."""

from __future__ import annotations

import importlib

from ...errors import UnrolledError, clause, did_you_mean
from .. import BAD_INPUT

EXPERIMENTS = {
    "error-surface": "the wall in a recurrent network's loss, and gradient clipping",
    "gradients": "vanishing and exploding gradients through time",
    "memory": "which cells learn long-term dependencies, at which lengths",
    "truncation": "bias, noise and memory footprint of truncated backpropagation through time",
    "unroll": "a small network unrolled: every value, forward and backward",
    "convolution": "a filter slides over a picture, number by number; sizes and receptive fields of layers",
    "shannon": "Shannon's guessing game: bounds on the entropy of text, by you or a model",
}


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0 if argv else BAD_INPUT
    name, *rest = argv
    if name not in EXPERIMENTS:
        near = clause(did_you_mean(name, EXPERIMENTS)) or f"; the experiments are {', '.join(EXPERIMENTS)}"
        raise UnrolledError(f"unrolled lab has no experiment {name!r}{near}")
    status: int = importlib.import_module(f".{name.replace('-', '_')}", __package__).run(rest)
    return status


def _usage() -> str:
    width = max(map(len, EXPERIMENTS))
    experiments = "\n".join(f"  {name:<{width}}  {about}" for name, about in EXPERIMENTS.items())
    return f"""usage: unrolled lab EXPERIMENT …

{experiments}

  unrolled lab EXPERIMENT --help   all options of an experiment"""
