"""Every flag that a command ever had is there: what people typed goes on working. Its help is one short line.

``python tests/cli/test_options_stay.py`` adds new commands and flags to fixtures/options.json; none is ever taken away.
"""

import contextlib
import io
import json
import re
from functools import cache
from pathlib import Path

import pytest

from unrolled.cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = FIXTURES / "options.json"
TASKS = ("lm", "classify", "tag", "translate", "image", "caption", "memory")
COMMANDS = [
    *(f"train {task}" for task in TASKS),
    *"resume sample predict evaluate runs data bench doctor".split(),
    *("inspect", *(f"inspect {view}" for view in "ablate compare lookback saturation similar".split())),
    *(f"lab {name}" for name in "error-surface gradients memory truncation unroll shannon convolution".split()),
]


LONGEST = 80  # characters of a flag's help, without its default


def flags(command: str) -> list[str]:
    """The flags that a command's help names; of a verb about runs, whichever task's run is named."""
    found = set()
    for line in lines(command):
        found |= set(re.findall(r"(?<=^  )--[a-z][a-z0-9-]*|(?<=, )--[a-z][a-z0-9-]*", help_of(line), re.MULTILINE))
    return sorted(found)


def lines(command: str) -> list[str]:
    """The command lines that have the command's flags, which may depend on a task."""
    if command in ("evaluate", "predict", "sample"):
        return [f"{command} {FIXTURES / 'trained' / task}" for task in TASKS]
    if command == "data":
        return ["data", *(f"data --task {task}" for task in TASKS)]
    return [command]


@cache
def help_of(command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main([*command.split(), "--help"])
    return out.getvalue()


def texts(shown: str) -> dict[str, str]:
    """The text of each flag, or positional argument, in the help of a command."""
    start = re.search(r"^  -h, --help +", shown, re.MULTILINE)
    if start is None:
        return {}  # an error: the task lacks the verb
    column, found, flag = len(start[0]), dict[str, str](), ""
    for line in shown.splitlines():
        if re.match(r"  --?[a-z]", line):
            flag = re.split(r"[ ,]", line.strip())[0]
            found[flag] = line[column:] if line[column - 2 : column] == "  " else ""
        elif flag and line.startswith(" " * column):
            found[flag] += " " + line.strip()
        elif not line.startswith("  "):  # choices may go on below the flag
            flag = ""
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_no_flag_has_gone(command):
    recorded = json.loads(RECORD.read_text())[command]
    assert recorded
    hidden = {flag for flag in recorded if flag.startswith("--no-no-")}  # accepted, but not in the help
    assert set(recorded) - hidden <= set(flags(command))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_flag_is_one_line(command):
    for line in lines(command):
        for flag, text in texts(help_of(line)).items():
            plain = re.sub(r" \((?:default: (?:[^()]|\([^()]*\))*|repeatable)\)", "", text.strip())
            assert plain, (line, flag)
            assert len(plain) <= LONGEST, f"{line} {flag}: {len(plain)} characters: {plain}"


def test_texts_of_a_help():
    shown = " options\n ---\n  -h, --help  show this\n              text (default: 1)\n  --an-option INT\n"
    assert texts(shown + f"{'':14}one\n{'':14}two\nother\n{'':14}three") == {
        "-h": "show this text (default: 1)",
        "--an-option": " one two",
    }


if __name__ == "__main__":
    before = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    now = {command: sorted({*before.get(command, ()), *flags(command)}) for command in COMMANDS}
    RECORD.write_text(json.dumps(now, indent=1) + "\n")
