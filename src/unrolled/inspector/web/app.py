"""The server's endpoints: the page's files and its JSON API. No file is served by its path."""

from __future__ import annotations

import json
import math
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
from ..findings import Unit
from ..packing import in_base64, levels
from ..shown import GUESSES
from . import replies, requests
from .guard import Guard
from .inspected import Inspected
from .invalid import invalid_field
from .page import Page
from .service import Service
from .writing import PieceStream

PROBLEMS = {
    400: "bad request, or the host is not this machine",
    403: "the request comes from another site",
    404: "not found",
    405: "method not allowed",
    409: "not available for this run, or not now",
    413: "the body is too large",
    415: "the content type is not JSON",
    422: "a field is invalid",
    500: "internal server error",
    503: "busy",
}


class Reply(JSONResponse):
    """JSON in ASCII, so that any text can be sent, even lone surrogates."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Stream(StreamingResponse):
    """The pieces of a generated text as JSON lines; generation stops with the response, however it ends."""

    def __init__(self, pieces: PieceStream) -> None:
        super().__init__(_lines(pieces), media_type="application/x-ndjson")
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


async def _lines(pieces: PieceStream) -> AsyncIterator[bytes]:
    while (piece := await to_thread.run_sync(pieces.take)) is not None:
        yield json.dumps(piece, allow_nan=False).encode("ascii") + b"\n"


def application(inspected: Inspected) -> FastAPI:
    """Return the server application for one run and one text; run it with one worker."""
    service = Service(inspected)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await to_thread.run_sync(service.close)

    app = FastAPI(title="unrolled inspect", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.add_middleware(Guard)
    app.add_exception_handler(RequestValidationError, _wrong_field)
    app.add_exception_handler(StarletteError, _problem)
    app.add_exception_handler(UnrolledError, _unrolled_error)
    _page(app)
    _text(app, service)
    _scores(app, service)
    _queries(app, service)
    return app


def _answers(reply: type[replies.Reply], *problems: int, status: int = 200) -> dict[str, Any]:
    """Return the route options of an endpoint: its reply model and the errors that it may return."""
    responses: dict[int, Any] = {code: {"model": replies.Problem, "description": PROBLEMS[code]} for code in problems}
    responses[status] = {"model": reply, "description": (reply.__doc__ or "").split("\n")[0]}
    return {"responses": responses, "response_class": Reply, "response_model": None, "status_code": status}


GET_ERRORS = (400, 404, 422, 500)
POST_ERRORS = (400, 403, 409, 413, 415, 422, 500)


def _page(app: FastAPI) -> None:
    page = Page(resources.files("unrolled.inspector") / "static" / "web")

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return page.response("index.html")

    @app.get("/static/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        return page.response(name)


def _text(app: FastAPI, service: Service) -> None:
    @app.get("/api/run", **_answers(replies.Run, 400, 500))
    def run() -> Reply:
        return Reply(service.run())

    @app.get("/api/text", **_answers(replies.Text, *GET_ERRORS))
    def text(request: Annotated[requests.Range, Query()]) -> Reply:
        begin, end = service.clip(request, requests.SLICE)
        answer = {"begin": begin, "end": end, "text": service.inspected.text[begin:end]}
        read = service.read(begin, end)
        return Reply(answer if read.all() else {**answer, "read": read.astype(int).tolist()})

    @app.get("/api/values", **_answers(replies.Values, *GET_ERRORS))
    def values(request: Annotated[requests.UnitRange, Query()]) -> Reply:
        plane = service.plane(request.recurrence, request.gate, request.index)
        begin, end = service.clip(request, requests.SLICE)
        unit = slice(request.index, request.index + 1)
        found = service.trace_thread.run(lambda: service.traces.values(plane, begin, end, unit))
        low, high = service.scale(plane, request.index)
        return Reply({
            "begin": begin, "end": end, "values": in_base64(levels(found.values[:, 0], low, high)),
            "raw": in_base64(found.values[:, 0].astype("<f4")),
            "low": low, "high": high, "provisional": found.provisional,
        })  # fmt: skip

    @app.get("/api/grid", **_answers(replies.Grid, *GET_ERRORS))
    def grid(request: Annotated[requests.GateRange, Query()]) -> Reply:
        plane = service.plane(request.recurrence, request.gate)
        begin, end = service.clip(request, requests.GRID)
        order, scores, measure = service.order(plane, request.sort)
        found = service.trace_thread.run(lambda: service.traces.values(plane, begin, end))
        low, high = service.row_scales(plane, order, request.scale)
        return Reply({
            "begin": begin, "end": end, "order": order, "scores": scores, "measure": measure,
            "values": in_base64(levels(found.values.T[order], low[:, None], high[:, None])),
            "low": float(low.min()), "high": float(high.max()), "provisional": found.provisional,
        })  # fmt: skip

    @app.get("/api/guesses", **_answers(replies.Guesses, *GET_ERRORS, 409))
    def guesses(request: Annotated[requests.Range, Query()]) -> Reply:
        model = service.language_model()
        begin, end = service.clip(request, requests.SLICE)
        ids, shares = service.trace_thread.run(lambda: service.traces.guesses(begin, end, GUESSES))
        used, which = np.unique(ids, return_inverse=True)
        return Reply({
            "begin": begin, "end": end, "symbols": [model.vocabulary.decode([int(id)]) for id in used],
            "ids": in_base64(which.reshape(ids.shape).astype("<u2")),
            "shares": in_base64(np.rint(shares * 255).astype(np.uint8)),
        })  # fmt: skip

    @app.get("/api/surprise", **_answers(replies.Surprise, *GET_ERRORS, 409))
    def surprise(request: Annotated[requests.Range, Query()]) -> Reply:
        service.language_model()
        begin, end = service.clip(request, requests.SLICE)
        found = service.trace_thread.run(lambda: service.traces.surprise(begin, end))
        nats = [None if math.isnan(x) else round(x, 3) for x in found.values[:, 0].tolist()]
        return Reply({"begin": begin, "end": end, "nats": nats, "provisional": found.provisional})

    @app.get("/api/range", **_answers(replies.Range, *GET_ERRORS, 409))
    def range_(request: Annotated[requests.UnitOf, Query()]) -> Reply:
        plane = service.plane(request.recurrence, request.gate, request.index)
        return Reply(service.range_of(plane, request.index))


def _scores(app: FastAPI, service: Service) -> None:
    @app.get("/api/hypotheses", **_answers(replies.Hypotheses, 400, 500))
    def hypotheses() -> Reply:
        return Reply(service.scoring.as_json())

    @app.get("/api/encoded", **_answers(replies.OfUnit, *GET_ERRORS))
    def encoded(request: Annotated[requests.UnitOf, Query()]) -> Reply:
        plane = service.plane(request.recurrence, request.gate, request.index)
        return Reply(service.scoring.of_unit(Unit(*plane, request.index)))

    @app.post("/api/hypotheses", **_answers(replies.Added, 503, *POST_ERRORS))
    def add(request: requests.Expression) -> Reply:
        return Reply({"name": service.add_hypothesis(request.expression)})

    @app.get("/api/labels", **_answers(replies.LabelValues, *GET_ERRORS))
    def labels(request: Annotated[requests.LabelRange, Query()]) -> Reply:
        return Reply(service.labels(request))

    @app.post("/api/compare", **_answers(replies.Comparison, *POST_ERRORS, status=202))
    def compare(request: requests.Nothing) -> Reply:
        if not service.scoring.compare():
            raise HTTPException(
                409,
                f"a comparison needs the scores, and only one can run at a time; the state is {service.scoring.state}",
            )
        return Reply({"state": "comparing"}, 202)

    @app.delete("/api/compare", **_answers(replies.Comparison, 400, 403, 413, 415, 500))
    def stop() -> Reply:
        return Reply({"state": service.scoring.stop_comparing()})

    @app.get("/api/training", **_answers(replies.Training, 400, 409, 500))
    def training() -> Reply:
        return Reply(service.training())


def _queries(app: FastAPI, service: Service) -> None:
    @app.post("/api/type", **_answers(replies.Typed, 404, *POST_ERRORS))
    def type_(request: requests.Typed) -> Reply:
        return Reply(service.typed(request))

    @app.post("/api/unrolled", **_answers(replies.Unrolled, *POST_ERRORS))
    def unrolled(request: requests.Unroll) -> Reply:
        return Reply(service.unrolled(request))

    @app.post("/api/similar", **_answers(replies.Similar, 404, 503, *POST_ERRORS))
    def similar(request: requests.Segment) -> Reply:
        return Reply(service.similar(request))

    @app.post("/api/predict", **_answers(replies.Predicted, *POST_ERRORS))
    def predict(request: requests.Predicted) -> Reply:
        return Reply(service.predicted(request))

    @app.post("/api/translate", **_answers(replies.Translation, *POST_ERRORS))
    def translate(request: requests.Sentence) -> Reply:
        return Reply(service.pane("translation", request.text))

    lines = {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "JSON lines"}
    answers = _answers(replies.Problem, 404, 503, *POST_ERRORS)
    answers["responses"] = {**answers["responses"], 200: lines}

    @app.post("/api/write", **{**answers, "response_class": Response})
    def write(request: requests.Write) -> Stream:
        return Stream(service.writing(request))


def _wrong_field(_: Request, error: Exception) -> Reply:
    """Describe the first invalid field in one sentence."""
    assert isinstance(error, RequestValidationError)
    return Reply({"detail": invalid_field(error.errors()[0])}, 422)


def _problem(_: Request, error: Exception) -> Reply:
    """Describe an HTTP error: a refused request, or an unknown path or method."""
    assert isinstance(error, StarletteError)
    details = {
        "Not Found": "this path does not exist",
        "Method Not Allowed": "this path does not allow the method",
        "There was an error parsing the body": "the body: must be JSON that is not nested so deeply",
    }
    detail = details.get(error.detail, error.detail)
    allowed = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Reply({"detail": detail}, error.status_code, allowed)


def _unrolled_error(_: Request, error: Exception) -> Reply:
    return Reply({"detail": str(error)}, 422)
