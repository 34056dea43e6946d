"""Write notebooks/NAME.ipynb for every script here: `make notebooks`.

A script is in the percent format: `# %%` begins a code cell, `# %% [markdown]` a text cell in comments. A cell that
ends with `print(name)` ends with `name` in the notebook, which shows a table or picture where print shows text.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = sorted(path for path in HERE.glob("*.py") if path.name != Path(__file__).name)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells(source: str) -> list[dict]:
    """Return the cells of a script in the format of notebooks."""
    found = []
    for number, (kind, body) in enumerate(re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", source, re.M | re.S)):
        if kind:
            text = re.sub(r"^# ?", "", body.strip(), flags=re.M)
            found.append({"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}})
        else:
            text = re.sub(r"^print\((\w+)\)\Z", r"\1", body.strip(), flags=re.M)
            found.append({"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "execution_count": None})
            found[-1]["outputs"] = []
        found[-1]["source"] = text.splitlines(keepends=True)
    return found


def notebook(script: Path) -> str:
    """Return the notebook of a script, without outputs, as JSON."""
    content = {"cells": cells(script.read_text("utf-8")), "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "notebooks"
    folder.mkdir(exist_ok=True)
    for stale in {path.stem for path in folder.glob("*.ipynb")} - {script.stem for script in SCRIPTS}:
        (folder / f"{stale}.ipynb").unlink()
    for script in SCRIPTS:
        (folder / f"{script.stem}.ipynb").write_text(notebook(script), encoding="utf-8")
