"""The page of a model of no task of this package, with a pane of its own."""

import base64

import numpy as np
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from frame_model import FRAMES, FrameModel
from served import wait

from unrolled.inspector import Unit, built_in, read
from unrolled.inspector.shown import values_of
from unrolled.inspector.web import Inspected, application


@pytest.fixture(scope="module")
def page():
    model = FrameModel()
    reading = read(model, FRAMES)
    what = Inspected("clip", model, reading, FRAMES, "clip.txt", built_in(reading.tick))
    with TestClient(application(what), base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        wait(lambda: client.get("/api/hypotheses").json()["state"] == "ready")
        yield client, what


def test_the_run_says_what_the_model_says(page):
    told = page[0].get("/api/run").json()
    assert (told["task"], told["panes"], told["loss_unit"]) == ("gesture", ["text", "contour"], "nats per frame")
    assert (told["about"], told["units"]) == ("GRU, 1 layer of 3, 135 weights", 3 * 4)


def test_no_hypothesis_is_tried(page):
    told = page[0].get("/api/hypotheses").json()
    assert (told["hypotheses"], told["left_out"], told["error"]) == ([], {}, None)


def test_values_at_frames(page):
    client, what = page
    asked = {"recurrence": "layers.0.0", "gate": "h", "index": 2, "begin": 30, "end": 60}
    told = client.get("/api/values", params=asked).json()
    level = np.frombuffer(base64.b64decode(told["values"]), dtype=np.uint8)
    step = (told["high"] - told["low"]) / 254
    expected = values_of(what.reading, [Unit("layers.0.0", "h", 2)], len(FRAMES)).values[0, 30:60]
    np.testing.assert_allclose(told["low"] + (level.astype(float) - 1) * step, expected, atol=0.51 * step)


def test_a_pane_of_its_own_and_none_of_others(page):
    client, _ = page
    seen = client.app.state.service
    assert seen.pane("contour", "907") == {"pane": "contour", "heights": [9, 0, 7]}
    with pytest.raises(HTTPException) as raised:
        seen.pane("depth", "907")
    assert raised.value.status_code == 409
    asked = {
        "/api/translate": {"text": "a"},
        "/api/unrolled": {"text": "a"},
        "/api/type": {"text": "a", "recurrence": "layers.0.0", "gate": "h", "index": 0},
        "/api/write": {},
    }
    for address, body in asked.items():
        answer = client.post(address, json=body)
        assert answer.status_code == 409, address
        assert answer.json()["detail"].endswith("; the run's task is gesture")
    assert "no pane 'translation'" in client.post("/api/translate", json=asked["/api/translate"]).json()["detail"]
