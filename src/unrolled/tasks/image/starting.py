"""An image classifier that starts from the weights of another one."""

from __future__ import annotations

from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.starting import head_rows
from .config import ImageConfig

HEAD = ("head.",)
NETWORK = ("maps", "depth", "kernel_size", "residual", "norm", "pooling", "channels")
"""the options that determine the network"""


def taken(source: ModelFile, names: list[str], config: ImageConfig) -> dict[str, Taken]:
    """See `Task.taken`; ``names`` are the classes of the new model."""
    found = {name: Taken(tensor) for name, tensor in source.tensors.items() if not name.startswith(HEAD)}
    return found if config.start.head == "new" else found | head_rows(source, names, HEAD)
