"""Scores in the background: the search's own numbers, a comparison that can be stopped, errors that are told."""

from __future__ import annotations

import base64
import json
import threading

import httpx
import numpy as np
import pytest
from planted_cells import planted_lstm, story
from served import asked, inspected, listening, wait

from unrolled.errors import DataError
from unrolled.inspector import Unit, saved_findings, search
from unrolled.inspector.hypotheses import label
from unrolled.inspector.shown import values_of
from unrolled.inspector.unit_search import measure
from unrolled.inspector.web import training as log
from unrolled.training.folder import RunFolder

TEXT = story(4000)
JSON = {"content-type": "application/json"}


def state(client, *wanted):
    return wait(lambda: (told := client.get("/api/hypotheses").json())["state"] in wanted and told)


def test_scores_and_then_a_comparison():
    text = story(4000)
    with asked("lm", model=planted_lstm(text), text=text) as (client, what):
        told = state(client, "ready")
        labels = label(text, what.hypotheses)
        scores = measure(what.reading, labels, sample=True)
        by_name = {one["name"]: one for one in told["hypotheses"]}
        assert set(by_name) | set(told["left_out"]) == {one.name for one in what.hypotheses}
        assert told["hypotheses"][0]["name"] in ("inside double quotes", "position in the line", "parenthesis depth")
        quotes = by_name["inside double quotes"]
        j = labels.names.index("inside double quotes")
        for row, one in zip(quotes["best"], scores.ranked(j, 20), strict=True):
            assert (row["recurrence"], row["gate"], row["index"]) == (
                one.unit.recurrence,
                one.unit.gate,
                one.unit.index,
            )
            assert row["score"] == pytest.approx(one.score, abs=1e-5)
        assert quotes["best"][0]["score"] > 0.99
        assert (quotes["baseline"], quotes["excess"], quotes["p"], quotes["found"]) == (None,) * 4
        assert client.post("/api/compare", json={}).json() == {"state": "comparing"}
        again = client.post("/api/compare", json={})
        assert again.status_code == 409
        told = state(client, "compared")
        expected = search(what.reading, labels, top=20)
        assert [one["name"] for one in told["hypotheses"]] == [one.hypothesis for one in expected.findings]
        for row, one in zip(told["hypotheses"], expected.findings, strict=True):
            assert (row["p"], row["found"]) == (one.p, one.found)
            assert row["excess"] == pytest.approx(one.excess, abs=1e-4)
        assert told["done"] == 1
        assert client.post("/api/compare", json={}).status_code == 202  # once more, if one likes
        assert client.delete("/api/compare", headers=JSON).json() == {"state": "compared"}


def test_it_compares_by_itself_and_remembers(tmp_path, monkeypatch):
    options = {"model": planted_lstm(TEXT), "text": TEXT, "automatic": True, "cache": tmp_path / "kept"}
    with asked("lm", **options) as (client, _):
        told = state(client, "compared")
    assert told["hypotheses"][0]["found"]
    [file] = (tmp_path / "kept").iterdir()

    searched = []
    monkeypatch.setattr("unrolled.inspector.web.scoring.search", lambda *_, **__: searched.append(1) or found)
    with asked("lm", **options) as (client, _):
        again = state(client, "compared")
    assert again["hypotheses"] == told["hypotheses"]
    assert not searched
    found = saved_findings.load(file.parent, file.stem)
    for damage in ("{", "[]", '{"findings": [{}]}', "9" * 5000):
        file.write_text(damage)
        assert saved_findings.load(file.parent, file.stem) is None
    with asked("lm", **options) as (client, _):
        state(client, "compared")
    assert searched == [1]


def test_an_expression_is_scored_and_compared():
    with asked("lm", text=TEXT[:2500], automatic=True) as (client, what):
        assert client.post("/api/hypotheses", json={"expression": "[A-Z]"}).json() == {"name": "/[A-Z]/"}
        assert client.post("/api/hypotheses", json={"expression": "[A-Z]"}).json() == {"name": "/[A-Z]/"}
        told = wait(lambda: (told := client.get("/api/hypotheses").json())["state"] == "compared" and told)
        by_name = {one["name"]: one for one in told["hypotheses"]}
        added, built = by_name["/[A-Z]/"], by_name["capital"]  # the same labels
        assert told["hypotheses"][0] == added
        assert (added["best"], added["p"], added["excess"]) == (built["best"], built["p"], built["excess"])
        labels = client.get("/api/labels", params={"hypothesis": "/[A-Z]/", "begin": 100, "end": 200}).json()
        assert list(base64.b64decode(labels["values"])) == [int(c.isupper()) for c in what.text[100:200]]
        depth = client.get("/api/labels", params={"hypothesis": "position in the line", "begin": 0, "end": 9}).json()
        assert (depth["binary"], depth["low"]) == (False, 0)
        for expression, wrong in (("(", "that compiles"), ("∮", "it is never true in this text"), ("", "1 character")):
            refused = client.post("/api/hypotheses", json={"expression": expression})
            assert refused.status_code == 422
            assert wrong in refused.json()["detail"]
        assert client.get("/api/labels", params={"hypothesis": "no", "begin": 0, "end": 9}).status_code == 404


def test_a_text_too_short_for_scores_says_so():
    with asked("lm", text=TEXT[:700], automatic=True) as (client, _):
        told = state(client, "ready")
        assert told["hypotheses"] == []
        assert told["note"].startswith("the text is too short for scores")


def test_similar_passages():
    with asked("lm", model=planted_lstm(TEXT), text=TEXT) as (client, what):
        wait(lambda: client.app.state.service.traces.checkpoints.known.all())
        begin = TEXT.index('"', 300) + 1
        end = TEXT.index('"', begin)
        body = {"recurrence": "layers.0.0", "begin": begin, "end": end}
        told = client.post("/api/similar", json=body).json()
        h = values_of(what.reading, [Unit("layers.0.0", "h", n) for n in range(16)], len(TEXT)).values
        on = np.concatenate([h > 0.3, h < -0.3])
        units = np.flatnonzero(on[:, begin:end].all(1) & ~on[:, begin - 1] & ~on[:, end])
        if not len(units):
            units = np.flatnonzero(on[:, begin:end].all(1))
        names = [f"h[{n % 16}]{'' if n < 16 else ' −'}" for n in units]
        assert told["units"] == (names if len(names) <= 12 else [*names[:12], f"{len(names) - 12} more"])
        assert (told["begin"], told["end"]) == (0, len(TEXT))
        assert any(match["begin"] <= begin < match["end"] for match in told["matches"])
        for match in told["matches"]:
            assert TEXT[match["begin"] : match["end"]].startswith(match["text"])
            assert (on[units, match["begin"] : match["end"]].mean(0) >= 0.75 - 1e-9).all()
        for wrong in ({"begin": 5, "end": 5}, {"begin": 0, "end": 300}, {"begin": 0, "end": 10**9}):
            assert client.post("/api/similar", json={**body, **wrong}).status_code == 422


def test_a_comparison_can_be_stopped(monkeypatch):
    begun, ended = threading.Event(), threading.Event()
    real = search

    def watched(*rest, **options):
        begun.set()
        try:
            return real(*rest, **options)
        finally:
            ended.set()

    monkeypatch.setattr("unrolled.inspector.web.scoring.search", watched)
    with asked() as (client, _):
        assert client.delete("/api/compare", headers=JSON).json()["state"] in ("scoring", "ready")  # there is none
        state(client, "ready")
        client.post("/api/compare", json={})
        assert begun.wait(20)
        assert client.delete("/api/compare", headers=JSON).json() == {"state": "ready"}
        assert ended.wait(20)
        assert client.get("/api/hypotheses").json()["error"] is None
        assert state(client, "ready")["hypotheses"][0]["p"] is None


def test_errors_are_told(monkeypatch):
    def broken(*rest, **options):
        raise DataError("too short for twins")

    monkeypatch.setattr("unrolled.inspector.web.scoring.search", broken)
    with asked() as (client, _):
        state(client, "ready")
        client.post("/api/compare", json={})
        wait(lambda: client.get("/api/hypotheses").json()["error"] == "too short for twins")
    monkeypatch.setattr("unrolled.inspector.web.scoring.measure", broken)
    with asked() as (client, _):
        told = state(client, "failed")
        assert (told["error"], told["hypotheses"]) == ("too short for twins", [])
        assert client.post("/api/compare", json={}).status_code == 409


def test_questions_are_answered_while_it_scores():
    with listening(inspected("lm")) as (address, seen):
        with httpx.Client(base_url=address, timeout=30) as client:
            wait(lambda: client.get("/api/hypotheses").json()["state"] == "ready")
            client.post("/api/compare", json={})
            unit = {"recurrence": "layers.0.0", "gate": "h", "index": 1}
            first = client.get("/api/values", params={**unit, "begin": 0, "end": 500}).json()
            assert client.get("/api/hypotheses").json()["state"] in ("comparing", "compared")
            assert len(first["values"]) > 600
        assert seen.scoring.state in ("comparing", "compared")


def test_the_log_of_a_training(tmp_path):
    folder = RunFolder(tmp_path)
    folder.previews.mkdir()
    for step in (0, 20, 100):
        folder.write_preview(step, f"at {step}\n" + "x" * 5000)
    (folder.previews / "notes.txt").write_text("no preview")
    lines = [{"step": step, "loss": 4 - step / 1000, "lr": 0.1} for step in range(1, 3001)]
    lines += [
        {"step": step, "split": "valid", "loss": 3.5 - step / 1000, "best": step != 3000} for step in (1500, 3000)
    ]
    text = "\n".join(map(json.dumps, lines))
    folder.metrics.write_text(
        text
        + '\n{"step": 7, "loss": NaN}\n{"step": 7, "loss": 1'
        + "0" * 400
        + '}\nnot json\n[1]\n{"step": "8"}\n{"loss": 2}\n{"step": 3'
    )
    told = log.training(folder)
    assert len(told["points"]) == log.POINTS
    steps = [one["step"] for one in told["points"]]
    assert steps == sorted(set(steps))
    assert {1, 1500, 3000} <= set(steps)
    assert [one["valid_loss"] for one in told["points"] if "valid_loss" in one] == [2.0, 0.5]
    assert told["best"] == {"step": 1500, "loss": 2.0}
    assert [one["step"] for one in told["previews"]] == [0, 20, 100]
    assert all(len(one["text"]) == 4000 for one in told["previews"])
    assert np.isfinite([value for one in told["points"] for value in one.values()]).all()
    with asked(folder=folder) as (client, _):
        assert client.get("/api/training").json() == told
        assert "training" in client.get("/api/run").json()["panes"]
    assert log.training(RunFolder(tmp_path / "none")) == {"points": [], "previews": [], "best": None}
