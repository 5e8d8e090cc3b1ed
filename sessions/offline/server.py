"""The loopback server: records what it is asked and answers by the script."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel, JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sessions.offline.message import Message, block_events, breaking, closing, compose, error_body, opening
from sessions.offline.request import ApiRequest, RequestError, read_request
from sessions.offline.script import STATUS, Answer, ErrorType, Rule, Script
from sessions.offline.templates import RenderError

#: On every answer: no one shall take this server for a model.
HEADERS = {"x-offline-model": "true", "cache-control": "no-store"}
_KEYS = frozenset({"x-api-key", "authorization", "cookie"})


class Recorded(BaseModel, frozen=True):
    """A request as it came. `headers` lack those that hold keys; `arrived` is `time.monotonic()` in seconds."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    arrived: float


class CutStreamError(Exception):
    """Raised inside a stream to break the connection: the script asked for it."""


class OfflineServer:
    """The application behind the socket. Its requests may be read from another thread."""

    def __init__(self, script: Script) -> None:
        self.requests: list[Recorded] = []
        self.arrival = threading.Condition()
        self._script = script
        self._uses: Counter[int] = Counter()
        self.app = Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
                Route("/", self._hello, methods=["GET", "HEAD"]),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    async def _hello(self, _: Request) -> Response:
        return JSONResponse({"offline_model": True, "description": self._script.description}, headers=HEADERS)

    async def _count_tokens(self, http: Request) -> Response:
        try:
            request = read_request(await self._record(http))
        except RequestError as error:
            return _error("invalid_request_error", str(error))
        return JSONResponse({"input_tokens": request.estimated_tokens}, headers=HEADERS)

    async def _messages(self, http: Request) -> Response:
        try:
            request = read_request(await self._record(http))
            rule = self._rule_for(request)
            if rule is None:
                return _error("invalid_request_error", _no_rule(request))
            message = compose(rule.answer, request, len(self.requests))
        except (RequestError, RenderError) as error:
            return _error("invalid_request_error", str(error))
        await asyncio.sleep(rule.answer.delay_seconds)
        return _respond(rule.answer, message, stream=request.stream)

    async def _record(self, http: Request) -> JsonValue:
        arrived = time.monotonic()
        try:
            body = json.loads(await http.body())
        except ValueError as error:
            raise RequestError("the body is not JSON") from error
        headers = {name: value for name, value in http.headers.items() if name not in _KEYS}
        fields = body if isinstance(body, dict) else {}
        with self.arrival:
            self.requests.append(Recorded(path=http.url.path, body=fields, headers=headers, arrived=arrived))
            self.arrival.notify_all()
        return fields

    def _rule_for(self, request: ApiRequest) -> Rule | None:
        for index, rule in enumerate(self._script.rules):
            if rule.when.holds(request):
                self._uses[index] += 1
                if rule.when.use in (None, self._uses[index]):
                    return rule
        return None


def _no_rule(request: ApiRequest) -> str:
    tools = f"{len(request.tools)} tools" if request.tools else "no tools"
    form = "a JSON schema" if request.wants_json else "no JSON schema"
    return (
        f"the offline script has no rule for turn {request.turn} with {tools} and {form} of model {request.model}, "
        f"where the user last said {request.last[:80]!r}; add one, or set ANTHROPIC_API_KEY to use the real API"
    )


def _error(kind: ErrorType, message: str, retry_after_seconds: float | None = None) -> Response:
    headers = dict(HEADERS)
    if retry_after_seconds is not None:
        headers["retry-after"] = f"{retry_after_seconds:g}"
    return JSONResponse(error_body(kind, message), status_code=STATUS[kind], headers=headers)


async def _not_found(http: Request, _: Exception) -> Response:
    return _error("not_found_error", f"the offline model has no {http.method} {http.url.path}")


def _respond(answer: Answer, message: Message, *, stream: bool) -> Response:
    if answer.error and not (stream and answer.blocks):
        return _error(answer.error.type, answer.error.message, answer.error.retry_after_seconds)
    if answer.fault == "invalid_json":
        return Response("<html>this is not a message", media_type="application/json", headers=HEADERS)
    if answer.fault == "not_a_message":
        return JSONResponse({"greeting": "this is not a message"}, headers=HEADERS)
    if stream or answer.fault == "cut_stream":
        return StreamingResponse(_events(answer, message), media_type="text/event-stream", headers=HEADERS)
    return JSONResponse(message.as_json(), headers=HEADERS)


async def _events(answer: Answer, message: Message) -> AsyncIterator[bytes]:
    yield opening(message)
    for index, block in enumerate(message.content):
        await asyncio.sleep(answer.pause_seconds)
        events = list(block_events(index, block))
        if answer.fault == "cut_stream":
            yield b"".join(events[:-1])
            break
        yield b"".join(events)
    if answer.fault == "cut_stream":
        raise CutStreamError
    yield breaking(answer.error) if answer.error else closing(message)
