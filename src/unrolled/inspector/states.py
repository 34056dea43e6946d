"""Save the states of a whole text as NumPy arrays, a row for each character.

    FOLDER/text.txt              the text
    FOLDER/layers.0.0.h.npy      (characters, units) float16: the state after reading each character's token
    FOLDER/states.json           the index: each file's layer, direction and state

Only states are saved, h and for an LSTM c; every gate can be computed from them and the tokens in one step. For a token
of several characters only the row of its last character is written; the others stay zero (sparse in the file, if the
file system supports it). The files can be memory-mapped, and are written one pass at a time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..analysis import capture
from ..analysis.inspection import Inspection
from ..analysis.passes import NOWHERE
from ..cells import Trace
from ..checks import checked
from ..errors import SaveError
from .findings import Unit

DESCRIPTION = "states.json"
STATES = ("h", "c")
LARGEST = float(np.finfo(np.float16).max)


@checked
@torch.no_grad()
def save_states(reading: Inspection, text: str, folder: Path) -> list[Path]:
    """Run the model over its text, write the states to a new folder and return the files.

    Raises:
        RunError: the steps of the input are not characters.
        SaveError: the folder already exists, or cannot be written.
    """
    reading.check_characters("states")
    try:
        folder.mkdir(parents=True)
        (folder / "text.txt").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        files = _write(reading, len(text), folder)
        description = {"characters": len(text), "states": files}
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")
    except FileExistsError:
        raise SaveError(f"{folder} already exists; choose another folder, or remove it") from None
    except OSError as error:
        raise SaveError(
            f"cannot write the states to {folder}: {error.strerror or error}; choose another folder"
        ) from error
    return [folder / file["file"] for file in files]


def _write(reading: Inspection, n: int, folder: Path) -> list[dict[str, Any]]:
    files: dict[tuple[str, str], Any] = {}
    current: list[Any] = []  # of the current pass: rows of the trace, places in the text

    def take(name: str, begin: int, trace: Trace) -> None:
        rows, places = current
        for gate in STATES:
            if gate not in trace:
                continue
            z = trace[gate].flatten(0, 1)[rows].float().clamp(-LARGEST, LARGEST)  # (·, H)
            if (name, gate) not in files:
                path = folder / f"{name}.{gate}.npy"
                files[name, gate] = np.lib.format.open_memmap(path, "w+", np.float16, (n, z.size(1)))
            files[name, gate][places] = z.cpu().numpy()

    with capture(reading.stack(reading.model), take, chunk=1 << 40):
        for batch in reading.passes():
            rows = np.flatnonzero(batch.part != NOWHERE)
            current[:] = [torch.from_numpy(rows), batch.positions.ravel()[rows]]
            batch.run()
    for file in files.values():
        file.flush()
    return [
        {"file": f"{name}.{gate}.npy", "layer": layer, "backward": backward, "state": gate, "units": file.shape[1]}
        for (name, gate), file in sorted(files.items())
        for layer, backward in [Unit(name, gate, 0).place]
    ]
