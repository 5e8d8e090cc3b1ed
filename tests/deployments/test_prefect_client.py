"""The client that asks a busy server again."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, PREFECT_CLIENT_RETRY_JITTER_FACTOR
from prefect.settings import temporary_settings as settings

from deployments.prefect_server import prefect_client


class BusyServer:
    """Says 503, as Prefect's server does where SQLite refuses a write, `times` times; then answers."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0
        self.url = ""


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Iterator[BusyServer]:
    state = BusyServer(request.param)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            state.asked += 1
            self.send_response(503 if state.asked <= state.times else 200)
            body = b'{"id": "6f7b8f3e-5f0e-4e0c-9a53-7a1f3d3c6e11"}'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:  # is asked for a CSRF token, and has none
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    try:
        with settings({PREFECT_API_URL: state.url, PREFECT_CLIENT_RETRY_JITTER_FACTOR: 0}):
            yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("busy", [2], indirect=True)
async def test_a_server_that_is_busy_for_a_moment_is_asked_again_before_prefect_would(busy: BusyServer) -> None:
    began = time.monotonic()
    async with prefect_client() as client:
        await client.create_flow_from_name("a")
    assert busy.asked == 3
    assert time.monotonic() - began < 1.9, "Prefect's own client waits 2 s before it asks again"


@pytest.mark.parametrize("busy", [1000], indirect=True)
async def test_one_that_stays_busy_is_said_to_be(busy: BusyServer) -> None:
    with settings({PREFECT_CLIENT_MAX_RETRIES: 0}), pytest.raises(PrefectHTTPStatusError, match="503"):
        async with prefect_client() as client:
            await client.create_flow_from_name("a")
    assert busy.asked == 5
