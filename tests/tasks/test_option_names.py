"""An option has one name: as a flag, in config.toml, as a keyword of `train`, and in the classes that implement it."""

import dataclasses
import inspect
import tomllib
import typing

import pytest

from unrolled import nn
from unrolled.cells import CELLS, make_cell
from unrolled.cli.arguments import Schema
from unrolled.decoding import Sampling, SamplingOptions, Session
from unrolled.errors import ArgumentError
from unrolled.layers import Extras
from unrolled.tasks.common.recurrent import CELL_OPTIONS, COMMON_OPTIONS, Recurrent
from unrolled.tasks.lm.sampling import Sample
from unrolled.tasks.lm.trained import TrainedLanguageModel
from unrolled.tasks.registry import TASKS, task_class
from unrolled.training.config import flatten, options, to_toml, update

TASK_OPTIONS = {
    "cell",
    "feedforward_size",
    "dilation",
}  # of stacks, which torch's interface does not have


@pytest.mark.parametrize("task", TASKS)
def test_flags_keys_and_keywords_are_the_same(task):
    config = task_class(task).Config()
    table = options(type(config))
    assert set(Schema(type(config), "unrolled").flags) == set(table)
    saved = tomllib.loads(to_toml(config, task))
    given = {name: value for name, value in flatten(config).items() if value is not None}
    assert {name for group in saved.values() if isinstance(group, dict) for name in group} - {*saved["versions"]} == {
        *given
    }
    for name, value in given.items():
        assert flatten(update(type(config)(), **{name: value}))[name] == value


def test_the_drop_ins_have_the_names_of_the_tasks():
    extras = set(typing.get_type_hints(Extras))
    for layer in (nn.RNN, nn.GRU, nn.LSTM):
        accepted = {*inspect.signature(layer.__init__).parameters, *extras}
        cell = {*COMMON_OPTIONS, *CELL_OPTIONS[layer.cell]}
        foreign = {name for names in CELL_OPTIONS.values() for name in names} - cell
        names = {field.name for field in dataclasses.fields(Recurrent)} - TASK_OPTIONS - foreign
        assert names <= accepted


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_have_the_names_of_the_tasks(name):
    defaults = Recurrent(cell=name)
    given = {option: getattr(defaults, option) for option in (*COMMON_OPTIONS, *CELL_OPTIONS[name], "initial_state")}
    make_cell(name, 2, 3, **given)
    old, new = make_cell(name, 2, 3, initial="learned"), make_cell(name, 2, 3, initial_state="learned")
    assert list(old.state_dict()) == list(new.state_dict())
    with pytest.raises(ArgumentError, match="initial_state must be 'zero', 'random' or 'learned', got 'one'"):
        make_cell(name, 2, 3, initial_state="one")


def test_the_earlier_name_of_the_drop_ins_works():
    old, new = nn.GRU(2, 3, learned_initial_state=True), nn.GRU(2, 3, initial_state="learned")
    assert "initial_h_l0" in old.state_dict()
    assert list(old.state_dict()) == list(new.state_dict())


def test_sampling_has_one_set_of_names():
    fields = {field.name for field in dataclasses.fields(Sampling)}
    assert set(typing.get_type_hints(SamplingOptions)) == fields
    flags = set(Schema(Sample, "unrolled").flags)
    for function in (
        TrainedLanguageModel.generate,
        TrainedLanguageModel.generate_many,
        TrainedLanguageModel.stream,
        TrainedLanguageModel.stream_many,
        Session.write,
    ):
        named = set(inspect.signature(function).parameters) - {"self", "sampling", "options"}
        assert named | fields <= flags
