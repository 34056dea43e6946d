"""The file of ``unrolled predict --out``: a table with a row per input, or CoNLL columns with a word per line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ArgumentError
from ...results import Prediction, is_blank
from .results_folder import finite, save

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*DELIMITERS, ".jsonl", ".conll")
_FILE = re.compile(r"\.[A-Za-z]{2,7}")  # a suffix; in the name of a folder, a dot is rather before a number


def file_of(out: str | None) -> PredictionsFile | None:
    """Return the file of ``--out``; `None` if it is not given, or names a folder.

    Raises:
        ArgumentError: its folder does not exist, or its suffix is that of another kind of file.
    """
    path = None if out is None else Path(out).expanduser()
    if path is None or path.is_dir() or str(out).endswith("/"):
        return None
    if path.suffix.lower() not in SUFFIXES:
        if _FILE.fullmatch(path.suffix):
            expected = f"a file with the suffix {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, or a folder"
            raise ArgumentError("--out", expected, out)
        return None
    if not path.parent.is_dir():
        raise ArgumentError("--out", "a file in a folder that exists", out)
    return PredictionsFile(path)


class PredictionsFile:
    """Collects predictions and writes them to one file; the suffix decides the format.

    Rows have the cells of the input, then those of the prediction. A prediction's column that the input has too gets
    the prefix ``predicted_``.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.suffix = path, path.suffix.lower()
        self.rows: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.lines: list[str] = []

    def add(self, prediction: Prediction, row: Mapping[str, Any] | None) -> None:
        """Add a prediction, with the cells of its input if it is a row of a table.

        Raises:
            ArgumentError: the format is CoNLL, and the prediction has no tags.
        """
        if self.suffix == ".conll":
            if not prediction.words and not is_blank(prediction.text):
                raise ArgumentError("--out", "a .csv, .tsv or .jsonl file for a model without tags", str(self.path))
            self.lines += ["\t".join(word) for word in prediction.words]
        else:
            self.rows.append(({"text": prediction.text} if row is None else dict(row), prediction.as_cells()))

    def save(self) -> str:
        """Write the file; return what was written."""
        content = {".jsonl": self._objects, ".conll": lambda: "".join(f"{line}\n" for line in self.lines)}
        text = content.get(self.suffix, self._table)()
        save(self.path, text.encode("utf-8", errors="replace"), "--out")
        count = sum(map(bool, self.lines)) if self.suffix == ".conll" else len(self.rows)
        what = "words" if self.suffix == ".conll" else "rows"
        return f"{self.path} ({count:,} {what if count != 1 else what[:-1]})"

    def _whole_rows(self) -> list[dict[str, Any]]:
        """Return all rows with the same columns; missing cells are `None`."""
        given = dict.fromkeys(name for row, _ in self.rows for name in row)
        added = dict.fromkeys(name for _, cells in self.rows for name in cells)
        names = {name: f"predicted_{name}" if name in given else name for name in added}
        empty = dict.fromkeys([*given, *names.values()])
        return [{**empty, **row, **{names[name]: cell for name, cell in cells.items()}} for row, cells in self.rows]

    def _table(self) -> str:
        rows = self._whole_rows()
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, delimiter=DELIMITERS[self.suffix], lineterminator="\n")
        writer.writerow(list(rows[0]) if rows else ["text"])
        for row in rows:
            cells = (
                json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else cell for cell in row.values()
            )
            writer.writerow(list(cells))
        return stream.getvalue()

    def _objects(self) -> str:
        return "".join(f"{json.dumps(finite(row), ensure_ascii=False)}\n" for row in self._whole_rows())
