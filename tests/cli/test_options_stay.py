"""Every flag that a command ever had is there: what people typed goes on working.

``python tests/cli/test_options_stay.py`` adds new commands and flags to fixtures/options.json; none is ever taken away.
"""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

from unrolled.cli import main

RECORD = Path(__file__).parents[1] / "fixtures" / "options.json"
COMMANDS = [
    *(f"train {task}" for task in ("lm", "classify", "tag", "translate", "memory")),
    *"resume sample predict evaluate runs data bench doctor".split(),
    *("inspect", *(f"inspect {view}" for view in "ablate compare lookback saturation similar".split())),
    *(f"lab {name}" for name in "error-surface gradients memory truncation unroll shannon".split()),
]


def flags(command: str) -> list[str]:
    """The flags that a command's help names: its own, and those of each task in a line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([*command.split(), "--help"])
    named = re.findall(r"(?<=^  )--[a-z][a-z0-9-]*|(?<=, )--[a-z][a-z0-9-]*", out.getvalue(), re.MULTILINE)
    for line in re.findall(r"^  \w+ +(--.*)$", out.getvalue(), re.MULTILINE):
        named += line.split()
    return sorted(set(named))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_has_gone(command):
    recorded = json.loads(RECORD.read_text())[command]
    assert recorded
    named = set(flags(command))
    opposites = {f"--no-{flag[2:]}" for flag in named}  # lines of tasks' options leave them out
    assert set(recorded) <= named | opposites


if __name__ == "__main__":
    before = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    now = {command: sorted({*before.get(command, ()), *flags(command)}) for command in COMMANDS}
    RECORD.write_text(json.dumps(now, indent=1) + "\n")
