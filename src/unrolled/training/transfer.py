"""Start a model from the weights of another one: copy tensors by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ArgumentError

LISTED = 4  # tensors named in a message


class Taken(NamedTuple):
    """A tensor of another model, by its name in the new one.

    tensor   its values
    rows     dimension → for each index of the new tensor, the old one, or -1 for a new row: ``(N,)`` int64. A new row
             is the mean of the old ones, or stays as initialized if ``fresh``.
    fresh    whether new rows keep their initial values, as those of classes do
    """

    tensor: Tensor
    rows: Mapping[int, Tensor] = {}
    fresh: bool = False


@torch.no_grad()
def transfer(model: nn.Module, taken: Mapping[str, Taken], where: str, size: int) -> tuple[list[str], list[str]]:
    """Copy tensors into a new model, by name; return notes for the user, and the names of tensors that are new.

    Args:
        model: the new model.
        taken: the tensors, see `Task.taken`.
        where: the run that they are from, for messages.
        size: number of its tensors.

    Raises:
        ArgumentError: shapes do not fit, or no tensor has a name of the new model.
    """
    own = dict(model.state_dict())
    wrong, new = [], [name for name in own if name not in taken]
    for name, found in taken.items():
        if name not in own:
            continue
        shape = tuple(len(found.rows[d]) if d in found.rows else n for d, n in enumerate(found.tensor.shape))
        if shape != tuple(own[name].shape):
            wrong.append(f"{name} is {_size(found.tensor)}, needed is {_size(own[name])}")
    if wrong:
        more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        remedy = "omit the options of the network, which are then taken from that run"
        raise ArgumentError("from_run", "a run whose shapes fit", f"{where}: {', '.join(wrong[:LISTED])}{more}", remedy)
    common = [name for name in taken if name in own]
    if not common:
        raise ArgumentError("from_run", "a run that has a layer of this network", where)
    for name in common:
        own[name].copy_(_filled(own[name], taken[name]))
    total = sum(own[name].numel() for name in common)
    notes = [f"{len(common)} of {len(own)} tensors ({total:,} numbers) taken from {where}"]
    if new:
        notes.append(f"new: {_listed(new)}")
    if unused := size - len(common):
        notes.append(f"tensors of {where} that are not used: {unused}")
    return notes, new


def _filled(own: Tensor, taken: Taken) -> Tensor:
    """Return the new tensor: old values in their new rows, means or the initial values elsewhere."""
    value = taken.tensor.to(own.device, own.dtype)
    if taken.fresh:
        result = own.clone()
        known = [torch.arange(size, device=own.device) for size in own.shape]
        source = list(known)
        for d, rows in taken.rows.items():
            rows = rows.to(own.device)
            known[d], source[d] = (rows >= 0).nonzero().flatten(), rows[rows >= 0]
        result[torch.meshgrid(*known, indexing="ij")] = value[torch.meshgrid(*source, indexing="ij")]
        return result
    for d, rows in taken.rows.items():
        extended = torch.cat([value, value.mean(d, keepdim=True)], d)
        rows = rows.to(own.device)
        value = extended.index_select(d, torch.where(rows < 0, value.size(d), rows))
    return value


def _size(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
