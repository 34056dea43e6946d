"""Response time of the inspector's web page.    python benchmarks/page.py [--filled]

Untrained LSTMs with two layers of 256 and 512 units, a local server, and sequential requests at random positions of a
text: first while the server is still reading the text in the background, then, for texts short enough to wait for,
afterwards. Each request is for one screen, 1,600 characters (600 for the grid), rarely twice for the same position.
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import uvicorn

from harness import table
from unrolled.data import CharVocabulary
from unrolled.inspector import built_in, read
from unrolled.inspector.web import Inspected, application
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel

SCREEN, GRID, REQUESTS = 1600, 600, 30
WORDS = "the cat sat on a mat and saw one more rat while it rained in Rome".split()


def text_of(length: int) -> str:
    """Return random words in lines and paragraphs."""
    draw = random.Random(0)
    words = [draw.choice(WORDS) + draw.choice(("\n" if draw.random() < 0.9 else "\n\n") if n % 12 == 11 else " ")
             for n in range(length // 4)]  # fmt: skip
    return "".join(words)[:length]


@contextmanager
def served(text: str, hidden_size: int) -> Iterator[tuple[str, Any]]:
    """Start a server for an untrained model; yield its address and its service."""
    vocabulary = CharVocabulary("".join(sorted(set(text))))
    config = LanguageModelConfig(model=Recurrent(hidden_size=hidden_size, num_layers=2))
    torch.manual_seed(0)
    model = TrainedLanguageModel(new_model(len(vocabulary), config), vocabulary, config)
    app = application(Inspected("untrained", model, read(model, text), text, "words", built_in()))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", app.state.service
    finally:
        server.should_exit = True
        thread.join()


def request(address: str, name: str, begin: int, size: int, draw: random.Random) -> float:
    """Return the response time in milliseconds."""
    layer, gate, index = draw.randrange(2), draw.choice("hci"), draw.randrange(256)
    unit = f"&recurrence=layers.{layer}.0&gate={gate}"
    parameters = {"values": f"{unit}&index={index}", "grid": unit}.get(name, "")
    start = time.perf_counter()
    with urllib.request.urlopen(f"{address}/api/{name}?begin={begin}&end={begin + size}{parameters}") as response:
        response.read()
    return 1000 * (time.perf_counter() - start)


def rows(address: str, text: str, state: str, network: str) -> Iterator[list[str]]:
    """Yield a table row for each kind of request."""
    draw = random.Random(1)
    for name, size in (("text", SCREEN), ("values", SCREEN), ("grid", GRID), ("guesses", SCREEN)):
        times = [request(address, name, draw.randrange(len(text) - size), size, draw) for _ in range(REQUESTS)]
        low = statistics.median(times)
        high = statistics.quantiles(times, n=20)[-1]
        yield [network, f"{len(text):,}", state, name, f"{size:,}", f"{low:.0f} ms", f"{high:.0f} ms"]
    begin = draw.randrange(len(text) - SCREEN)
    request(address, "values", begin, SCREEN, draw)
    again = [request(address, "values", begin, SCREEN, draw) for _ in range(REQUESTS)]
    yield [network, f"{len(text):,}", state, "values, same place", f"{SCREEN:,}", f"{statistics.median(again):.0f} ms",
           f"{statistics.quantiles(again, n=20)[-1]:.0f} ms"]  # fmt: skip


def printed(table_rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Print each row as soon as it is measured, and pass it on."""
    for row in table_rows:
        print("  ".join(row), flush=True)
        yield row


def main() -> None:
    found: list[list[str]] = []
    for hidden_size, length in ((256, 100_000), (512, 100_000), (512, 5_000_000)):
        text, network = text_of(length), f"2×{hidden_size}"
        start = time.perf_counter()
        with served(text, hidden_size) as (address, service):
            print(f"{network}, {length:,} characters: page after {time.perf_counter() - start:.1f} s", flush=True)
            found += printed(rows(address, text, "being read", network))
            known = service.traces.checkpoints.known
            if length < 1_000_000 or "--filled" in sys.argv:
                while not known.all() or service.scoring.state == "scoring":
                    time.sleep(0.2)
                print(f"read and scored after {time.perf_counter() - start:.0f} s", flush=True)
                found += printed(rows(address, text, "read", network))
    table(["LSTM", "characters", "text is", "request", "size", "median", "95th percentile"], found)


if __name__ == "__main__":
    main()
