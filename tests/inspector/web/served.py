"""Small runs behind the server: asked in this process, or through a port of this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import uvicorn
from fastapi.testclient import TestClient
from readable_models import LINES, TEXT, language_model, tagger, translator

from unrolled.inspector import built_in, own, read
from unrolled.inspector.web import Inspected, application

MODELS = {"lm": (lambda: language_model("char"), TEXT), "translate": (lambda: translator("word"), LINES)}
MODELS |= {"bpe": (lambda: language_model("bpe"), TEXT), "tag": (tagger, LINES)}


def inspected(kind, *, folder=None, hypotheses=("a cat=cat",), model=None, text=None, **options):
    make, its = MODELS[kind]
    model, text = model or make(), text or its
    tried = [*built_in(), *map(own, hypotheses)]
    return Inspected("small", model, read(model, text), text, "story.txt", tried, folder, **options)


@contextlib.contextmanager
def asked(kind="lm", **options):
    """A client of a server in this process, and what it serves."""
    what = inspected(kind, **options)
    with TestClient(application(what), base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        yield client, what


@contextlib.contextmanager
def listening(what):
    """The address of a server on this machine."""
    app = application(what)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", log_config=None, timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.service
        finally:
            server.should_exit = True
            thread.join(20)


def wait(until, seconds=60.0):
    """Until it is true."""
    end = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
    return found
