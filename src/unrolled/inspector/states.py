"""The states of a whole text on disk, a row for each character: for a page that shows any unit at any place.

    FOLDER/text.txt              the text
    FOLDER/layers.0.0.h.npy      (characters, units) float16: that state after reading each character's symbol
    FOLDER/states.json           what is there: each file's layer, direction and state

Only states are kept, h and of an LSTM c: every gate follows from them and the symbols in one step. Rows of characters
within a symbol of several are left out (zero, and holes in the file where the system can have them). The files are
ordinary NumPy arrays, to be mapped into memory; while they are written only one pass's steps are in it.
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
def keep_states(reading: Inspection, text: str, folder: Path) -> list[Path]:
    """Run the model over its text and write the states; returns the files.

    Raises:
        RunError: the places of the input are no characters.
        SaveError: the folder is there already, or cannot be written.
    """
    reading.check_characters("states")
    try:
        folder.mkdir(parents=True)
        (folder / "text.txt").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        kept = _write(reading, len(text), folder)
        about = {"characters": len(text), "states": kept}
        (folder / DESCRIPTION).write_text(json.dumps(about, indent=1), encoding="utf-8")
    except FileExistsError:
        raise SaveError(f"{folder} is there already; choose another folder, or remove it") from None
    except OSError as error:
        raise SaveError(
            f"cannot write the states to {folder}: {error.strerror or error}; choose another folder"
        ) from error
    return [folder / one["file"] for one in kept]


def _write(reading: Inspection, n: int, folder: Path) -> list[dict[str, Any]]:
    files: dict[tuple[str, str], Any] = {}
    now: list[Any] = []  # of this pass: steps, places

    def take(name: str, begin: int, trace: Trace) -> None:
        rows, places = now
        for gate in STATES:
            if gate not in trace:
                continue
            z = trace[gate].flatten(0, 1)[rows].float().clamp(-LARGEST, LARGEST)  # (·, H)
            if (name, gate) not in files:
                path = folder / f"{name}.{gate}.npy"
                files[name, gate] = np.lib.format.open_memmap(path, "w+", np.float16, (n, z.size(1)))
            files[name, gate][places] = z.cpu().numpy()

    with capture(reading.stack(reading.model), take, chunk=1 << 40):
        for one in reading.passes():
            rows = np.flatnonzero(one.part != NOWHERE)
            now[:] = [torch.from_numpy(rows), one.positions.ravel()[rows]]
            one.run()
    for file in files.values():
        file.flush()
    return [
        {"file": f"{name}.{gate}.npy", "layer": layer, "backward": backward, "state": gate, "units": file.shape[1]}
        for (name, gate), file in sorted(files.items())
        for layer, backward in [Unit(name, gate, 0).place]
    ]
