"""List the recordings of ``--data`` with their transcripts: folders, tar archives, tables and manifests.

    folder or archive   *.trans.txt (LibriSpeech); *.transcription (AN4); x.wav + x.txt, or wav/x.wav + txt/x.txt;
                        a table such as metadata.csv (LJSpeech); else names such as 7_george_12.wav
    table, manifest     see transcript_tables.py; recordings are sought beside it, and in the tar archives beside it

Folders named train, valid (dev, val) and test, and such names with more after a dash (train-clean-100), are the parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import DataError, abridged, did_you_mean
from .audio import is_audio
from .labelled_folders import PARTS
from .line_pairs import Files, archive_files, decoded, folder_files
from .line_sources import FileBytes
from .transcript_tables import TABLES, Row, is_sound, read_list
from .untarred import is_archive, untarred
from .utterance_sources import FileSound, ListedUtterance, ListedUtterances

LISTS = (".trans.txt", ".transcription")
MOST_LIST = 1 << 28  # bytes of a list
DIGITS = re.compile(r"(?P<text>\d)_(?P<group>[a-z]+)_\d+\.wav")  # of the Free Spoken Digit Dataset
TAKES = re.compile(r"_[0-4]\.wav$")  # its test set
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def list_utterances(path: Path, pattern: re.Pattern[str] | None = None) -> ListedUtterances:
    """Return the recordings of a folder or file.

    Args:
        path: the folder, archive, table or manifest.
        pattern: finds in names the transcript (group ``text``) and the speaker (group ``group``).

    Raises:
        DataError: it cannot be read, a recording is missing, or none has a transcript.
    """
    if path.is_dir() or is_archive(path):
        files = folder_files(path) if path.is_dir() else _members(path)
        listed = _of_files(path, files, pattern)
    elif is_audio(path):
        raise DataError(f"{path} is a single recording; give a folder of recordings and transcripts, or a table")
    elif path.name.lower().endswith((*TABLES, *LISTS)):
        rows = read_list(decoded(FileBytes(path, str(path)), most=MOST_LIST), path.name)
        files = folder_files(path.parent)
        for archive in sorted(file for file in path.parent.iterdir() if file.suffix.lower() == ".tar"):
            files = {**archive_files(archive), **files}
        listed = ListedUtterances(path, list(_found(rows, files, str(path))), f"{len(rows):,} recordings of a table")
    else:
        kinds = "a folder, a tar archive, or a list ending in " + ", ".join((*TABLES, *LISTS))
        raise DataError(f"{path} has no known form of recordings with transcripts; give {kinds}")
    for row in listed.rows:
        _place(row)
    return listed


def _members(path: Path) -> Files:
    """Return the members of an archive, compressed or not."""
    plain = untarred(path)
    return {name: replace(file, name=f"{path}/{name}") for name, file in archive_files(plain).items()}


def _of_files(path: Path, files: Files, pattern: re.Pattern[str] | None) -> ListedUtterances:
    """Return the recordings of a folder or archive, by the first kind of transcripts that it has."""
    sounds = sorted(filter(is_sound, files))
    if not sounds:
        raise DataError(f"{path} has no recordings; give a folder or archive of WAV, FLAC or other files of sound")
    listed = ListedUtterances(path)
    lists = sorted(name for name in files if name.lower().endswith(LISTS))
    beside = {name: text for name in sounds if (text := _text_beside(name, files))}
    tables = sorted((name for name in files if name.lower().endswith(TABLES)), key=lambda name: name.count("/"))
    if pattern is not None:
        listed.rows, listed.how = _by_name(sounds, files, pattern), "transcripts in the names"
    elif lists:
        for name in lists:
            rows = read_list(decoded(files[name], most=MOST_LIST), name)
            part = _part(name) or next((PARTS[w] for w in re.split(r"[_.]", Path(name).name) if w in PARTS), "")
            folder = str(PurePosixPath(name).parent)
            found = list(_found(rows, files, files[name].name, "" if folder == "." else folder))
            for row in found:
                row.part = row.part or part
            listed.rows += found
        listed.how = f"{len(listed.rows):,} recordings in {len(lists):,} files of transcripts"
    elif beside:
        listed.rows = [
            ListedUtterance(name, decoded(files[text]), FileSound(files[name])) for name, text in beside.items()
        ]
        listed.how = f"{len(listed.rows):,} recordings with a text file each"
    elif tables:
        rows = read_list(decoded(files[tables[0]], most=MOST_LIST), tables[0])
        listed.rows = list(_found(rows, files, files[tables[0]].name))
        listed.how = f"{len(rows):,} recordings of {tables[0]}"
    else:
        listed.rows, listed.how = _by_name(sounds, files, DIGITS), "a digit in each name"
    bare = sorted(set(sounds) - {row.name for row in listed.rows})
    if not listed.rows:
        raise DataError(
            f"{path} has {len(sounds):,} recordings and no transcripts; give each x.wav a text x.txt, a table of paths "
            "and texts, or --pattern '(?P<text>…)_(?P<group>…)' for names that say it"
        )
    listed.notes += [f"{path}: {len(bare):,} recordings without a transcript skipped: {abridged(bare)}"] if bare else []
    return listed


def _by_name(sounds: list[str], files: Files, pattern: re.Pattern[str]) -> list[ListedUtterance]:
    """Return the recordings whose names match."""
    found = ((name, pattern.search(name.rpartition("/")[2])) for name in sounds)
    return [
        ListedUtterance(name, match["text"], FileSound(files[name]), group=match.groupdict().get("group") or "")
        for name, match in found
        if match and match["text"]
    ]


def _text_beside(name: str, files: Files) -> str:
    """Return the text file of a recording, or an empty string."""
    stem = name[: name.rindex(".")]
    parts = stem.split("/")
    swapped = "/".join("txt" if part.lower() in ("wav", "wavs", "audio", "flac") else part for part in parts)
    names = (stem + ".txt", stem + ".lab", swapped + ".txt")
    return next((name for name in names if name in files), "")


def _found(rows: list[Row], files: Files, where: str, folder: str = "") -> Iterator[ListedUtterance]:
    """Yield the recordings that a list names."""
    sounds = list(filter(is_sound, files))
    index: dict[str, str] = {}
    for name in sounds:
        last = name.rpartition("/")[2]
        for key in (last[: last.rindex(".")], last, name[: name.rindex(".")], name):
            index[key] = name
    for row in rows:
        spelled = row.path.replace("\\", "/").removeprefix("./")
        last = spelled.rpartition("/")[2]
        sound = index.get(f"{folder}/{spelled}") or index.get(spelled) or index.get(last)
        if sound is None:
            near = did_you_mean(last, [name.rpartition("/")[2] for name in sounds[:10_000]])
            raise DataError(
                f"{where}, line {row.line} names the recording {row.path!r}, which does not exist"
                f"{'; ' + near if near else ''}; correct the path, or restore the file"
            )
        text = _read(row, files, where) if row.file else row.text
        yield ListedUtterance(sound, text, FileSound(files[sound]), row.part, row.group)


def _read(row: Row, files: Files, where: str) -> str:
    """Return the transcript in a file that a list names."""
    spelled = row.text.replace("\\", "/").removeprefix("./")
    matches = (
        name for name in files if name == spelled or name.endswith("/" + spelled) or spelled.endswith("/" + name)
    )
    name = spelled if spelled in files else next(matches, None)
    if name is None:
        raise DataError(
            f"{where}, line {row.line} names the transcript {row.text!r}, which does not exist; correct the path, or "
            "restore the file"
        )
    return decoded(files[name])


def _place(row: ListedUtterance) -> None:
    """Give a recording its part and group by its folders, as far as it has none."""
    row.part = row.part or _part(row.name)
    folders = [name for name in row.name.split("/")[:-1] if not PARTS.get(name.lower().partition("-")[0])]
    row.group = row.group or (folders[0] if folders else "")


def _part(name: str) -> str:
    """Return the part that the folders of a name say, or an empty string."""
    folders = (PARTS.get(folder.lower().partition("-")[0], "") for folder in name.split("/")[:-1])
    return next(filter(None, folders), "")
