"""Checks of every request before it is handled: host, origin, content type and size.

The server listens on this machine only, but any page in the browser can send requests to it. So the Host header must
name this machine (which prevents DNS rebinding), and a request that changes something must be JSON, which other sites
cannot send without a CORS preflight, and must have this page's origin if it has an Origin header.
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
FAILED = "internal server error; see the terminal in which the server was started"


class Guard:
    """ASGI middleware that refuses requests from elsewhere and adds security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *HEADERS.items()]
            await send(message)

        refused = _refusal(scope)
        if refused is None and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            body = await _body(receive)
            if body is None:
                refused = 413, f"the body must be at most {LARGEST:,} bytes; request less"
            else:
                receive = _replayed(body, receive)
        if refused is not None:
            await _respond(answer, *refused)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception:
            logging.getLogger("uvicorn.error").exception("%s %s", scope["method"], scope["path"])
            if started:
                raise
            await _respond(answer, 500, FAILED)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Return (status, reason) for a request that is refused by its headers, else `None`."""
    headers = scope["headers"]
    hosts = _all(headers, b"host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return 400, "the host must be this machine, 127.0.0.1 or localhost; open the address that was printed"
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    origins = _all(headers, b"origin")
    if origins and origins != [b"http://" + hosts[0]]:
        return 403, "the request must come from this page; open the address that was printed"
    types = _all(headers, b"content-type")
    if len(types) != 1 or types[0].split(b";")[0].strip().lower() != b"application/json":
        return 415, "the content-type must be application/json"
    lengths = _all(headers, b"content-length")
    if lengths and (not lengths[0].isdigit() or len(lengths[0]) > 15 or int(lengths[0]) > LARGEST):
        return 413, f"the body must be at most {LARGEST:,} bytes; request less"
    return None


def _all(headers: Any, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


async def _body(receive: Receive) -> bytes | None:
    """Return the body, or `None` if it is too large; reading stops as soon as it is."""
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


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives the body once more, and then the client's later messages (its disconnect)."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _respond(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
