"""torch's flat names for the parameters of a stack, such as ``weight_hh_l0_reverse``.

Two hooks make a module that holds a `Stack` as ``stack`` save and load its ``state_dict`` by these names. The
parameters themselves exist once, in the cells.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from .rnn import Stack

FLAT = re.compile(r".+_l\d+(_reverse)?")


def flat_names(stack: Stack) -> dict[str, str]:
    """Map flat names to paths inside the module that holds ``stack``, in the order of the parameters.

    Parameters that torch does not have follow the same pattern: ``peephole_i_l0``, ``initial_h_l1``,
    ``norm_c_bias_l0``.
    """
    names: dict[str, str] = {}
    for index, cell in enumerate(stack.cells):
        layer, direction = divmod(index, stack.num_directions)
        for name, _ in cell.named_parameters():
            flat = f"{name.replace('.', '_')}_l{layer}{'_reverse' if direction else ''}"
            names[flat] = f"stack.layers.{layer}.{direction}.{name}"
    return names


def use_flat_names(module: nn.Module) -> None:
    """Make ``module.state_dict()`` and ``module.load_state_dict()`` use flat names for ``module.stack``."""
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
    """Rename the entries from flat names to paths, and report missing or mismatched ones by their flat names.

    Such an entry is replaced by the module's own parameter, so that torch does not report it again by its path.
    """
    for flat, path in flat_names(module.stack).items():
        parameter = module.get_parameter(path)
        value = state_dict.pop(prefix + flat, None)
        if value is None:
            missing_keys.append(prefix + flat)
        elif isinstance(value, Tensor) and value.shape != parameter.shape:
            error_msgs.append(
                f"size mismatch for {prefix + flat}: copying a param with shape {value.shape} from "
                f"checkpoint, the shape in current model is {parameter.shape}."
            )
            value = None
        state_dict[prefix + path] = parameter if value is None else value
