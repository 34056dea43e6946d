"""Experiments on recurrent learning, with their equations written out."""

from .bptt import Pass, Weights, backward, bptt, forward, truncated_bptt

__all__ = ["Pass", "Weights", "backward", "bptt", "forward", "truncated_bptt"]
