"""What a trained model shows of itself, where it is printed and in a notebook."""

from pathlib import Path

import pytest
from torch import nn

import unrolled
from unrolled.tasks.common.trained import Trained

RUNS = Path(__file__).parents[1] / "fixtures" / "trained"
SHOWN = {
    "lm": ["LSTM, 1 layer of 4 units", "453", "17 symbols (char)"],
    "classify": ["generated", "LSTM, 1 layer of 4 units", "906", "negative, positive"],
    "tag": ["generated", "LSTM, 1 layer of 4 units", "5,260"],
    "translate": ["dates", "GRU, 1 layer of 4 units", "794"],
    "memory": ["copy", "LSTM, 1 layer of 4 units", "280"],
}


class Own(Trained):
    """A model of another package, whose config has nothing that ours have."""

    task = "<own>"


@pytest.mark.parametrize("name", SHOWN)
def test_models_of_our_tasks(name):
    model = unrolled.load(RUNS / name)
    rows = model.about()
    assert rows[0] == ("task", name)
    assert [text for _, text in rows if not text.startswith("text:")] == [name, *SHOWN[name]]
    assert str(model).splitlines()[0].split() == ["task", name]
    assert f">{SHOWN[name][-1]}</td>" in model._repr_html_()


def test_a_long_name_of_the_data_is_cut():
    [data] = [text for label, text in unrolled.load(RUNS / "lm").about() if label == "data"]
    assert data.startswith("text:the cat sat on the mat")
    assert (len(data), data[-1]) == (101, "…")


def test_counts_in_the_place_of_a_network(tmp_path):
    model = unrolled.train("lm", data="text:" + "abab" * 100, kind="ngram", order=2, run=tmp_path / "run")
    assert model.about()[2:] == [
        ("network", "none: it counts 2-grams"),
        ("n-grams", f"{model.model.size:,}"),
        ("vocabulary", "2 symbols (char)"),
    ]


def test_a_model_of_another_package():
    own = Own(nn.Linear(3, 2), object())
    assert own.size == 8
    assert str(own) == "task        <own>\nparameters  8"
    assert ">&lt;own&gt;</td>" in own._repr_html_()
