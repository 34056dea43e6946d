"""unrolled inspect RUN --web: the page's server, on this machine and for it alone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import ArgumentError
from ...inspector import Hypothesis, Inspection
from ...training.folder import RunFolder
from ...training.process import stop_signals
from ..terminal.look import printable

HOST = "127.0.0.1"
GRACE = 2  # seconds in which answers under way may end


def serve(
    model: Any, reading: Inspection, text: str, source: str, hypotheses: Sequence[Hypothesis], options: Any
) -> int:
    """Serve the page until Ctrl-C; the exit status."""
    import uvicorn

    from ...inspector.web import Inspected, application

    path = Path(options.run)
    folder = RunFolder(path) if path.is_dir() else None
    name = (path if folder else path.parent).resolve().name or str(path)
    with _listening(options.port) as listener:
        app = application(
            Inspected(name, model, reading, text, source, hypotheses, folder, options.twins, options.seed)
        )
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=GRACE, server_header=False, lifespan="on", ws="none"
        )
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        print(printable(f"{name}: {len(text):,} characters of {source}"))
        print(f"open {address}  (Ctrl-C ends it)", flush=True)
        if not options.no_browser and _has_browser():
            threading.Timer(0.5, webbrowser.open, [address]).start()
        server = uvicorn.Server(config)
        with _ended_by_signals(server, app.state.service):
            server.run(sockets=[listener])
    return 0


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)  # who comes at once waits until there is an answer
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise ArgumentError("port", f"one that is free ({reason})", port, "choose another, or 0 for any") from error
    return listener


@contextlib.contextmanager
def _ended_by_signals(server: Any, seen: Any) -> Iterator[None]:
    """Within it the server ends in order at Ctrl-C, SIGTERM and SIGHUP, also if they come before it has begun.

    While it runs it has handlers of its own; at its end it raises the signals that it got once more, which come here.
    """

    def end(number: int, frame: Any) -> None:
        seen.end_writing()
        server.should_exit = True

    server.handle_exit = end
    before = {one: signal.signal(one, end) for one in stop_signals()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _has_browser() -> bool:
    """Whether a person with a screen has started this; a browser for terminals would only be in the way."""
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stdout.isatty() and bool(screen)
