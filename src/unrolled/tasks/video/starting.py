"""A video classifier that starts from the weights of another one."""

from __future__ import annotations

from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.starting import NETWORK as LAYERS
from ..common.starting import head_rows
from .config import VideoConfig

HEADS = ("head.", "single.head.")
NETWORK = (
    *LAYERS,
    *("num_layers", "bidirectional", "pooling", "labels", "maps", "depth", "kernel_size", "encoder_size"),
    *("differences", "size", "channels"),
)
"""the options that determine the network"""


def taken(source: ModelFile, names: list[str], config: VideoConfig) -> dict[str, Taken]:
    """See `Task.taken`; ``names`` are the classes of the new model."""
    found = {name: Taken(tensor) for name, tensor in source.tensors.items() if not name.startswith(HEADS)}
    return found if config.start.head == "new" else found | head_rows(source, names, HEADS)
