"""A server for a run, a browser in front of it, and a watch over what the browser complains about."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from unrolled import api
from unrolled.inspector import built_in, read
from unrolled.inspector.web import Inspected, application
from unrolled.training.folder import RunFolder

CHROMIUM = Path("/usr/bin/chromium") if Path("/usr/bin/chromium").exists() else Path(shutil.which("chromium") or "none")
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
HYPOTHESES = ("inside double quotes", "capital", "vowel", "parenthesis depth", "position in the line")
SECONDS = 20  # that anything may take
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> &lt; שלום \u202eab\u202c 👩\u200d👧 e\u0301 \0 \\ ${x}\n"
)


def story(lines: int) -> str:
    """Quotes, brackets and lines of several lengths, with what a page must not take for markup among them."""
    draw = random.Random(0)
    words = ["cat", "mat", '"sat on"', "(a rat)", "hello", "wall", "tall owl", "Oh"]
    some = [f"{' '.join(draw.choices(words, k=draw.randint(2, 9)))}.\n" for _ in range(lines)]
    return HOSTILE + "".join(some[: lines // 2]) + HOSTILE + "".join(some[lines // 2 :])


def train_lm(folder: Path, text: str) -> Inspected:
    """A small language model of the text."""
    data = folder / "story.txt"
    data.write_text(text, encoding="utf-16", newline="")  # in which a text may have characters 0
    run = folder / "tiny"
    api.train(
        "lm", run=run, data=str(data), hidden_size=12, num_layers=2, batch_size=8, bptt=16, steps=60, eval_every=20,
        preview_length=60, encoding="utf-16",
    )  # fmt: skip
    return inspected(run, text)


def train_translator(folder: Path) -> Inspected:
    """A small translator of words backwards."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcde", k=draw.randint(3, 7))) for _ in range(120)]
    (folder / "words.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words))
    run = folder / "backwards"
    api.train(
        "translate", run=run, data=str(folder / "words.tsv"), vocabulary="char", hidden_size=12, batch_size=8, steps=60,
        lr=0.02, eval_every=20,
    )  # fmt: skip
    return inspected(run, "abc\ndecade\n" * 20)


def inspected(run: Path, text: str) -> Inspected:
    """A run and a text, for a server."""
    model = api.load(run)
    tried = [one for one in built_in() if one.name in HYPOTHESES]
    return Inspected(run.name, model, read(model, text), text, "story.txt", tried, RunFolder(run))


class Slow:
    """An application whose answers come `pause` seconds late, each piece of them."""

    def __init__(self, app):
        self.app, self.pause = app, 0.0

    async def __call__(self, scope, receive, send):
        async def late(message):
            if self.pause and message["type"] == "http.response.body":
                await asyncio.sleep(self.pause)
            await send(message)

        await self.app(scope, receive, late)


class Server:
    """The page's server in a thread; started again, it has the same address."""

    def __init__(self, run: Inspected):
        self.run = run
        with socket.socket() as some:
            some.bind(("127.0.0.1", 0))
            self.port = some.getsockname()[1]
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.slow = Slow(application(self.run))
        config = uvicorn.Config(self.slow, host="127.0.0.1", port=self.port, log_level="critical", log_config=None)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + SECONDS
        while not self.server.started:
            assert self.thread.is_alive(), "the server has ended"
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


class Watch:
    """What a page's browser complained about: its console, errors, dialogs, and requests to anywhere else."""

    def __init__(self, page, address: str):
        self.said: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("console", lambda one: one.type in ("error", "warning") and self.said.append(one.text))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda one: (self.said.append(f"dialog: {one.message}"), one.dismiss()))
        page.on("request", lambda one: self._look(one.url, address))

    def _look(self, url: str, address: str) -> None:
        if not url.startswith((f"{address}/", "data:")):
            self.said.append(f"request: {url}")

    @contextmanager
    def expecting(self, *words: str):
        """Complaints with any of these words are none."""
        self.expected += words
        yield

    def complaints(self) -> list[str]:
        return [one for one in self.said if not any(word in one for word in self.expected)]
