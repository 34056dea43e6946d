"""unrolled inspect RUN --web: serve the live page on this machine only."""

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

from ...data import cache_folder
from ...errors import ArgumentError
from ...inspector import Hypothesis, Inspection
from ...training.folder import RunFolder
from ...training.process import stop_signals
from ..terminal.look import printable

HOST = "127.0.0.1"
GRACE = 2  # seconds for pending responses at shutdown


def serve(
    model: Any, reading: Inspection, text: str, source: str, hypotheses: Sequence[Hypothesis], options: Any
) -> int:
    """Serve the page until Ctrl-C; return the exit status."""
    import uvicorn

    from ...inspector.web import Inspected, application

    path = Path(options.run)
    folder = RunFolder(path) if path.is_dir() else None
    name = (path if folder else path.parent).resolve().name or str(path)
    with _listening(options.port) as listener:
        app = application(
            Inspected(
                name, model, reading, text, source, hypotheses, folder, options.twins, options.seed,
                automatic=True, cache=cache_folder() / "inspect",
            )
        )  # fmt: skip
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=GRACE, server_header=False, lifespan="on", ws="none"
        )
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        print(printable(f"{name}: {len(text):,} characters of {source}"))
        print(f"open {address}  (Ctrl-C to stop)", flush=True)
        if not options.no_browser and _has_browser():
            threading.Timer(0.5, webbrowser.open, [address]).start()
        server = uvicorn.Server(config)
        with _stop_on_signals(server, app.state.service):
            server.run(sockets=[listener])
    return 0


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)  # early connections wait until the server is ready
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise ArgumentError(
            "port", f"a free port ({reason})", port, "choose another, or 0 for any free port"
        ) from error
    return listener


@contextlib.contextmanager
def _stop_on_signals(server: Any, service: Any) -> Iterator[None]:
    """Within this context Ctrl-C, SIGTERM and SIGHUP shut the server down cleanly, even before it has started.

    uvicorn installs its own handlers while it runs, and re-raises the received signals at its end, which arrive here.
    """

    def end(number: int, frame: Any) -> None:
        service.end_writing()
        server.should_exit = True

    server.handle_exit = end
    before = {number: signal.signal(number, end) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_browser() -> bool:
    """Return whether the command runs in a terminal on a machine with a graphical display."""
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stdout.isatty() and bool(screen)
