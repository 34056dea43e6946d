"""Files of captions of pictures or clips, in the forms in which their publishers distribute them; the form is detected.

    karpathy   {"images": [{"filename": …, "split": …, "sentences": [{"raw": …}, …]}, …]}          with its own split
    coco       {"images": [{"id": …, "file_name": …}], "annotations": [{"image_id": …, "caption": …}]}
    flickr     1000268201.jpg#0<tab>A child …                                                      Flickr8k.token.txt
    csv        image,caption — with commas in captions, quoted or not (Kaggle's captions.txt); also | and tabs
    jsonl      {"image": …, "caption": …} or {"image": …, "captions": [ … ]}, one object per line

A picture may have several captions. A suffix such as ``#0`` of a picture's name is removed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import DataError
from .textfile import TextFile

CaptionForm = Literal["auto", "karpathy", "coco", "flickr", "csv", "jsonl"]

FORMS = {
    "karpathy": "Karpathy's JSON (dataset_flickr8k.json)",
    "coco": "COCO's annotations (captions_train2014.json)",
    "flickr": "name#0, a tab and a caption on each line (Flickr8k.token.txt)",
    "csv": "CSV with the columns image and caption (Kaggle's captions.txt)",
    "jsonl": 'JSON lines such as {"image": "a.jpg", "captions": ["…"]}',
}
MOST_BYTES = 1 << 30  # of a file
LONGEST = 2_000  # characters of a caption
PARTS = {"train": "train", "restval": "train", "val": "valid", "valid": "valid", "test": "test"}
PICTURE_KEYS = ("image", "filename", "file_name", "file", "path", "image_path", "image_name", "img", "picture", "photo",
                "clip", "video", "video_id")  # fmt: skip
CAPTION_KEYS = ("caption", "captions", "comment", "text", "sentence", "sentences", "description")
_NUMBER = re.compile(r"#[0-9]{1,4}$")


@dataclass
class CaptionFile:
    """The captions of a file.

    Attributes:
        captions: name of a picture → its captions, in the order of the file.
        parts: name of a picture → train, valid or test, if the file has a split.
        how: how the file was read, for messages.
        notes: what was skipped.
    """

    captions: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    how: str = ""
    notes: list[str] = field(default_factory=list)


def read_captions(path: Path, form: CaptionForm = "auto") -> CaptionFile:
    """Read the captions of a file.

    Raises:
        DataError: it cannot be read, has another form, or has no captions.
    """
    text = _text(path)
    if form == "auto":
        form = _detected(path, text)
    found, blank = CaptionFile(), 0
    for name, caption, part in _READERS[form](path, text):
        name, caption = _NUMBER.sub("", name.strip()), " ".join(caption.split())
        if not name or not caption:
            blank += 1
            continue
        if len(caption) > LONGEST:
            raise DataError(f"{path}: a caption of {name} has {len(caption):,} characters, more than {LONGEST:,}")
        found.captions.setdefault(name, []).append(caption)
        if part:
            found.parts[name] = PARTS.get(part, "train")
    if not found.captions:
        raise _unknown(path, "has no captions")
    total = sum(map(len, found.captions.values()))
    found.how = f"{FORMS[form]}: {total:,} captions of {len(found.captions):,} pictures"
    if blank:
        found.notes.append(f"{path}: {blank:,} entries without a name or a caption skipped")
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} has more than {MOST_BYTES >> 20:,} MiB, the limit of a file of captions; split it")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; give a file of captions") from error
    return "".join(TextFile(path, "auto", line_ends="unify").read())


def _detected(path: Path, text: str) -> CaptionForm:
    """Return the form of a file by its beginning."""
    lines = [line for line in text[:20_000].split("\n") if line.strip()]
    first = lines[0].strip() if lines else ""
    if first.startswith(("{", "[")):
        if _is_row(first):
            return "jsonl"
        data = _json(path, text)
        images = data.get("images") if isinstance(data, dict) else None
        if isinstance(images, list) and isinstance(data.get("annotations"), list):
            return "coco"
        if isinstance(images, list) and any(isinstance(image, dict) and "sentences" in image for image in images[:1]):
            return "karpathy"
        raise _unknown(path)
    if re.match(r"[^\t]+#[0-9]{1,4}\t", first):
        return "flickr"
    if _header(first) is not None:
        return "csv"
    raise _unknown(path)


def _is_row(line: str) -> bool:
    """Return whether a line is an object with a caption."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "images" not in row and any(key in row for key in CAPTION_KEYS)


def _unknown(path: Path, problem: str = "is not a file of captions") -> DataError:
    return DataError(f"{path} {problem}; the forms that are understood are {'; '.join(FORMS.values())}")


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON ({error}); copy it again, or give another file") from error


def _entries(path: Path, data: Any, key: str) -> list[dict[str, Any]]:
    """Return the objects of the list ``key`` of a file."""
    values = data.get(key) if isinstance(data, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise _unknown(path, f"has no list {key!r}")
    return values


Triples = Iterator[tuple[str, str, str]]


def _karpathy(path: Path, text: str) -> Triples:
    for image in _entries(path, _json(path, text), "images"):
        name, folder, sentences = image.get("filename"), image.get("filepath"), image.get("sentences")
        if not isinstance(name, str) or not isinstance(sentences, list):
            raise _unknown(path, "has an image without filename and sentences")
        name = f"{folder}/{name}" if isinstance(folder, str) and folder else name
        for sentence in sentences:
            raw = sentence.get("raw") if isinstance(sentence, dict) else None
            if raw is None and isinstance(sentence, dict) and isinstance(sentence.get("tokens"), list):
                raw = " ".join(map(str, sentence["tokens"]))
            yield name, _string(raw), _string(image.get("split"))


def _coco(path: Path, text: str) -> Triples:
    data = _json(path, text)
    names = {}
    for image in _entries(path, data, "images"):
        names[image.get("id")] = _string(image.get("file_name"))
    for entry in _entries(path, data, "annotations"):
        if "caption" not in entry or not isinstance(entry.get("image_id"), int | str):
            raise _unknown(path, "has annotations without captions, as those of objects")
        yield names.get(entry["image_id"], ""), _string(entry["caption"]), ""


def _flickr(path: Path, text: str) -> Triples:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            name, tab, caption = line.partition("\t")
            if not tab:
                raise _unknown(path, f"has no tab in line {number:,}")
            yield name, caption, ""


def _header(line: str) -> tuple[str, int] | None:
    """Return the delimiter and the number of columns of a table, if the first is a picture and the last its caption."""
    for delimiter in ("|", "\t", ","):
        names = [name.strip(' "').lower() for name in line.split(delimiter)]
        if len(names) > 1 and names[0] in PICTURE_KEYS and names[-1] in CAPTION_KEYS:
            return delimiter, len(names)
    return None


def _csv(path: Path, text: str) -> Triples:
    first, _, rest = text.lstrip().partition("\n")
    layout = _header(first.strip())
    if layout is None:
        raise _unknown(path, "does not begin with a header such as image,caption")
    delimiter, columns = layout
    for number, line in enumerate(rest.split("\n"), 2):
        if line.strip():
            cells = line.split(delimiter, columns - 1)  # the caption may contain the delimiter
            if len(cells) < columns:
                raise _unknown(path, f"has fewer than {columns} columns in line {number:,}")
            yield _unquoted(cells[0]), _unquoted(cells[-1]), ""


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if quoted else cell


def _jsonl(path: Path, text: str) -> Triples:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} has invalid JSON in line {number:,} ({error}); correct it") from error
        row = row if isinstance(row, dict) else {}
        name, captions = _first(row, PICTURE_KEYS), _first(row, CAPTION_KEYS)
        if not isinstance(name, str) or captions is None:
            raise _unknown(path, f"has no picture and caption in line {number:,}")
        for caption in captions if isinstance(captions, list) else [captions]:
            raw = caption.get("raw") if isinstance(caption, dict) else caption
            yield name, _string(raw), _string(row.get("split"))


def _first(row: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((row[key] for key in keys if row.get(key) is not None), None)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


_READERS: dict[str, Callable[[Path, str], Triples]] = {
    "karpathy": _karpathy,
    "coco": _coco,
    "flickr": _flickr,
    "csv": _csv,
    "jsonl": _jsonl,
}
