"""The options of the drop-ins that torch's layers do not have."""

from __future__ import annotations

from typing import TypedDict

from ..cells.base import InitialState


class Extras(TypedDict, total=False):
    """The keyword-only options that torch does not have; all are off by default."""

    layer_norm: bool
    """normalise the two products, and an LSTM's c (Ba et al. 2016)"""
    recurrent_dropout: float
    """one mask on h_{t-1} for all steps (Gal and Ghahramani 2016)"""
    zoneout: float | tuple[float, float]
    """rate at which units keep their old value (Krueger et al. 2017)"""
    weight_drop: float
    """rate of DropConnect on weight_hh (Merity et al. 2018)"""
    residual: bool
    """add a layer's input to its output from the second layer on (Wu et al. 2016)"""
    initial_state: InitialState
    """the state if hx is missing: zero, random (in training) or learned, a parameter"""
    learned_initial_state: bool
    """the earlier name of ``initial_state="learned"``"""
    locked_dropout: bool
    """`dropout` draws one mask for all steps"""
    init: str
    """torch, xavier, lecun, orthogonal or identity, see `cells.init`"""
    backend: str
    """one of `scan.BACKENDS`"""
