"""The states of a text on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest
from planted_cells import story, untrained

from unrolled.errors import SaveError
from unrolled.inspector import Unit, read
from unrolled.inspector.shown import values_of
from unrolled.inspector.states import save_states


def test_the_files_hold_every_state(tmp_path):
    text = story(3000)
    reading = read(untrained(2, text, num_layers=2), text)
    files = save_states(reading, text, tmp_path / "states")
    assert [file.name for file in files] == [f"layers.{layer}.0.{state}.npy" for layer in (0, 1) for state in "ch"]
    assert (tmp_path / "states" / "text.txt").read_text() == text
    told = json.loads((tmp_path / "states" / "states.json").read_text())
    assert told["characters"] == len(text)
    assert told["states"][2] == {
        "file": "layers.1.0.c.npy", "layer": 2, "backward": False, "state": "c", "units": 16,
    }  # fmt: skip
    for name, gate in (("layers.1.0", "c"), ("layers.0.0", "h")):
        kept = np.load(tmp_path / "states" / f"{name}.{gate}.npy", mmap_mode="r", allow_pickle=False)
        assert kept.dtype == np.float16
        units = [Unit(name, gate, unit) for unit in range(16)]
        np.testing.assert_allclose(kept, values_of(reading, units, len(text)).values.T, rtol=1e-3, atol=1e-4)
    with pytest.raises(SaveError, match="already exists; choose another folder"):
        save_states(reading, text, tmp_path / "states")
