"""A server that speaks Firestore's protocol and answers every call with one refusal, or not at all."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from sessions.memory.firestore import Place


class _Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, code: Any, details: str, released: threading.Event) -> None:  # noqa: ANN401 - gRPC has no types
        self._code = code
        self._details = details
        self._released = released

    def service(self, call: Any) -> Any:  # noqa: ANN401
        del call
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    def _refuse(self, request: bytes, context: Any) -> None:  # noqa: ANN401
        del request
        if self._code is None:
            self._released.wait(60)
        context.abort(self._code or grpc.StatusCode.CANCELLED, self._details)


@contextmanager
def refusing_firestore(code: Any = None, details: str = "") -> Iterator[Place]:  # noqa: ANN401
    """A place whose server answers with that status; without one it never answers."""
    released = threading.Event()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Refusing(code, details, released)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Place("my-project", "night", f"127.0.0.1:{port}")
    finally:
        released.set()
        server.stop(0).wait(10)
