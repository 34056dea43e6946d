"""Who may ask, and how much."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from served import asked

from unrolled.inspector.web.guard import LARGEST, Guard

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client():
    with asked() as (client, _):
        yield client


def test_only_this_machine_by_its_own_names(client):
    for host in ("127.0.0.1", "127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]", "[::1]:99"):
        assert client.get("/api/run", headers={"host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost:", "127.0.0.1:x", "127.0.0.2", "", "a@localhost",
                 "localhost:123456", "localhost evil"):  # fmt: skip
        answer = client.get("/api/run", headers={"host": host})
        assert answer.status_code == 400
        assert "this machine" in answer.json()["detail"]
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_what_changes_something_is_json_from_this_page(client):
    for method in ("POST", "DELETE"):
        kinds = (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
        for kind in kinds:
            answer = client.request(method, "/api/compare", headers={} if kind is None else {"content-type": kind})
            assert answer.status_code == 415
        for origin in (
            "http://evil.example",
            "null",
            "https://127.0.0.1:8765",
            "http://127.0.0.1:8766",
            "http://localhost:8765",
        ):
            assert client.request(method, "/api/compare", headers={**JSON, "origin": origin}).status_code == 403
    own = {**JSON, "origin": "http://127.0.0.1:8765"}
    assert client.delete("/api/compare", headers=own).status_code == 200
    assert client.delete("/api/compare", headers={"content-type": "application/json; charset=utf-8"}).status_code == 200


def test_large_bodies_are_refused(client):
    body = json.dumps({"text": "a" * LARGEST}).encode()
    answer = client.post("/api/unrolled", content=body, headers=JSON)
    assert answer.status_code == 413
    assert "65,536 bytes" in answer.json()["detail"]
    assert client.post("/api/unrolled", content=iter([body]), headers=JSON).status_code == 413  # of unknown length


def test_a_large_body_is_not_read_to_its_end():
    """Neither one that says how large it is, nor one that goes on and on."""
    for headers, most in (([(b"content-length", b"100000000000")], 0), ([], LARGEST + 2000)):
        read, sent = 0, []

        async def receive():
            nonlocal read
            read += 1000
            return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

        async def send(message, sent=sent):
            sent.append(message)

        base = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [*base, *headers]}
        asyncio.run(Guard(FastAPI())(scope, receive, send))
        assert sent[0]["status"] == 413
        assert read <= most


def test_headers(client):
    for path in ("/", "/api/run", "/api/nothing", "/static/nothing.js", "/openapi.json"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


def test_no_path_of_a_request_is_opened(client, monkeypatch):
    opened = []
    real = os.open

    def spying(path, *rest, **options):
        opened.append(str(path))
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", spying)
    names = ("../app.py", "..%2fapp.py", "%2e%2e/page.py", "/etc/passwd", "....//", "index.html%00.js", "web.css/..",
             "C:%5cwindows", ".", "%2e%2e", "%00", "x" * 5000)  # fmt: skip
    for name in names:
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 404, name
        assert set(answer.json()) == {"detail"}
    assert opened == []


def test_the_pages_files_are_served_as_what_they_are(client):
    folder = Path(__file__).parents[3] / "src" / "unrolled" / "inspector" / "static" / "web"
    files = [path for path in folder.glob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for path in files:
        answer = client.get(f"/static/{path.name}")
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"].startswith(kinds[path.suffix])
    assert client.get("/").status_code == (200 if folder / "index.html" in files else 404)


def test_an_error_of_its_own_is_a_sentence_and_no_traceback(client, monkeypatch, caplog):
    def broken():
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(client.app.state.service, "run", broken)
    with caplog.at_level("ERROR", logger="uvicorn.error"):
        answer = client.get("/api/run")
    assert answer.status_code == 500
    assert re.fullmatch(r"internal server error.*", answer.json()["detail"])
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivisionError" in caplog.text  # whoever started the server is told


def test_wrong_bodies(client):
    for body, wrong in (
        (b"{", "must be JSON"),
        (b"\xff\xfe", "the body"),
        (b"[]", "the body"),
        (b"null", "the body"),
        (b'{"text": 1}', "text: must be text, got 1"),
        (b'{"text": "a", "more": 1}', "more: is not a field"),
        (b'{"text": "a", "last_only": 1}', "last_only: must be true or false, got 1"),
        (b'{"text": "a", "last_only": "true"}', "last_only"),
        (b'{"text": ""}', "text: "),
        (b'{"text": "\\ud800"}', "text: "),
    ):
        answer = client.post("/api/unrolled", content=body, headers=JSON)
        assert answer.status_code == 422, body[:40]
        assert wrong in answer.json()["detail"]
    for body in (b'{"temperature": NaN}', b'{"temperature": Infinity}', b'{"temperature": 1e999}', b'{"seed": 1.5}',
                 b'{"length": 1e30}', b'{"top_p": 0}', b'{"length": true}', b'{"seed": -1}',
                 b'{"clamps": [{"recurrence": "layers.0.0", "gate": "h", "index": 0, "value": NaN}]}'):  # fmt: skip
        assert client.post("/api/write", content=body, headers=JSON).status_code == 422, body
