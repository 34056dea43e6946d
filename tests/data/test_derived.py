"""The cache of derived data: made once, whole or not there, made again when damaged, bounded, and shared."""

import errno
import os
import shutil
import signal
import threading
import time
from collections import ChainMap
from types import MappingProxyType

import pytest

from unrolled.data import derived as module
from unrolled.data import locks
from unrolled.data.derived import BOUND, bound, derived
from unrolled.data.sealed import MANIFEST
from unrolled.errors import ArgumentError, DataError, SaveError

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_CACHE_SIZE", raising=False)
    return tmp_path / "cache" / "derived"


class Maker:
    """Writes a file of ``size`` bytes and one in a folder; counts how often, in a file that processes share."""

    def __init__(self, log, size=10, wait=0.0):
        self.log, self.size, self.wait = log, size, wait

    def __call__(self, folder):
        with self.log.open("a") as file:
            file.write("made\n")
        (folder / "sub").mkdir()
        (folder / "sub" / "b.bin").write_bytes(b"b")
        time.sleep(self.wait)
        (folder / "a.bin").write_bytes(b"a" * self.size)

    @property
    def times(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path / "log")


def forked(body):
    """A child that runs ``body`` and ends with 0 if nothing was raised."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body()
            status = 0
        finally:
            os._exit(status)
    return pid


def ended(pid):
    deadline = time.monotonic() + 20
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            pytest.fail("a child did not end")
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(done[1])


def elsewhere(*arguments):
    """An entry that another process has opened and uses no longer."""
    assert ended(forked(lambda: derived(*arguments))) == 0


def names(cache):
    return sorted(path.name for path in cache.iterdir())


def entries(cache):
    return sorted(path.name.rpartition("-")[0] for path in cache.iterdir())


def test_made_once_for_each_key(cache, maker):
    one = derived("features", {"rate": 16_000, "files": ["a", "b"]}, maker)
    assert one.parent == cache
    assert one.name.startswith("features-")
    assert (one / "a.bin").read_bytes() == b"a" * 10
    assert (one / "sub" / "b.bin").read_bytes() == b"b"
    same = {"files": ("a", "b"), "rate": 16_000}
    assert derived("features", same, maker) == derived("features", ChainMap(same), maker) == one
    assert derived("features", MappingProxyType(same), maker) == one
    assert maker.times == 1
    others = {derived("features", {"rate": 8000}, maker), derived("clips", same, maker), derived("clips", 1, maker)}
    assert len(others) == 3
    assert maker.times == 4
    assert names(cache) == sorted([one.name, *(other.name for other in others)])


@pytest.mark.parametrize("kind", ["", "Clips", "a/b", "..", "-a", "a-"])
def test_what_is_no_kind(kind, maker):
    with pytest.raises(ArgumentError, match="kind must be lower-case letters, digits and dashes"):
        derived(kind, 1, maker)


@pytest.mark.parametrize("key", [{"a": object()}, {1: 1, "b": 2}, b"x"])
def test_what_is_no_key(key, maker, cache):
    with pytest.raises(ArgumentError, match="key must be JSON data"):
        derived("clips", key, maker)
    assert not cache.exists()


@FORK
def test_of_two_processes_at_once_one_makes_it(maker, capfd):
    maker.wait = 0.2
    children = [forked(lambda: derived("clips", 1, maker).stat()) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    assert maker.times == 1
    assert capfd.readouterr() == ("", "")


def test_of_two_threads_at_once_one_makes_it(maker):
    maker.wait, found = 0.1, []
    threads = [threading.Thread(target=lambda: found.append(derived("clips", 1, maker))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert maker.times == 1
    assert found == [derived("clips", 1, maker)] * 3


@FORK
@pytest.mark.parametrize("point", ["making", "sealing", "renaming"])
def test_a_kill_leaves_nothing_that_is_taken_for_whole(cache, maker, monkeypatch, point):
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def child():
        if point == "sealing":
            monkeypatch.setattr("unrolled.data.sealed.write_synced", die)
        if point == "renaming":
            monkeypatch.setattr(module.os, "replace", die)
        derived("clips", 1, die if point == "making" else maker)

    assert ended(forked(child)) == -signal.SIGKILL
    (left,) = cache.iterdir()
    assert left.name.startswith(".")
    before = maker.times
    one = derived("clips", 1, maker)
    assert maker.times == before + 1
    assert names(cache) == [one.name]


@FORK
def test_what_a_kill_left_is_removed_when_something_else_is_made(cache, maker):
    forked_child = forked(lambda: derived("clips", 1, lambda folder: os.kill(os.getpid(), signal.SIGKILL)))
    assert ended(forked_child) == -signal.SIGKILL
    assert len(names(cache)) == 1
    assert names(cache) != [derived("clips", 2, maker).name]
    assert entries(cache) == ["clips"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "in a folder", "no manifest", "half a manifest", "{}"])
def test_a_damaged_entry_is_made_again(cache, maker, damage):
    one = derived("clips", 1, maker)
    if damage == "cut":
        os.truncate(one / "a.bin", 3)
    elif damage == "flipped":
        (one / "a.bin").write_bytes(b"a" * 9 + b"b")
    elif damage == "missing":
        (one / "a.bin").unlink()
    elif damage == "in a folder":
        (one / "sub" / "b.bin").write_bytes(b"c")
    elif damage == "no manifest":
        (one / MANIFEST).unlink()
    else:
        (one / MANIFEST).write_text("{}" if damage == "{}" else (one / MANIFEST).read_text()[:30])
    assert derived("clips", 1, maker) == one
    assert (one / "a.bin").read_bytes() == b"a" * 10
    assert (one / "sub" / "b.bin").read_bytes() == b"b"
    assert maker.times == 2
    assert names(cache) == [one.name]


def test_a_copied_cache_is_whole_and_read_once(cache, maker, monkeypatch):
    one = derived("clips", 1, maker)
    shutil.copytree(one, cache / "copy", copy_function=shutil.copy)
    shutil.rmtree(one)
    (cache / "copy").rename(one)
    digests = []
    digest = module.hashlib.file_digest
    monkeypatch.setattr("hashlib.file_digest", lambda *args: digests.append(1) or digest(*args))
    for _ in range(2):
        assert derived("clips", 1, maker) == one
    assert maker.times == 1
    assert len(digests) == 2  # each of two files


@FORK
def test_the_entries_opened_longest_ago_go_first(cache, maker, monkeypatch):
    maker.size = 10_000
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "25kB")
    for kind in ("a", "b", "a", "c"):  # a was made first and opened last
        elsewhere(kind, 1, maker)
    assert entries(cache) == ["a", "c"]
    derived("d", 1, maker)
    assert entries(cache) == ["c", "d"]
    maker.size = 100_000
    elsewhere("e", 1, maker)  # more than all may take: it stays until the next is made
    assert entries(cache) == ["d", "e"]  # d is in use here
    maker.size = 1
    elsewhere("f", 1, maker)
    assert entries(cache) == ["d", "f"]
    assert maker.times == 6


@FORK
def test_what_a_live_process_uses_stays(cache, maker, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")
    ready, stop = os.pipe(), os.pipe()

    def use():
        derived("used", 1, maker)
        os.write(ready[1], b"x")
        os.read(stop[0], 1)

    child = forked(use)
    os.read(ready[0], 1)
    elsewhere("a", 1, maker)
    assert entries(cache) == ["a", "used"]
    elsewhere("b", 1, maker)
    assert entries(cache) == ["b", "used"]
    os.write(stop[1], b"x")
    assert ended(child) == 0
    elsewhere("c", 1, maker)
    assert entries(cache) == ["c"]


def test_many_small_entries_are_not_counted_again_for_each(cache, maker, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "10kB")
    sizes, size = [], module._size
    monkeypatch.setattr(module, "_size", lambda folder: sizes.append(1) or size(folder))
    for n in range(12):
        derived("clips", n, maker)
    assert len(names(cache)) == 12
    assert len(sizes) == 12 + 1 + 4 + 7 + 10  # each when it is made; all at first and whenever 500 bytes more were made


def test_one_entry_may_be_made_from_another(cache, maker, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")

    def outer(folder):
        shutil.copytree(derived("inner", 1, maker), folder / "inner")

    assert (derived("outer", 1, outer) / "inner" / "a.bin").read_bytes() == b"a" * 10
    assert entries(cache) == ["inner", "outer"]


def test_what_is_not_ours_is_left_alone(cache, maker, monkeypatch):
    old = cache.parent / "encoded" / ("0" * 24)
    for folder in (old, cache / ("0" * 24), cache / "mine", cache / ".mine-1", cache / f"a-{'0' * 24}"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")
    one = derived("a", 1, maker)
    assert (old / "file").exists()
    assert names(cache) == sorted([".mine-1", "0" * 24, "mine", f"a-{'0' * 24}", one.name])


@pytest.mark.parametrize("where", ["making", "flushing"])
def test_a_full_disk(cache, maker, monkeypatch, where):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "flushing":
        monkeypatch.setattr("os.fsync", full)
    says = r"cannot write .*clips-\w+: No space left on device; free some space or set UNROLLED_CACHE to another"
    with pytest.raises(SaveError, match=says):
        derived("clips", 1, full if where == "making" else maker)
    assert names(cache) == []
    monkeypatch.undo()
    assert (derived("clips", 1, maker, cache=cache) / "a.bin").exists()


def test_a_folder_that_cannot_be_made_or_written(tmp_path, monkeypatch, maker):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        monkeypatch.setenv("UNROLLED_CACHE", str(place))
        with pytest.raises(SaveError, match="Not a directory; set UNROLLED_CACHE to a writable folder"):
            derived("clips", 1, maker)
    assert maker.times == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path, monkeypatch, maker):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    one = derived("clips", 1, maker)
    one.chmod(0o000)
    one.parent.chmod(0o500)
    try:
        with pytest.raises(SaveError, match="Permission denied; set UNROLLED_CACHE"):
            derived("clips", 1, maker)
    finally:
        one.parent.chmod(0o700)
        one.chmod(0o700)


def test_a_file_that_cannot_be_read_is_no_trouble_of_the_cache(cache, tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone\.wav: No such file or directory; change its permissions"):
        derived("clips", 1, lambda folder: (tmp_path / "gone.wav").read_bytes())
    with pytest.raises(ZeroDivisionError):
        derived("clips", 1, lambda folder: 1 // 0)
    assert names(cache) == []


def test_without_locks_everything_works_and_nothing_is_removed(cache, maker, monkeypatch):
    monkeypatch.setattr(locks, "_lock", lambda *_: None)
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")

    def slow(folder):  # another process makes it meanwhile
        monkeypatch.setattr(module, "_stores", {})
        derived("clips", 1, maker)
        maker(folder)

    one = derived("clips", 1, slow)
    derived("clips", 2, maker)
    assert (maker.times, len(names(cache))) == (3, 2)
    assert derived("clips", 1, maker) == one


@pytest.mark.parametrize(
    ("given", "bytes_"),
    [("", BOUND), ("5GB", 5 * 10**9), ("500 mb", 5 * 10**8), ("1.5T", 15 * 10**11), ("12", 12), ("0", 0)],
)
def test_the_bound(monkeypatch, given, bytes_):
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", given)
    assert bound() == bytes_


@pytest.mark.parametrize("given", ["5 parsecs", "-1", "GB", "1e9", "nan"])
def test_what_is_no_bound(monkeypatch, maker, given):
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", given)
    with pytest.raises(ArgumentError, match=f"UNROLLED_CACHE_SIZE must be a size such as 500MB or 5GB, got '{given}'"):
        derived("clips", 1, maker)
    assert maker.times == 0
