"""The keyword-only options of layers over maps, and Keras' names for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from ..cells.base import InitialState
from ..cells.convolutional import Maps
from ..errors import ArgumentError


class KerasNames(TypedDict, total=False):
    """Names of ``keras.layers.ConvLSTM2D`` for the same options, and options of which one value is supported."""

    filters: int
    """hidden_size"""
    strides: int | Sequence[int]
    """stride"""
    dilation_rate: int | Sequence[int]
    """dilation"""
    use_bias: bool
    """bias"""
    return_sequences: bool
    """only True: the output has all steps, and the last is ``output[-1]``"""
    return_state: bool
    """only True"""
    stateful: bool
    """only False: pass the returned state to the next call"""
    data_format: str
    """only ``channels_first``"""


OF_STACK = ("residual", "locked_dropout", "backend")
OF_FIRST_LAYER = ("stride", "padding", "dilation")
ALIASES = {"filters": "hidden_size", "strides": "stride", "dilation_rate": "dilation", "use_bias": "bias"}
FIXED: dict[str, tuple[object, str]] = {
    "return_sequences": (True, "the output has all steps, and the last is output[-1]"),
    "return_state": (True, "a call returns (output, state)"),
    "stateful": (False, "pass the returned state to the next call"),
    "data_format": ("channels_first", "move the channels: input.movedim(-1, 2)"),
}


class MapOptions(KerasNames, total=False):
    """The keyword-only options of layers over maps, and Keras' names for them."""

    dims: int
    """dimensions of space: 1 for signals, 2 (default) for pictures, 3 for volumes"""
    stride: Maps
    """stride of the first layer's convolution of the input"""
    padding: Maps | str
    """its padding: ``same`` (default), ``valid`` or a number of zeros"""
    dilation: Maps
    """its dilation"""
    recurrent_kernel_size: Maps
    """size of the kernels on the state; by default kernel_size"""
    layer_norm: bool
    """normalise the convolutions, and an LSTM's c, over channels and positions (Ba et al. 2016)"""
    group_norm: int
    """number of groups of channels to normalise over instead (Wu and He 2018)"""
    recurrent_dropout: float
    """rate at which channels of h are dropped in the recurrent convolution, the same for all steps"""
    initial_state: InitialState
    """the state if hx is missing: zero, random (in training) or learned, a number for each channel"""
    residual: bool
    """add a layer's input to its output from the second layer on"""
    locked_dropout: bool
    """`dropout` draws one mask for all steps"""
    init: str
    """torch, xavier, lecun, orthogonal or identity, see `cells.init`"""
    backend: str
    """one of `scan.BACKENDS`"""
    device: Any
    """device of the parameters"""
    dtype: Any
    """dtype of the parameters"""


class LSTMOptions(MapOptions, total=False):
    """Those of `ConvLSTM`."""

    peepholes: bool | Maps
    """connect c to the gates: True for a weight per channel, or the sizes of the state's maps for one per channel and
    position, as published"""
    forget_bias: float
    """initial bias of the forget gate"""
    unit_forget_bias: bool
    """Keras' name of ``forget_bias=1.0``"""


def without_keras_names(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options under their own names.

    Raises:
        ArgumentError: an option has both names, or a value that the layers do not support.
    """
    options = dict(options)
    for name, own in ALIASES.items():
        if name in options:
            if options.get(own) not in (None, True):  # the defaults of hidden_size and bias
                remedy = f"it is Keras' name of {own}, which is given too"
                raise ArgumentError(name, "omitted", options[name], remedy)
            options[own] = options.pop(name)
    if options.pop("unit_forget_bias", False):
        options["forget_bias"] = 1.0
    for name, (value, remedy) in FIXED.items():
        if name in options and (received := options.pop(name)) != value:
            raise ArgumentError(name, f"{value!r} or omitted", received, remedy)
    return options
