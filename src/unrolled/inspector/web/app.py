"""The server's addresses. The page asks them for what it shows; nothing else is served, and no file by its path."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Annotated, Any

import numpy as np
from anyio import to_thread
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException as StarletteError
from starlette.types import Receive, Scope, Send

from ...errors import UnrolledError
from ..packing import in_base64, levels
from ..shown import GUESSES
from . import replies, requests
from .guard import Guard
from .inspected import Inspected
from .page import Page
from .service import Service
from .writing import Written

PROBLEMS = {
    400: "not for this machine, or no request",
    403: "from another page",
    404: "there is no such thing",
    405: "another method is asked for",
    409: "not for this run",
    413: "too large",
    415: "not JSON",
    422: "a field is wrong",
    500: "an error of the server's own",
    503: "busy",
}


class Reply(JSONResponse):
    """JSON in ASCII: whatever characters a text has, also half ones."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Stream(StreamingResponse):
    """A text's pieces as they come, a line each; the writing is over when this is, however it ends."""

    def __init__(self, written: Written) -> None:
        super().__init__(_lines(written), media_type="application/x-ndjson")
        self._written = written

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._written.close()


async def _lines(written: Written) -> AsyncIterator[bytes]:
    while (piece := await to_thread.run_sync(written.take)) is not None:
        yield json.dumps(piece, allow_nan=False).encode("ascii") + b"\n"


def application(inspected: Inspected) -> FastAPI:
    """The server of one run and one text, to be run with one worker."""
    seen = Service(inspected)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        seen.start()
        yield
        await to_thread.run_sync(seen.close)

    app = FastAPI(title="unrolled inspect", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = seen
    app.add_middleware(Guard)
    app.add_exception_handler(RequestValidationError, _wrong_field)
    app.add_exception_handler(StarletteError, _problem)
    app.add_exception_handler(UnrolledError, _on_purpose)
    _page(app)
    _text(app, seen)
    _scores(app, seen)
    _asking(app, seen)
    return app


def _answers(reply: type[replies.Reply], *problems: int, status: int = 200) -> dict[str, Any]:
    """What an address may answer."""
    told: dict[int, Any] = {code: {"model": replies.Problem, "description": PROBLEMS[code]} for code in problems}
    told[status] = {"model": reply, "description": (reply.__doc__ or "").split("\n")[0]}
    return {"responses": told, "response_class": Reply, "response_model": None, "status_code": status}


READ = (400, 404, 422, 500)
SENT = (400, 403, 409, 413, 415, 422, 500)


def _page(app: FastAPI) -> None:
    page = Page(resources.files("unrolled.inspector") / "static" / "web")

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return page.response("index.html")

    @app.get("/static/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        return page.response(name)


def _text(app: FastAPI, seen: Service) -> None:
    @app.get("/api/run", **_answers(replies.Run, 400, 500))
    def run() -> Reply:
        return Reply(seen.run())

    @app.get("/api/text", **_answers(replies.Text, *READ))
    def text(asked: Annotated[requests.Range, Query()]) -> Reply:
        begin, end = seen.clip(asked, requests.SLICE)
        answer = {"begin": begin, "end": end, "text": seen.inspected.text[begin:end]}
        read = seen.read(begin, end)
        return Reply(answer if read.all() else {**answer, "read": read.astype(int).tolist()})

    @app.get("/api/values", **_answers(replies.Values, *READ))
    def values(asked: Annotated[requests.OfUnit, Query()]) -> Reply:
        plane = seen.plane(asked.recurrence, asked.gate, asked.index)
        begin, end = seen.clip(asked, requests.SLICE)
        unit = slice(asked.index, asked.index + 1)
        found = seen.desk.ask(lambda: seen.traces.values(plane, begin, end, unit))
        low, high = seen.scale(plane, asked.index)
        return Reply({
            "begin": begin, "end": end, "values": in_base64(levels(found.values[:, 0], low, high)),
            "low": low, "high": high, "provisional": found.provisional,
        })  # fmt: skip

    @app.get("/api/grid", **_answers(replies.Grid, *READ))
    def grid(asked: Annotated[requests.OfGate, Query()]) -> Reply:
        plane = seen.plane(asked.recurrence, asked.gate)
        begin, end = seen.clip(asked, requests.GRID)
        order, scores, measure = seen.order(plane, asked.sort)
        found = seen.desk.ask(lambda: seen.traces.values(plane, begin, end))
        low, high = seen.scale(plane)
        return Reply({
            "begin": begin, "end": end, "order": order, "scores": scores, "measure": measure,
            "values": in_base64(levels(found.values.T[order], low, high)),
            "low": low, "high": high, "provisional": found.provisional,
        })  # fmt: skip

    @app.get("/api/guesses", **_answers(replies.Guesses, *READ, 409))
    def guesses(asked: Annotated[requests.Range, Query()]) -> Reply:
        model = seen.language_model()
        begin, end = seen.clip(asked, requests.SLICE)
        ids, shares = seen.desk.ask(lambda: seen.traces.guesses(begin, end, GUESSES))
        used, which = np.unique(ids, return_inverse=True)
        return Reply({
            "begin": begin, "end": end, "symbols": [model.vocabulary.decode([int(id)]) for id in used],
            "ids": in_base64(which.reshape(ids.shape).astype("<u2")),
            "shares": in_base64(np.rint(shares * 255).astype(np.uint8)),
        })  # fmt: skip


def _scores(app: FastAPI, seen: Service) -> None:
    @app.get("/api/hypotheses", **_answers(replies.Hypotheses, 400, 500))
    def hypotheses() -> Reply:
        return Reply(seen.scoring.as_json())

    @app.post("/api/compare", **_answers(replies.Comparison, *SENT, status=202))
    def compare(asked: requests.Nothing) -> Reply:
        if not seen.scoring.compare():
            raise HTTPException(
                409, f"a comparison can begin once scores are there, and one at a time: it is {seen.scoring.state} now"
            )
        return Reply({"state": "comparing"}, 202)

    @app.delete("/api/compare", **_answers(replies.Comparison, 400, 403, 413, 415, 500))
    def stop() -> Reply:
        return Reply({"state": seen.scoring.stop_comparing()})

    @app.get("/api/training", **_answers(replies.Training, 400, 409, 500))
    def training() -> Reply:
        return Reply(seen.training())


def _asking(app: FastAPI, seen: Service) -> None:
    @app.post("/api/type", **_answers(replies.Typed, 404, *SENT))
    def type_(asked: requests.Typed) -> Reply:
        return Reply(seen.typed(asked))

    @app.post("/api/unrolled", **_answers(replies.Unrolled, *SENT))
    def unrolled(asked: requests.Unroll) -> Reply:
        return Reply(seen.unrolled(asked))

    @app.post("/api/translate", **_answers(replies.Translation, *SENT))
    def translate(asked: requests.Sentence) -> Reply:
        return Reply(seen.pane("translation", asked.text))

    lines = {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "lines of JSON"}
    told = _answers(replies.Problem, 404, 503, *SENT)
    told["responses"] = {**told["responses"], 200: lines}

    @app.post("/api/write", **{**told, "response_class": Response})
    def write(asked: requests.Write) -> Stream:
        return Stream(seen.writing(asked))


def _wrong_field(_: Request, error: Exception) -> Reply:
    """One sentence about the first field that is wrong."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Reply({"detail": "the body: must be JSON; see /openapi.json"}, 422)
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
    said = first["msg"].replace("Input should be", "must be").replace("Field required", "is required")
    got = "" if first["type"] == "missing" else f", got {_short(first.get('input'))}"
    return Reply({"detail": f"{place or 'the body'}: {said}{got}; see /openapi.json"}, 422)


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else told[:60] + "…"


def _problem(_: Request, error: Exception) -> Reply:
    """A refusal of ours, or an address or method that there is not."""
    assert isinstance(error, StarletteError)
    told = {
        "Not Found": "there is no such address",
        "Method Not Allowed": "the method must be another one",
        "There was an error parsing the body": "the body: must be JSON that is not nested so deeply",
    }
    detail = told.get(error.detail)
    allowed = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Reply({"detail": f"{detail}; see /openapi.json" if detail else error.detail}, error.status_code, allowed)


def _on_purpose(_: Request, error: Exception) -> Reply:
    return Reply({"detail": str(error)}, 422)
