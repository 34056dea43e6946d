"""Named data sets: found, verified, downloaded whole or not at all. No test touches the network."""

import hashlib
import io
import urllib.error

import pytest

from unrolled.data import NAMED, NamedDataset, fetch, open_corpus, registry
from unrolled.errors import ArgumentError, DataError, SaveError

CONTENT = b"to be or not to be\n" * 10
URL = "https://example.invalid/hamlet.txt"
HAMLET = NamedDataset(
    title="Hamlet",
    licence="public domain",
    path="plays/hamlet.txt",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    url=URL,
)


@pytest.fixture(autouse=True)
def cached(tmp_path, monkeypatch):
    """Where the download goes; no data folder is set and every attempt to reach the network fails."""
    monkeypatch.setitem(NAMED, "hamlet", HAMLET)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)

    def offline(url, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    return tmp_path / "cache" / "datasets" / "plays" / "hamlet.txt"


def serve(monkeypatch, content):
    asked = []

    def urlopen(url, timeout):
        assert timeout > 0
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_a_download_is_verified_and_kept(cached, monkeypatch):
    asked = serve(monkeypatch, CONTENT)
    assert fetch("hamlet") == cached
    assert cached.read_bytes() == CONTENT
    assert [chunk.text for chunk in open_corpus("hamlet").chunks()] == [CONTENT.decode()]
    assert asked == [URL]
    assert [path.name for path in cached.parent.iterdir()] == ["hamlet.txt"]


def test_offline_says_what_to_do(cached):
    with pytest.raises(DataError) as caught:
        fetch("hamlet")
    message = str(caught.value)
    for part in (URL, "Name or service not known", str(cached), "other data with --data"):
        assert part in message
    assert "\n" not in message
    assert list(cached.parent.iterdir()) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"!", b""])
def test_another_file_is_refused_with_both_digests(cached, monkeypatch, content):
    serve(monkeypatch, content)
    with pytest.raises(DataError) as caught:
        fetch("hamlet")
    assert hashlib.sha256(content).hexdigest() in str(caught.value)
    assert HAMLET.sha256 in str(caught.value)
    assert list(cached.parent.iterdir()) == []


def test_a_download_without_end_is_stopped(cached, monkeypatch):
    class Endless:
        sent = 0

        def read(self, size):
            self.sent += size
            return b"x" * size

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

    endless = Endless()
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: endless)
    with pytest.raises(DataError, match="longer than the expected 190 bytes"):
        fetch("hamlet")
    assert endless.sent <= 2 * registry._BLOCK
    assert list(cached.parent.iterdir()) == []


def test_a_connection_that_breaks(cached, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size):
            raise TimeoutError("timed out")

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Broken())
    with pytest.raises(DataError, match=r"cannot download .*timed out"):
        fetch("hamlet")
    assert list(cached.parent.iterdir()) == []


def test_the_data_folder_comes_first(cached, tmp_path, monkeypatch):
    there = tmp_path / "data" / "plays" / "hamlet.txt"
    there.parent.mkdir(parents=True)
    there.write_bytes(CONTENT)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "data"))
    assert fetch("hamlet") == there
    there.write_bytes(CONTENT + b"altered")
    with pytest.raises(DataError, match=f"{HAMLET.sha256}; remove or replace it"):
        fetch("hamlet")
    there.unlink()
    serve(monkeypatch, CONTENT)
    assert fetch("hamlet") == cached


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "file"))
    serve(monkeypatch, CONTENT)
    with pytest.raises(SaveError, match="UNROLLED_CACHE"):
        fetch("hamlet")


def test_a_set_without_a_publisher_says_how_to_come_by_it():
    with pytest.raises(DataError, match=r"stacks-project.*UNROLLED_DATA"):
        fetch("stacks")


def test_unknown_names_are_corrected():
    with pytest.raises(ArgumentError, match="did you mean 'hamlet'"):
        fetch("hamlett")


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("UNROLLED_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert registry.cache_folder() == tmp_path / "unrolled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.cache_folder() == tmp_path / ".cache" / "unrolled"
