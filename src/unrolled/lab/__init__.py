"""The laboratory: the phenomena of recurrent learning, written out to be read and measured."""

from .bptt import Pass, Weights, backward, bptt, forward, truncated_bptt

__all__ = ["Pass", "Weights", "backward", "bptt", "forward", "truncated_bptt"]
