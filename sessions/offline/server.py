"""The loopback server: records what it is asked and answers by the script."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sessions.offline.gemini_embedding import METHODS as EMBEDDING_METHODS
from sessions.offline.gemini_embedding import embed
from sessions.offline.gemini_wire import GeminiWire
from sessions.offline.message import JsonObject, Message, compose
from sessions.offline.messages_wire import MessagesWire
from sessions.offline.request import ApiRequest, RequestError, read_request
from sessions.offline.script import Answer, ApiFault, Rule, Script
from sessions.offline.templates import RenderError
from sessions.offline.wire import Wire

#: On every answer: no one shall take this server for a model.
HEADERS = {"x-offline-model": "true", "cache-control": "no-store"}
_KEYS = frozenset({"x-api-key", "x-goog-api-key", "authorization", "cookie"})


class Recorded(BaseModel, frozen=True):
    """A request as it came. `headers` lack those that hold keys; `arrived` is `time.monotonic()` in seconds.

    `sent` is the body as it came, `body` the same in the words of the Messages API, whichever API was spoken.
    """

    path: str
    body: JsonObject
    sent: JsonObject
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
                Route("/v1/messages/count_tokens", self._count_messages, methods=["POST"]),
                Route("/{version}/models/{call}", self._gemini, methods=["POST"]),
                Route("/", self._hello, methods=["GET", "HEAD"]),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    async def _hello(self, _: Request) -> Response:
        return JSONResponse({"offline_model": True, "description": self._script.description}, headers=HEADERS)

    async def _messages(self, http: Request) -> Response:
        return await self._answer(http, MessagesWire())

    async def _count_messages(self, http: Request) -> Response:
        return await self._count(http, MessagesWire(), "input_tokens")

    async def _gemini(self, http: Request) -> Response:
        if str(http.path_params["call"]).partition(":")[2] in EMBEDDING_METHODS:
            return await self._embed(http, GeminiWire())
        if str(http.path_params["call"]).endswith(":countTokens"):
            return await self._count(http, GeminiWire(), "totalTokens")
        return await self._answer(http, GeminiWire())

    async def _embed(self, http: Request, wire: Wire) -> Response:
        """Vectors, unless a rule that names the model has an error or a fault for it."""
        try:
            recorded = await self._record(http, wire)
            vectors = embed(recorded.sent)
            rule = self._rule_for(read_request(recorded.body), by_name=True)
        except RequestError as error:
            return _refused(wire, str(error))
        if rule and rule.answer.error:
            return _error(wire, rule.answer.error)
        if rule and rule.answer.fault:
            return JSONResponse({"greeting": "these are no vectors"}, headers=HEADERS)
        return JSONResponse(vectors, headers=HEADERS)

    async def _count(self, http: Request, wire: Wire, name: str) -> Response:
        try:
            request = read_request((await self._record(http, wire)).body)
        except RequestError as error:
            return _refused(wire, str(error))
        return JSONResponse({name: request.estimated_tokens}, headers=HEADERS)

    async def _answer(self, http: Request, wire: Wire) -> Response:
        try:
            request = read_request((await self._record(http, wire)).body)
            rule = self._rule_for(request)
            if rule is None:
                return _refused(wire, _no_rule(request, wire))
            message = compose(rule.answer, request, len(self.requests))
        except (RequestError, RenderError) as error:
            return _refused(wire, str(error))
        await asyncio.sleep(rule.answer.delay_seconds)
        return _respond(rule.answer, message, wire, stream=request.stream)

    async def _record(self, http: Request, wire: Wire) -> Recorded:
        arrived = time.monotonic()
        try:
            read = json.loads(await http.body())
        except ValueError as error:
            raise RequestError("the body is not JSON") from error
        headers = {name: value for name, value in http.headers.items() if name not in _KEYS}
        sent: JsonObject = read if isinstance(read, dict) else {}
        body = wire.asked(http, sent)
        recorded = Recorded(path=http.url.path, body=body, sent=sent, headers=headers, arrived=arrived)
        with self.arrival:
            self.requests.append(recorded)
            self.arrival.notify_all()
        return recorded

    def _rule_for(self, request: ApiRequest, *, by_name: bool = False) -> Rule | None:
        for index, rule in enumerate(self._script.rules):
            if rule.when.holds(request) and (rule.when.model or not by_name):
                self._uses[index] += 1
                if rule.when.use in (None, self._uses[index]):
                    return rule
        return None


def _no_rule(request: ApiRequest, wire: Wire) -> str:
    tools = f"{len(request.tools)} tools" if request.tools else "no tools"
    form = "a JSON schema" if request.wants_json else "no JSON schema"
    return (
        f"the offline script has no rule for turn {request.turn} with {tools} and {form} of model {request.model}, "
        f"where the user last said {request.last[:80]!r}; add one, or set {wire.key_variable} to use the real API"
    )


def _error(wire: Wire, fault: ApiFault) -> Response:
    status, body = wire.error(fault)
    headers = dict(HEADERS)
    if fault.retry_after_seconds is not None:
        headers["retry-after"] = f"{fault.retry_after_seconds:g}"
    return JSONResponse(body, status_code=status, headers=headers)


def _refused(wire: Wire, message: str) -> Response:
    return _error(wire, ApiFault(type="invalid_request_error", message=message))


async def _not_found(http: Request, _: Exception) -> Response:
    message = f"the offline model has no {http.method} {http.url.path}"
    return _error(MessagesWire(), ApiFault(type="not_found_error", message=message))


def _respond(answer: Answer, message: Message, wire: Wire, *, stream: bool) -> Response:
    if answer.error and not (stream and answer.blocks):
        return _error(wire, answer.error)
    if answer.fault == "invalid_json":
        return Response("<html>this is not a message", media_type="application/json", headers=HEADERS)
    if answer.fault == "not_a_message":
        return JSONResponse({"greeting": "this is not a message"}, headers=HEADERS)
    if stream or answer.fault == "cut_stream":
        return StreamingResponse(_events(answer, message, wire), media_type="text/event-stream", headers=HEADERS)
    return JSONResponse(wire.whole(message), headers=HEADERS)


async def _events(answer: Answer, message: Message, wire: Wire) -> AsyncIterator[bytes]:
    yield wire.opening(message)
    for index in range(len(message.content)):
        await asyncio.sleep(answer.pause_seconds)
        events = list(wire.block_events(message, index))
        torn = answer.fault == "cut_stream"
        for event in events[:-1] if torn else events:
            await asyncio.sleep(answer.part_seconds)
            yield event
        if torn:
            break
    if answer.fault == "cut_stream":
        raise CutStreamError
    yield wire.breaking(answer.error) if answer.error else wire.closing(message)
