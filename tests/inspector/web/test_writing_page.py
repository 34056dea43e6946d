"""The page lets the model write: the same text as on the command line, with units held, and until nobody listens."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest
from readable_models import TEXT, language_model
from served import asked, inspected, listening, wait

from unrolled.analysis.clamp import clamp
from unrolled.inspector.web import requests, writing

CELL = {"recurrence": "layers.1.0", "index": 2}


@pytest.fixture(scope="module")
def lm():
    with asked() as (client, what):
        yield client, what.model


def written(client, **body):
    answer = client.post("/api/write", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1]["done"]
    assert not any("done" in line for line in lines[:-1])
    return "".join(line["text"] for line in lines[:-1]), lines


def test_the_text_is_that_of_the_same_seed(lm):
    client, model = lm
    for options in (
        {"seed": 3},
        {"seed": 4, "temperature": 0.6, "top_k": 5, "top_p": 0.9},
        {"seed": 0, "temperature": 0},
    ):
        expected = model.generate("the ", 200, **options)
        text, lines = written(client, prompt="the ", length=200, **options)
        assert text == expected
        assert lines[-1]["seed"] == options["seed"]
        assert lines[-1]["symbols"] == 200
        watched, _ = written(client, prompt="the ", length=200, watch={**CELL, "gate": "i"}, **options)
        assert watched == expected  # the plain loop


def test_a_seed_is_drawn_and_told(lm):
    text, lines = written(lm[0], length=300)
    again, _ = written(lm[0], length=300, seed=lines[-1]["seed"])
    assert text == again
    assert text != written(lm[0], length=300)[0]


def test_clamped_units_and_a_watched_one(lm):
    client, model = lm
    held = {**CELL, "gate": "c", "value": 2.5}
    text, lines = written(client, prompt="the ", length=150, seed=1, clamps=[held], watch={**CELL, "gate": "c"})
    values = [value for line in lines[:-1] for value in line["values"]]
    assert values == [2.5] * len(text)
    with clamp(model.model, {(1, 0, 2): 2.5}, leaf="c"):
        assert text == model.generate("the ", 150, seed=1)
    both = [held, {"recurrence": "layers.0.0", "gate": "h", "index": 0, "value": -1.0}]
    text, _ = written(client, length=100, seed=1, clamps=both)
    with clamp(model.model, {(1, 0, 2): 2.5}, leaf="c"), clamp(model.model, {(0, 0, 0): -1.0}):
        assert text == model.generate("", 100, seed=1)
    assert "runner" not in vars(model.model.stack)


def test_a_watched_units_values_are_those_after_reading(lm):
    client, model = lm
    text, lines = written(client, prompt="the ", length=60, seed=5, watch={**CELL, "gate": "h"})
    values = [value for line in lines[:-1] for value in line["values"]]
    for n in (1, 30, 60):
        _, state = model.step("the " + text[:n])
        assert values[n - 1] == pytest.approx(float(state[1].h[0, 2]), abs=1e-4)


def test_symbols_of_several_characters():
    model = language_model("bpe")
    asked_ = requests.Write(prompt="the", length=50, seed=1, watch=requests.Unit(**CELL, gate="h"))
    lines = list(writing.pieces(model, asked_))
    text = "".join(line["text"] for line in lines[:-1])
    assert text == model.generate("the", 50, seed=1)
    assert sum(len(line["values"]) for line in lines[:-1]) == len(text)


def test_what_is_refused(lm):
    client = lm[0]
    for body, status, detail in (
        ({"prompt": "é"}, 422, "prompt: must be in the model's char vocabulary"),
        ({"clamps": [{**CELL, "gate": "i", "value": 0}]}, 422, "clamps.gate: must be h or c"),
        ({"clamps": [{**CELL, "gate": "h", "index": 6, "value": 0}]}, 404, "index: must be from 0 to 5"),
        ({"clamps": [{**CELL, "gate": "h", "value": 0}] * 9}, 422, "clamps"),
        ({"watch": {**CELL, "gate": "q"}}, 404, "gate: must be one of"),
        ({"length": 5001}, 422, "length: must be at most 5,000, got 5001"),
        ({"prompt": "a" * 2001}, 422, "prompt"),
    ):
        answer = client.post("/api/write", json=body)
        assert answer.status_code == status, body
        assert detail in answer.json()["detail"]


def test_an_error_while_writing_is_the_last_line(lm, monkeypatch):
    def broken(*_):
        yield {"text": "a"}
        raise RuntimeError("secret")

    monkeypatch.setattr("unrolled.inspector.web.service.pieces", broken)
    lines = [json.loads(line) for line in lm[0].post("/api/write", json={}).text.splitlines()]
    assert lines[0] == {"text": "a"}
    assert set(lines[1]) == {"error"}
    assert "secret" not in lines[1]["error"]


class Slow:
    """Pieces without end, some every second; counts who is still writing."""

    def __init__(self):
        self.writing, self.given, self.lock = 0, 0, threading.Lock()

    def __call__(self, model, asked):
        with self.lock:
            self.writing += 1
        try:
            while True:
                with self.lock:
                    self.given += 1
                yield {"text": "a"}
                time.sleep(0.05)
        finally:
            with self.lock:
                self.writing -= 1


def test_two_at_once_and_a_closed_connection_ends_the_writing(monkeypatch):
    slow = Slow()
    monkeypatch.setattr("unrolled.inspector.web.service.pieces", slow)
    with listening(inspected("lm")) as (address, _), httpx.Client(base_url=address, timeout=30) as client:
        with client.stream("POST", "/api/write", json={}) as first:
            lines = first.iter_lines()  # kept: an iterator that nobody holds closes the connection
            next(lines)
            with client.stream("POST", "/api/write", json={}) as second:
                more = second.iter_lines()
                next(more)
                busy = client.post("/api/write", json={})
                assert busy.status_code == 503
                assert "2 texts are being generated" in busy.json()["detail"]
            wait(lambda: slow.writing == 1, 10)
        wait(lambda: slow.writing == 0, 10)
        given = slow.given
        time.sleep(0.3)
        assert slow.given == given
        with client.stream("POST", "/api/write", json={}) as third:  # both places are free again
            assert third.status_code == 200
            next(third.iter_lines())


def test_a_real_text_ends_with_its_connection(monkeypatch):
    """The plain loop, which would take long, stops within a piece; questions are answered meanwhile."""
    steps = []
    real = writing._watched

    def counting(*rest):
        for one in real(*rest):
            steps.append(1)
            time.sleep(0.01)
            yield one

    monkeypatch.setattr(writing, "_watched", counting)
    with listening(inspected("lm")) as (address, _), httpx.Client(base_url=address, timeout=30) as client:
        body = {"length": 5000, "watch": {**CELL, "gate": "h"}}
        with client.stream("POST", "/api/write", json=body) as answer:
            next(answer.iter_lines())
            assert client.get("/api/text", params={"begin": 0, "end": 9}).json()["text"] == TEXT[:9]
        time.sleep(1)
        count = len(steps)
        time.sleep(0.5)
        assert len(steps) == count < 1000
