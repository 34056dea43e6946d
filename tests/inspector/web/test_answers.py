"""What the page is told: the model's own numbers, in the places they belong to."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from readable_models import LINES, TEXT
from served import asked, wait

from unrolled.inspector import Unit
from unrolled.inspector.hypotheses import label
from unrolled.inspector.shown import values_of
from unrolled.inspector.unit_search import measure

UNIT = {"recurrence": "layers.1.0", "gate": "c", "index": 2}


def decoded(told, name="values", dtype=np.uint8):
    return np.frombuffer(base64.b64decode(told[name]), dtype=dtype)


def numbers(told, level):
    """The values that bytes stand for."""
    values = told["low"] + (level.astype(float) - 1) / 254 * (told["high"] - told["low"])
    return np.where(level == 0, np.nan, values)


@pytest.fixture(scope="module")
def lm():
    with asked() as (client, what):
        wait(lambda: client.get("/api/hypotheses").json()["state"] == "ready")
        wait(lambda: client.app.state.service.traces.checkpoints.known.all())
        yield client, what


def test_run(lm):
    told = lm[0].get("/api/run").json()
    assert (told["name"], told["task"], told["text"]) == (
        "small",
        "lm",
        {"source": "story.txt", "characters": len(TEXT)},
    )
    assert told["about"].startswith("LSTM, 2 layers of 6, ")
    assert told["units"] == 2 * 6 * 6
    assert [one["name"] for one in told["recurrences"]] == ["layers.0.0", "layers.1.0"]
    assert told["recurrences"][1]["label"] == "layer 2"
    assert told["recurrences"][0]["gates"][:2] == told["recurrences"][0]["states"] == ["h", "c"]
    assert told["panes"] == ["text", "type", "write", "unrolled"]


def test_text_is_clipped_and_limited(lm):
    n = len(TEXT)
    told = lm[0].get("/api/text", params={"begin": n - 5, "end": n + 100}).json()
    assert told == {"begin": n - 5, "end": n, "text": TEXT[-5:]}
    assert lm[0].get("/api/text", params={"begin": 10**9, "end": 10**9}).json()["text"] == ""
    for begin, end, wrong in ((0, 1601, "at most 1,600 after begin"), (5, 4, "at least begin"), (-1, 4, "begin")):
        answer = lm[0].get("/api/text", params={"begin": begin, "end": end})
        assert answer.status_code == 422
        assert wrong in answer.json()["detail"]


def test_values_of_a_unit(lm):
    client, what = lm
    expected = values_of(what.reading, [Unit("layers.1.0", "c", 2)], len(TEXT)).values[0]
    told = client.get("/api/values", params={**UNIT, "begin": 500, "end": 1500}).json()
    found = numbers(told, decoded(told))
    assert not told["provisional"]
    assert told["low"] < told["high"]
    np.testing.assert_allclose(decoded(told, "raw", "<f4"), expected[500:1500], atol=1e-6)
    step = (told["high"] - told["low"]) / 254
    np.testing.assert_allclose(found, np.clip(expected[500:1500], told["low"], told["high"]), atol=0.51 * step)
    other = client.get("/api/values", params={**UNIT, "begin": 0, "end": 10}).json()
    assert (other["low"], other["high"]) == (told["low"], told["high"])


def test_grid_by_index_and_by_a_hypothesis(lm):
    client, what = lm
    asked = {"recurrence": "layers.0.0", "gate": "h", "begin": 100, "end": 160}
    units = [Unit("layers.0.0", "h", n) for n in range(6)]
    expected = values_of(what.reading, units, len(TEXT)).values[:, 100:160]
    plain = client.get("/api/grid", params=asked).json()
    assert (plain["order"], plain["scores"], plain["measure"]) == (list(range(6)), None, None)
    by_score = client.get("/api/grid", params={**asked, "sort": "a cat"}).json()
    assert sorted(by_score["order"]) == plain["order"]
    assert by_score["measure"] == "auc"
    assert plain["low"] == -plain["high"] < 0
    gate = client.get("/api/grid", params={**asked, "gate": "i"}).json()
    assert (gate["low"], gate["high"]) == (0, 1)
    for told in (plain, by_score):
        found = numbers(told, decoded(told).reshape(6, 60))
        step = (told["high"] - told["low"]) / 254
        clipped = np.clip(expected[told["order"]], told["low"], told["high"])
        np.testing.assert_allclose(found, clipped, atol=0.51 * step)
    scores = measure(what.reading, label(TEXT, what.hypotheses), sample=True)
    j = label(TEXT, what.hypotheses).names.index("a cat")
    for unit, score in zip(by_score["order"], by_score["scores"], strict=True):
        assert score == pytest.approx(scores.score[j, scores.units.index(Unit("layers.0.0", "h", unit))], abs=1e-5)
    assert by_score["scores"] == sorted(by_score["scores"], reverse=True)  # by what is shown
    own = client.get("/api/grid", params={**asked, "scale": "own"}).json()
    for index, row in enumerate(decoded(own).reshape(6, 60)):
        unit = {"recurrence": "layers.0.0", "gate": "h", "index": index, "begin": 100, "end": 160}
        np.testing.assert_array_equal(row, decoded(client.get("/api/values", params=unit).json()))


def test_guesses(lm):
    client, what = lm
    told = client.get("/api/guesses", params={"begin": 700, "end": 800}).json()
    expected = values_of(what.reading, [], len(TEXT))
    ids = decoded(told, "ids", "<u2").reshape(100, 5)
    spelled = [told["symbols"][id] for id in ids[:, 0]]
    assert spelled == [what.model.vocabulary.decode([id]) for id in expected.guesses[700:800, 0]]
    np.testing.assert_allclose(decoded(told, "shares").reshape(100, 5) / 255, expected.shares[700:800], atol=0.003)


@torch.no_grad()
def test_a_text_of_many_characters_a_symbol():
    with asked("bpe") as (client, what):
        told = client.get("/api/text", params={"begin": 0, "end": 300}).json()
        ends = set(what.reading.text.text.places.tolist())
        assert told["read"] == [int(place in ends) for place in range(300)]
        typed = client.post("/api/type", json={**UNIT, "text": "the cat sat on"}).json()
        assert typed["surprise"][0] is None
        ids = what.model.vocabulary.encode("the cat sat on").astype(np.int64)
        logits, _ = what.model.model(torch.from_numpy(ids)[:, None])
        nats = -logits[:-1, 0].log_softmax(-1).gather(1, torch.from_numpy(ids)[1:, None])
        told = [one for one in typed["surprise"] if one is not None]
        assert sum(told) == pytest.approx(float(nats.sum()), abs=1e-3)
        assert len(told) == len(ids) - 1 < 13
        symbols = len(ids)
        assert len(client.post("/api/unrolled", json={"text": "the cat sat on"}).json()["steps"]) == symbols


def test_typed(lm):
    client, what = lm
    text = "the cat sat"
    told = client.post("/api/type", json={**UNIT, "text": text}).json()
    log_p, state = what.model.step(text)
    best = log_p.topk(10)
    assert [one["symbol"] for one in told["next"]] == [
        what.model.vocabulary.decode([id]) for id in best.indices.tolist()
    ]
    np.testing.assert_allclose([one["p"] for one in told["next"]], best.values.exp(), rtol=1e-3)
    before, _ = what.model.step(text[:-1])
    assert told["surprise"][-1] == pytest.approx(-float(before[what.model.vocabulary.encode("t")[0]]), abs=1e-3)
    states = {(one["recurrence"], one["gate"]): one["values"] for one in told["state"]}
    np.testing.assert_allclose(states["layers.1.0", "c"], state[1].c[0], atol=6e-4)
    assert len(states) == 4
    level = decoded(told)
    assert len(level) == len(text)
    expected = np.clip(float(state[1].c[0, 2]), told["low"], told["high"])
    assert numbers(told, level)[-1] == pytest.approx(expected, abs=0.51 * (told["high"] - told["low"]) / 254)
    empty = client.post("/api/type", json={**UNIT, "text": ""}).json()
    assert (empty["surprise"], empty["values"]) == ([], "")
    assert empty["next"][0]["p"] > 0
    read = client.post("/api/type", json={**UNIT, "text": "cat"}).json()
    unknown = client.post("/api/type", json={**UNIT, "text": "écaét"}).json()
    assert (unknown["skipped"], read["skipped"]) == ([0, 3], [])
    assert (unknown["next"], unknown["state"]) == (read["next"], read["state"])
    assert [unknown["surprise"][at] for at in (1, 2, 4)] == read["surprise"]
    assert [decoded(unknown)[at] for at in (0, 1, 2, 3, 4)] == [0, *decoded(read)[:2], 0, decoded(read)[2]]


def test_the_surprise_of_a_page_and_the_range_of_a_unit(lm):
    client, what = lm
    told = client.get("/api/surprise", params={"begin": 700, "end": 760}).json()
    guesses = what.model.vocabulary.encode(TEXT[:760]).astype(np.int64)
    with torch.no_grad():
        logits, _ = what.model.model(torch.from_numpy(guesses)[:, None])
    nats = -logits[:-1, 0].log_softmax(-1).gather(1, torch.from_numpy(guesses)[1:, None])[:, 0]
    np.testing.assert_allclose(told["nats"], nats[699:], atol=2e-3)
    assert client.get("/api/surprise", params={"begin": 0, "end": 2}).json()["nats"][0] is None
    expected = values_of(what.reading, [Unit("layers.1.0", "c", 2)], len(TEXT)).values[0]
    told = client.get("/api/range", params=UNIT).json()
    assert expected.min() <= told["low"] < told["mean"] < told["high"] <= expected.max()
    assert told["characters"] == 2048
    assert told["mean"] == pytest.approx(expected.mean(), abs=0.1 * (told["high"] - told["low"]))


def test_unrolled(lm):
    client, _ = lm
    told = client.post("/api/unrolled", json={"text": "the cat"}).json()
    assert told["symbols"] == list("the cat")
    losses = [one["loss"] for one in told["steps"]]
    assert losses[-1] is None
    assert told["loss"] == pytest.approx(np.mean(losses[:-1]), rel=1e-3)
    assert [one["target"] for one in told["steps"]] == [*"he cat", None]
    for one in told["steps"][:-1]:
        assert one["loss"] == pytest.approx(-np.log(one["p_target"]), rel=2e-3)
        assert one["right"] == (one["guess"] == one["target"])
        assert len(one["top"]) == 5
        for layer in one["layers"]:
            assert layer["grad_norm"] == pytest.approx(np.linalg.norm(layer["grad"]), rel=1e-2)
            assert len(layer["h"]) == len(layer["c"]) == 6
            assert "gates" not in layer
    layer = client.post("/api/unrolled", json={"text": "the cat", "gates": True}).json()["steps"][2]["layers"][1]
    assert sorted(layer["gates"]) == ["f", "g", "i", "o"]
    assert layer["h"][0] == pytest.approx(layer["gates"]["o"][0] * np.tanh(layer["c"][0]), abs=2e-3)
    last = client.post("/api/unrolled", json={"text": "the cat", "last_only": True}).json()
    assert last["loss"] == pytest.approx(losses[-2], rel=1e-3)
    long = client.post("/api/unrolled", json={"text": "a" * 61})
    assert long.status_code == 422
    assert "at most 60 tokens" in long.json()["detail"]


def test_a_translator():
    with asked("translate") as (client, what):
        told = client.get("/api/run").json()
        assert told["panes"] == ["text", "translation"]
        assert {one["backward"] for one in told["recurrences"]} == {True, False}
        assert "in both directions" in told["about"]
        sentence = "Anna saw the cat."
        answer = client.post("/api/translate", json={"text": sentence}).json()
        [[one, *_]] = what.model.translate([sentence])
        assert (answer["text"], answer["source"], answer["target"]) == (one.text, one.source, one.target)
        weights = np.reshape(answer["weights"], (len(one.target), len(one.source)))  # of JSON, where none has no width
        np.testing.assert_allclose(weights, one.weights, atol=1e-4)
        unit = {"recurrence": "layers.0.1", "gate": "h", "index": 1}
        values = client.get("/api/values", params={**unit, "begin": 0, "end": 50}).json()
        expected = values_of(what.reading, [Unit(*unit.values())], len(LINES)).values[0, :50]
        clipped = np.clip(expected, values["low"], values["high"])
        np.testing.assert_allclose(
            numbers(values, decoded(values)), clipped, atol=(values["high"] - values["low"]) / 400
        )
        for path, body in (("type", {**unit, "text": "a"}), ("unrolled", {"text": "a"}), ("write", {})):
            refused = client.post(f"/api/{path}", json=body)
            assert refused.status_code == 409
            assert "translate" in refused.json()["detail"]
        assert client.get("/api/guesses", params={"begin": 0, "end": 1}).status_code == 409


def test_a_tagger():
    with asked("tag") as (client, what):
        assert client.get("/api/run").json()["panes"] == ["text", "predict"]
        assert client.post("/api/translate", json={"text": "a"}).status_code == 409
        told = client.post("/api/predict", json={"text": LINES[:60]}).json()
        [expected] = what.model.predict([LINES[:60]], explain=True)
        assert [(one["text"], one["label"]) for one in told["pieces"]] == [(p.text, p.label) for p in expected.pieces]
        assert [one["weight"] for one in told["pieces"]] == pytest.approx([p.weight for p in expected.pieces], rel=1e-3)
        assert (told["answer"], told["classes"]) == ("", [])
        assert client.get("/api/training").status_code == 409
        text = client.get("/api/text", params={"begin": 0, "end": 20}).json()
        assert [place for place, one in enumerate(text["read"]) if one] == [3, 7, 11, 15, 16]
        wait(lambda: client.get("/api/hypotheses").json()["state"] == "ready")


def test_what_is_not_there(lm):
    for params, detail in (
        ({**UNIT, "recurrence": "layers.9.0"}, "recurrence: must be one of layers.0.0, layers.1.0, got 'layers.9.0'"),
        ({**UNIT, "gate": "z"}, "gate: must be one of"),
        ({**UNIT, "index": 6}, "index: must be from 0 to 5, got 6"),
    ):
        answer = lm[0].get("/api/values", params={**params, "begin": 0, "end": 1})
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith(detail)
    sort = {"recurrence": "layers.0.0", "gate": "h", "begin": 0, "end": 1, "sort": "no such"}
    assert lm[0].get("/api/grid", params=sort).status_code == 404
    assert lm[0].get("/api/nothing").json()["detail"].startswith("this path does not exist")
    assert lm[0].get("/docs").status_code == 404
