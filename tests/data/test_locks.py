"""Locks by name: between processes, shared or not, in one file that may go away."""

import os

import pytest

from unrolled.data.locks import Locks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def elsewhere(path, name, *, shared=False):
    """What another process gets."""
    pid = os.fork()
    if pid == 0:
        os._exit({True: 0, False: 1, None: 2}[Locks(path).take(name, shared=shared)])
    return {0: True, 1: False, 2: None}[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


def test_names_are_locked_one_by_one(tmp_path):
    path = tmp_path / "lock"
    locks = Locks(path)
    assert locks.take("a") is True
    assert locks.take("b", shared=True) is True
    assert elsewhere(path, "a") is False
    assert elsewhere(path, "a", shared=True) is False
    assert elsewhere(path, "b") is False
    assert elsewhere(path, "b", shared=True) is True
    assert elsewhere(path, "c") is True
    locks.release("a")
    assert elsewhere(path, "a") is True
    assert elsewhere(path, "b") is False
    locks.close()
    assert elsewhere(path, "b") is True


def test_a_file_that_is_removed_is_made_again(tmp_path):
    path = tmp_path / "lock"
    locks = Locks(path)
    assert locks.take("a") is True
    path.unlink()
    assert elsewhere(path, "a") is True
    assert locks.take("a") is True
    assert elsewhere(path, "a") is False


def test_where_there_can_be_none(tmp_path):
    locks = Locks(tmp_path / "no folder" / "lock")
    assert locks.take("a") is None
    locks.release("a")
