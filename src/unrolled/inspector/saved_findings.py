"""The results of unit searches on disk: a page that is opened again need not compare with untrained networks again.

A result is named by a digest of what it depends on: the weights, the text, the labels, the number of twins and their
seed. Files are small JSON documents in the folder ``inspect`` of the cache; the newest `KEPT` remain.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..analysis.inspection import Inspection
from ..errors import SaveError
from ..training.files import write_atomically
from .findings import Finding, Found, Scored, Unit
from .hypotheses import Labels

FORMAT = 1  # part of the digest: raise it when the search computes something else
KEPT, LARGEST = 64, 4 << 20  # files, bytes of one


def digest(reading: Inspection, text: str, labels: Labels, twins: int, seed: int, top: int) -> str:
    """Return the name of the result of a search."""
    found = hashlib.sha256(json.dumps([FORMAT, twins, seed, top, labels.names, labels.left_out]).encode("ascii"))
    found.update(text.encode("utf-8", "surrogatepass"))
    found.update(labels.binary.tobytes())
    found.update(labels.values.tobytes())
    for name, weights in reading.model.state_dict().items():
        found.update(f"{name} {weights.dtype} {tuple(weights.shape)}".encode())
        found.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def load(folder: Path, name: str) -> Found | None:
    """Return a saved result; `None` if there is none, or the file is damaged."""
    path = folder / f"{name}.json"
    try:
        if path.stat().st_size > LARGEST:
            return None
        return _found(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def save(folder: Path, name: str, found: Found) -> None:
    """Save a result, and remove the oldest; without room or permission nothing is saved."""
    with contextlib.suppress(OSError, SaveError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{name}.json", json.dumps(asdict(found)).encode("ascii"))
        files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-KEPT]:
            file.unlink(missing_ok=True)


def _found(data: dict[str, Any]) -> Found:
    findings = [
        Finding(**{
            **finding,
            "best": [Scored(**{**scored, "unit": Unit(**scored["unit"])}) for scored in finding["best"]],
        })
        for finding in data["findings"]
    ]  # fmt: skip
    found = Found(**{**data, "findings": findings})
    for finding in findings:
        [float(x) for x in (finding.share, finding.symbol, finding.p, *finding.twins, *finding.shifted)]
        if not (finding.best and finding.twins and finding.shifted):
            raise ValueError("an incomplete finding")
    return found
