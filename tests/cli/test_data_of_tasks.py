"""`unrolled data` and a task of another package: it names data, recognises files, describes them and checks them."""

import json
import sys
import types
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Literal

import numpy as np
import pytest
from test_bad_input import refused

from unrolled.data import generated_lines, generated_speech
from unrolled.data.audio import Audio
from unrolled.data.named_data import NamedData
from unrolled.errors import ArgumentError, DataError
from unrolled.results import Pairs, Report, Text
from unrolled.tasks import registry
from unrolled.tasks.memory.task import Memory
from unrolled.training.config import groups


@dataclass(frozen=True, kw_only=True)
class Days:
    """Which days."""

    data: str = "sky"
    """a file of temperatures, or sky"""
    unit: Literal["celsius", "kelvin"] = "celsius"
    """of the temperatures"""
    digits: tuple[int, int] = (2, 0)
    """before and after the point"""

    def __post_init__(self):
        if self.data == "sky" and self.unit == "kelvin":
            raise ArgumentError("unit", "celsius for the sky", self.unit)


@dataclass(frozen=True, kw_only=True)
class Config:
    data: Days = field(default_factory=Days)
    training: groups(Memory.Config)["training"] = field(default_factory=groups(Memory.Config)["training"])


class Weather(Memory):
    """Tomorrow's weather."""

    name, Config, word = "weather", Config, None

    def __init__(self, config):
        self.config = config

    @classmethod
    def paths(cls):
        return {"data": ()}

    @classmethod
    def named(cls):
        return [NamedData("sky", "ten days of it", "none", 2000), NamedData("all-days", "every day", data="sky")]

    @classmethod
    def likely(cls, path):
        return path.suffix in (".wx", ".npy")

    def describe(self):
        data = self.config.data
        if data.data == "broken.npy":
            raise ValueError("no\nsuch day")
        if data.data == "refused.npy":
            raise DataError("refused.npy has no days; give days")
        how = (f"in {data.unit}, {data.digits}", "read: 21.5")
        parts = (Text("sunny\x1b[31m"), Pairs([("days", "10")]), Text("the end"))
        return Report({"days": 10}, parts, how=how, notes=("a note",), event="days")

    def check(self):
        return ["read: 21.5", "no rain in it"]


@pytest.fixture
def weather(monkeypatch):
    """The task, beside one that cannot be imported."""
    module = types.ModuleType("foreign_days")
    module.Weather = Weather
    monkeypatch.setitem(sys.modules, "foreign_days", module)
    points = {"weather": "foreign_days:Weather", "gone": "foreign_days:Gone"}
    found = {name: EntryPoint(name, place, registry.GROUP) for name, place in points.items()}
    monkeypatch.setattr(registry, "_external", lambda: found)


BROKEN = "note: the task gone (foreign_days:Gone) cannot be imported: AttributeError"


@pytest.mark.usefixtures("weather")
def test_its_data_are_listed_and_a_broken_task_is_a_line(unrolled):
    said = unrolled("data")
    assert said.status == 0
    assert any(line.split() == "sky ten days of it weather none 2.0 kB yes".split() for line in said.out.splitlines())
    assert (said.err.count("\n"), said.err.startswith(BROKEN)) == (1, True)
    rows = [json.loads(line) for line in unrolled("data", "--json", "--task", "weather").out.splitlines()]
    assert rows[0] == {
        "event": "corpus",
        "name": "sky",
        "title": "ten days of it",
        "task": "weather",
        "licence": "none",
        "bytes": 2000,
        "present": True,
    }
    assert [row["name"] for row in rows] == ["sky", "all-days"]


@pytest.mark.usefixtures("weather")
def test_its_named_data_are_described(unrolled):
    said = unrolled("data", "sky", "--digits", "3", "1")
    assert said.out.splitlines() == [
        "in celsius, (3, 1)",
        "read: 21.5",
        "",
        "sunny␛[31m",
        "",
        "days        10",
        "train with  unrolled train weather --data sky --digits 3 1",
        "",
        "the end",
    ]
    assert "note: a note\n" in said.err
    said = json.loads(unrolled("data", "all-days", "--json", "--check").out)
    assert said == {"event": "days", "name": "sky", "days": 10, "check": ["no rain in it"], "read": []}
    assert "--unit must be celsius for the sky, got 'kelvin'" in unrolled("data", "sky", "--unit", "kelvin").err


@pytest.mark.usefixtures("weather")
def test_a_file_that_is_no_text_is_described_by_the_task_alone(unrolled, home):
    (home / "a.npy").write_bytes(b"\0\1")
    said = json.loads(unrolled("data", "a.npy", "--unit", "kelvin", "--json").out)
    assert said == {"event": "days", "name": "a.npy", "days": 10, "read": []}
    (home / "broken.npy").touch()
    assert "error: the task weather fails: ValueError: no such day; repair" in unrolled("data", "broken.npy").err
    assert "error: refused.npy has no days" in unrolled("data", "refused.npy", "--task", "weather").err


@pytest.mark.usefixtures("weather")
def test_what_is_no_path_is_asked_of_every_task_in_turn(unrolled, home, monkeypatch):
    said = json.loads(unrolled("data", "text:" + "long" * 2000, "--json").out)
    assert (said["event"], said["characters"], said["read"]) == ("text", 8000, [])
    (home / "1.npy").write_bytes(b"\0")
    assert json.loads(unrolled("data", "?.npy", "--json").out)["event"] == "days"
    monkeypatch.setattr(Weather, "likely", lambda path: path.is_nothing())
    said = unrolled("data", "1.npy", "--json")
    assert "note: the task weather fails: AttributeError: " in said.err
    assert json.loads(said.out)["name"] == "1.npy"


@pytest.mark.usefixtures("weather")
def test_a_text_is_described_as_such_with_a_line_of_the_task(unrolled, home):
    (home / "a.wx").write_text("21.5\n")
    said = json.loads(unrolled("data", "a.wx", "--json", "--unit", "kelvin").out)
    assert (said["event"], said["characters"]) == ("text", 5)
    read = {
        "task": "weather",
        "how": "in kelvin, (2, 0)",
        "first": ["read: 21.5"],
        "values": {"name": "a.wx", "days": 10},
    }
    assert said["read"] == [read]
    out = unrolled("data", "a.wx", "--check").out
    assert "for weather  in celsius, (2, 0)\n             read: 21.5\n\n  21.5\n" in out
    assert "no validation text: model selection uses the training text" in out
    assert out.endswith("check for weather  no rain in it\n")
    out = unrolled("data", "a.wx", "--task", "weather", "--check", "--separator", "x").out
    assert out.startswith(  # the facts of the requested task come first
        "in celsius, (2, 0)\nread: 21.5\n\nsunny␛[31m\n\ndays        10\n"
        "train with  unrolled train weather --data a.wx\n\nthe end\n\ncheck  no rain in it\n\ntext  "
    )
    assert out.endswith("\n\n  21.5\n")
    assert out.count("train with") == 1


@pytest.mark.usefixtures("weather")
def test_the_tasks_options_are_explained_and_belong_to_it(unrolled, home):
    (home / "a.txt").write_text("text")
    out = unrolled("data", "--task", "weather", "--help").out
    assert "of the temperatures (default: celsius)" in out
    assert "--tag-column" not in out
    assert "--data" not in out.replace("unrolled data", "")
    assert "\n  weather      --unit --digits\n" in unrolled("data", "--help").out
    refused_line = [line for line in unrolled("data", "a.txt", "--unit", "kelvin").err.splitlines() if "error" in line]
    assert refused_line == ["error: --unit must be omitted unless --task is weather, got 'kelvin'; add --task weather"]
    assert "--unit must be one of celsius, kelvin, got 'k'" in unrolled("data", "sky", "--unit", "k").err
    assert "unrolled data has no option --data" in unrolled("data", "sky", "--data", "a.txt").err
    assert "--digits must be omitted without a file, got '1 2'" in unrolled("data", "--digits", "1,2").err


def test_an_option_that_several_tasks_share_goes_to_each(unrolled, home):
    (home / "a.csv").write_text("good|pos\nbad|neg\n")
    read = json.loads(unrolled("data", "a.csv", "--json", "--form", "tsv", "--no-header").out)["read"]
    assert [one["task"] for one in read] == ["classify", "translate"]
    assert all(one["how"].startswith("no: a.csv") for one in read)
    (home / "a.conll").write_text("I-x a\n\nB-x b\n")
    read = json.loads(unrolled("data", "a.conll", "--json", "--tag-column", "0", "--token-column", "1").out)["read"]
    assert read[0]["how"].startswith("no: the tags of a.conll are inconsistent in the scheme bio")
    words = ("data", "a.conll", "--json", "--tag-column", "0", "--token-column", "1")
    assert json.loads(unrolled(*words, "--repair").out)["read"][0]["first"] == ["read: a/B-x", "read: b/B-x"]
    refused(unrolled("data", ""), "file, folder or named corpus '' does not exist")
    refused(unrolled("data", "a.conll", "--task", "tags"), "--task must be one of lm", "did you mean 'tag'?")
    refused(unrolled("data", "a.conll", "--task", "memory"), "NAME must be one of adding, copy")


def test_a_name_that_several_tasks_have_is_described_by_each(unrolled, monkeypatch, tmp_path):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))  # of lines and recordings that are not those of this name
    sound = Audio(np.sin(np.arange(800)).astype(np.float32), 8_000)
    monkeypatch.setattr(generated_speech.GeneratedSound, "audio", lambda self: sound)
    monkeypatch.setattr(generated_lines, "_draw", lambda renderer, n: (np.zeros((40, 20), np.uint8), str(n), ""))
    said = [json.loads(line) for line in unrolled("data", "generated", "--json").out.splitlines()]
    described = [(one["event"], one["train"]) for one in said]
    labelled, sequences = [("labelled", 2000)] * 2, [("lines", 4000), ("recordings", 2000)]
    assert described == [("labelled", 3000), ("tagged", 4000), *labelled, *sequences]
    said = json.loads(unrolled("data", "repeat-copy", "--json", "--repeats", "3").out)
    assert said == {"event": "problem", "name": "repeat-copy", "length": 5, "valid": 1000, "test": 10000, "read": []}
