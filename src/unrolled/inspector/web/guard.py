"""Who may ask, and how much: what is checked before any question is read.

The server listens on this machine only, but any page in the browser can send requests to it. So a request must name
this machine as its host (a name of somebody else's that leads here is refused), what changes something must be JSON,
which pages from elsewhere cannot send unasked, and come from this page if it says where it comes from.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 64 * 1024  # bytes of a body
_HOST = re.compile(rb"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
FAILED = "the server could not answer this: an error of its own, which it has told where it was started"


class Guard:
    """An application in front of another."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *HEADERS.items()]
            await send(message)

        refused = _refusal(scope)
        if refused is None and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            body = await _body(receive)
            if body is None:
                refused = 413, f"the body must be at most {LARGEST:,} bytes; ask for less"
            else:
                receive = _again(body, receive)
        if refused is not None:
            await _tell(answer, *refused)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception:
            logging.getLogger("uvicorn.error").exception("%s %s", scope["method"], scope["path"])
            if begun:
                raise
            await _tell(answer, 500, FAILED)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Why a request is not even looked at."""
    headers = scope["headers"]
    hosts = _all(headers, b"host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return 400, "the host must be this machine, 127.0.0.1 or localhost; open the address that was printed"
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    origins = _all(headers, b"origin")
    if origins and origins != [b"http://" + hosts[0]]:
        return 403, "the request must come from this page; open the address that was printed"
    kinds = _all(headers, b"content-type")
    if len(kinds) != 1 or kinds[0].split(b";")[0].strip().lower() != b"application/json":
        return 415, "the content-type must be application/json"
    said = _all(headers, b"content-length")
    if said and (not said[0].isdigit() or len(said[0]) > 15 or int(said[0]) > LARGEST):
        return 413, f"the body must be at most {LARGEST:,} bytes; ask for less"
    return None


def _all(headers: Any, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


async def _body(receive: Receive) -> bytes | None:
    """The body, or `None` if it is too large: then no more of it has been read than that takes."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body, and then what comes after it: that the client has gone."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _tell(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
