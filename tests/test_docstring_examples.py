"""The examples in docstrings give what they show."""

import doctest
import importlib
import sys

import pytest

MODULES = ("scan", "cells", "cells.lstm", "checks", "layers.crf", "layers.dropin", "layers.rnn", "testing.conformance")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    importlib.import_module(f"unrolled.{name}")
    result = doctest.testmod(sys.modules[f"unrolled.{name}"])
    assert result.attempted > 0
    assert result.failed == 0
