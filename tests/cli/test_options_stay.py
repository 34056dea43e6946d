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

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = FIXTURES / "options.json"
TASKS = ("lm", "classify", "tag", "translate", "memory")
COMMANDS = [
    *(f"train {task}" for task in TASKS),
    *"resume sample predict evaluate runs data bench doctor".split(),
    *("inspect", *(f"inspect {view}" for view in "ablate compare lookback saturation similar".split())),
    *(f"lab {name}" for name in "error-surface gradients memory truncation unroll shannon".split()),
]


def flags(command: str) -> list[str]:
    """The flags that a command's help names; of a verb about runs, whichever task's run is named."""
    if command in ("evaluate", "predict", "sample"):
        every = [shown(f"{command} {FIXTURES / 'trained' / task}") for task in TASKS]
    elif command == "data":
        every = [shown("data"), *(shown(f"data --task {task}") for task in TASKS)]
    else:
        every = [shown(command)]
    return sorted(set().union(*every))


def shown(command: str) -> set[str]:
    """The flags that the help of one command line names."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main([*command.split(), "--help"])
    return set(re.findall(r"(?<=^  )--[a-z][a-z0-9-]*|(?<=, )--[a-z][a-z0-9-]*", out.getvalue(), re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_has_gone(command):
    recorded = json.loads(RECORD.read_text())[command]
    assert recorded
    assert set(recorded) <= set(flags(command))


if __name__ == "__main__":
    before = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    now = {command: sorted({*before.get(command, ()), *flags(command)}) for command in COMMANDS}
    RECORD.write_text(json.dumps(now, indent=1) + "\n")
