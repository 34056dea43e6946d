"""The data of a training, read again: the same, changed, gone."""

import pytest

from unrolled.errors import DataError, RunError
from unrolled.tasks.common.own_data import own_data


def test_data_that_is_the_same_is_given_back():
    assert own_data(lambda: "abc", str.upper, "ABC", what="a.txt") == "abc"


def test_data_that_has_changed_is_refused():
    with pytest.raises(RunError) as raised:
        own_data(lambda: "abd", str.upper, "ABC", what="a.txt", model="runs/a")
    assert str(raised.value) == (
        "the data a.txt has changed since runs/a was trained, so its splits differ; restore the old data, or "
        "give other data with --data"
    )


@pytest.mark.parametrize("error", [DataError("there is no file a.txt"), OSError("there is no file a.txt")])
def test_data_that_cannot_be_read_is_an_error_of_the_run(error):
    def read():
        raise error

    with pytest.raises(RunError) as raised:
        own_data(read, str, "abc", what="a.txt")
    assert str(raised.value) == (
        "the data a.txt that the model was trained on cannot be read: there is no file a.txt; or give --data"
    )
