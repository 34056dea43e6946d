"""torch's flat names for a stack's parameters: layer 0's backward ``weight_hh`` is ``weight_hh_l0_reverse``.

A module that holds a `Stack` as ``stack`` shows and takes these names in its ``state_dict`` by two hooks; the
parameters themselves exist once, inside the cells.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from .rnn import Stack

FLAT = re.compile(r".+_l\d+(_reverse)?")


def flat_names(stack: Stack) -> dict[str, str]:
    """Flat name → path inside the module that holds ``stack``, in the order of the parameters.

    What torch has no name for follows the pattern: ``peephole_i_l0``, ``initial_h_l1``, ``norm_c_bias_l0``.
    """
    names: dict[str, str] = {}
    for index, cell in enumerate(stack.cells):
        layer, direction = divmod(index, stack.num_directions)
        for name, _ in cell.named_parameters():
            flat = f"{name.replace('.', '_')}_l{layer}{'_reverse' if direction else ''}"
            names[flat] = f"stack.layers.{layer}.{direction}.{name}"
    return names


def use_flat_names(module: nn.Module) -> None:
    """Make ``module.state_dict()`` and ``module.load_state_dict()`` speak flat names for ``module.stack``."""
    module.register_state_dict_post_hook(_save)
    module.register_load_state_dict_pre_hook(_load)


def _save(module: Any, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any]) -> None:
    for flat, path in flat_names(module.stack).items():
        state_dict[prefix + flat] = state_dict.pop(prefix + path)


def _load(
    module: Any,
    state_dict: dict[str, Any],
    prefix: str,
    local_metadata: dict[str, Any],
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Rename what is there, and report by its flat name what is not.

    A parameter that is not there then stands for itself, so that the cell that owns it doesn't report it
    again under a name the reader has never seen.
    """
    for flat, path in flat_names(module.stack).items():
        own = module.get_parameter(path)
        given = state_dict.pop(prefix + flat, None)
        if given is None:
            missing_keys.append(prefix + flat)
        elif isinstance(given, Tensor) and given.shape != own.shape:
            error_msgs.append(
                f"size mismatch for {prefix + flat}: copying a param with shape {given.shape} from "
                f"checkpoint, the shape in current model is {own.shape}."
            )
            given = None
        state_dict[prefix + path] = own if given is None else given
