"""Lists of recordings with their transcripts, as texts: tables, manifests and transcription files.

CSV, TSV       a header with path (or audio, file, id, …) and text (or transcript, sentence, …), speaker and split;
               without a header the first column is the path, and the second one the text
LJSpeech       id|text|normalised text
JSON           {"root_path": …, "samples": [{"wav_path": …, "transcript_path": …}]}, as deepspeech.pytorch has it
JSON lines     {"audio_filepath": …, "text": …}
*.trans.txt    id text (LibriSpeech)
*.transcription   <s> text </s> (id) (AN4)
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ..errors import DataError
from .audio import SUFFIXES
from .labelled_folders import PARTS

TABLES = (".csv", ".tsv", ".json", ".jsonl")
PATHS = ("path", "audio", "file", "filename", "file_name", "wav", "wav_path", "audio_filepath", "audio_path", "id")
TEXTS = ("text", "transcript", "transcription", "sentence", "normalized_text", "normalised", "label")
FILES = ("transcript_path", "txt_path", "text_path")
GROUPS = ("speaker", "speaker_id", "client_id", "group")
SPLITS = ("split", "part", "set")
MOST_ROWS = 5_000_000
EXAMINED, SAMPLE = 20, 1 << 16  # lines, characters that decide on the delimiter
_AN4 = re.compile(r"^(?:<s>)?\s*(.*?)\s*(?:</s>)?\s*\(([^()\s]+)\)\s*$")


class Row(NamedTuple):
    """A recording in a list.

    line    the line of the list, for errors
    path    the path of the recording, or its name without the ending
    text    the transcript, or the path of its file
    file    whether ``text`` is a path
    group   the speaker
    part    ``train``, ``valid``, ``test`` or empty
    """

    line: int
    path: str
    text: str
    file: bool = False
    group: str = ""
    part: str = ""


def read_list(text: str, name: str) -> list[Row]:
    """Return the recordings of a list.

    Args:
        text: the content of the file.
        name: its name, by whose ending it is read.

    Raises:
        DataError: it is not such a list, or a row lacks a column.
    """
    lower = name.lower()
    if lower.endswith(".trans.txt"):
        cells = ((n, line.strip().partition(" ")) for n, line in enumerate(text.splitlines(), 1) if line.strip())
        return [Row(number, key, rest, group=key.partition("-")[0]) for number, (key, _, rest) in cells]
    if lower.endswith(".transcription"):
        found = ((n, _AN4.match(line)) for n, line in enumerate(text.splitlines(), 1) if line.strip())
        return [Row(number, match[2], match[1]) for number, match in found if match]
    if lower.endswith((".json", ".jsonl")):
        return _json(text, name)
    return _table(text, name)


def _table(text: str, name: str) -> list[Row]:
    delimiter = _delimiter([line for line in text[:SAMPLE].splitlines() if line.strip()][:EXAMINED])
    quoting: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if delimiter in "|\t" else {}  # there, quotes are text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, **quoting)
    columns: dict[str, int] | None = None
    rows: list[Row] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                names = [cell.strip().lower() for cell in cells]
                header = bool(set(names) & set(PATHS)) and bool(set(names) & {*TEXTS, *FILES})
                columns = _columns(names) if header else _bare(cells, delimiter)
                if header:
                    continue
            if len(cells) <= max(columns["path"], columns["text"]):
                raise DataError(
                    f"{name}, line {reader.line_num} has {len(cells)} columns, and a path and a text are needed; "
                    "correct it"
                )
            rows.append(_row(reader.line_num, {role: cells[at] for role, at in columns.items() if at < len(cells)}))
            if len(rows) > MOST_ROWS:
                raise DataError(f"{name} has more than {MOST_ROWS:,} rows; give fewer")
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num} cannot be read ({error}); correct it") from error
    if not rows:
        raise DataError(f"{name} has no rows; give the path and the text of a recording in each")
    return rows


def _delimiter(lines: list[str]) -> str:
    """Return the character that separates columns: the first that is in all of the first lines."""
    return next((mark for mark in "\t|;" if lines and all(mark in line for line in lines)), ",")


def _columns(names: list[str]) -> dict[str, int]:
    """Return the columns by their role."""
    roles = {"path": PATHS, "file": FILES, "text": (*TEXTS, *FILES), "group": GROUPS, "part": SPLITS}
    found = {role: next((names.index(name) for name in known if name in names), -1) for role, known in roles.items()}
    if found["text"] != found["file"]:
        found["file"] = -1
    return {role: at for role, at in found.items() if at >= 0}


def _bare(cells: list[str], delimiter: str) -> dict[str, int]:
    """Return the columns of a table without a header: path and text, or path and path of the text."""
    if len(cells) < 2:
        return {"path": 0, "text": 1}
    if cells[1].strip().lower().endswith(".txt"):
        return {"path": 0, "text": 1, "file": 1}
    return {"path": 0, "text": 2 if delimiter == "|" and len(cells) == 3 else 1}


def _row(line: int, cells: dict[str, str]) -> Row:
    part = PARTS.get(cells.get("part", "").strip().lower(), "")
    return Row(
        line, cells["path"].strip(), cells["text"].strip(), "file" in cells, cells.get("group", "").strip(), part
    )


def _json(text: str, name: str) -> list[Row]:
    try:
        if name.lower().endswith(".jsonl"):
            pairs = [(n, json.loads(line)) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
            return [_object(item, number, name, "") for number, item in pairs]
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if name.lower().endswith(".json") and text.lstrip().startswith("{") and "\n{" in text:
            return _json(text, name + ".jsonl")  # a JSON object on each line
        raise DataError(f"{name} is not JSON ({error}); correct it") from error
    root, samples = "", value
    if isinstance(value, dict):
        root, samples = value.get("root_path", ""), value.get("samples")
    if not isinstance(samples, list) or not isinstance(root, str) or not samples:
        raise DataError(
            f"{name} has no list of 'samples'; give {{'samples': [{{'wav_path': …, 'transcript_path': …}}]}}"
        )
    return [_object(item, number, name, root) for number, item in enumerate(samples, 1)]


def _object(item: object, number: int, name: str, root: str) -> Row:
    cells = {str(key).lower(): value for key, value in item.items()} if isinstance(item, dict) else {}
    columns = _columns(list(cells))
    values = list(cells.values())
    given = {role: values[at] for role, at in columns.items()}
    if not {"path", "text"} <= given.keys() or not all(isinstance(value, str | int) for value in given.values()):
        raise DataError(f"{name}, item {number} needs the texts wav_path and transcript_path (or text); correct it")
    row = _row(number, {role: str(value) for role, value in given.items()})
    if not root:
        return row
    path, file = (str(PurePosixPath(root, text)) for text in (row.path, row.text))
    return row._replace(path=path, text=file if row.file else row.text)


def is_sound(name: str) -> bool:
    """Return whether a name is that of a recording."""
    return name.lower().endswith(SUFFIXES)
