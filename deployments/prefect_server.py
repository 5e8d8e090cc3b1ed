"""A client of the Prefect server, and the server's errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from httpx_retries import Retry, RetryTransport
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from sessions.errors import ServerError

START_ONE = "start one with `sessions up`, or set PREFECT_API_URL"
#: Where two write at once, a server on SQLite answers one with 503, and has changed nothing. It takes the same some
#: milliseconds later: asked again after 0.1 s and then up to 0.8 s, before Prefect's client waits 2 s and longer.
_BUSY = Retry(
    total=4, allowed_methods=["GET", "POST", "PATCH", "PUT", "DELETE"], status_forcelist=[503],
    retry_on_exceptions=(), backoff_factor=0.05,
)  # fmt: skip
#: Where such a server is: on this machine, without encryption. All others are asked as Prefect asks them.
_LOOPBACK = ("http://127.0.0.1", "http://localhost")


def prefect_client() -> PrefectClient:
    """A client of the server that Prefect's settings name, which asks a busy one again before long."""
    busy = RetryTransport(httpx.AsyncHTTPTransport(verify=False), _BUSY)
    return get_client(httpx_settings={"mounts": dict.fromkeys(_LOOPBACK, busy)})


@contextmanager
def said_plainly(what: str = "") -> Iterator[None]:
    """Turn what Prefect's client raises inside the block into a sentence.

    Args:
        what: what was being asked of the server, put in front of its answer.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    begin = f"{what}: " if what else ""
    try:
        yield
    except ObjectNotFound as error:
        raise ServerError(f"{begin}somebody deleted it while it was being changed; try again") from error
    except PrefectHTTPStatusError as error:
        raise ServerError(f"{begin}the Prefect server refuses it: {_detail(error.response)}") from error
    except httpx.HTTPError as error:
        raise not_there(str(PREFECT_API_URL.value())) from error


def not_there(url: str) -> ServerError:
    """What to raise where no server answers at an address."""
    return ServerError(f"no Prefect server answers at {url}; {START_ONE}")


def _detail(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = response.text[:200]
    detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
    return f"{detail} (HTTP {response.status_code})"
