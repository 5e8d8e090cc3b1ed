"""The Prefect server that the command talks to."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from deployments.local_stack import ServerAddress, find_stack
from deployments.prefect_server import START_ONE, not_there, prefect_client
from sessions.errors import ServerError
from sessions.settings import read_settings

#: How long a server that is there may take to say so.
HEALTH_SECONDS = 5.0


def find_server() -> ServerAddress:
    """The server to talk to: PREFECT_API_URL of the environment or profile, or the local stack.

    Raises:
        ServerError: there is neither.
    """
    url = os.environ.get("PREFECT_API_URL") or PREFECT_API_URL.value()
    stack = find_stack(read_settings().home)
    if url and (stack is None or str(url).rstrip("/") != stack.api_url):
        return ServerAddress(api_url=str(url))
    if stack is None:
        raise ServerError(f"no Prefect server is known; {START_ONE}")
    # Also where the environment names it, as `sessions up` proposes: its password is known from here only.
    return stack


@contextmanager
def point_prefect_at(address: ServerAddress) -> Iterator[None]:
    """Have Prefect in this process talk to that server, with its password; without one, with the environment's own."""
    given = {PREFECT_API_AUTH_STRING: address.password.get_secret_value()} if address.password else {}
    with temporary_settings({PREFECT_API_URL: address.api_url, **given}):
        yield


@contextmanager
def use_server() -> Iterator[str]:
    """Point Prefect in this process at the server to talk to.

    Raises:
        ServerError: there is none.
    """
    address = find_server()
    with point_prefect_at(address):
        yield address.api_url


@asynccontextmanager
async def open_client() -> AsyncIterator[PrefectClient]:
    """A client of that server.

    Raises:
        ServerError: there is none, it does not answer, or it refuses.
    """
    with use_server() as url:
        try:
            async with prefect_client() as client:
                yield client
        except httpx.TransportError as error:
            raise not_there(url) from error
        except PrefectHTTPStatusError as error:
            raise ServerError(f"the Prefect server at {url} refused: {error.response.text[:300]}") from error


@asynccontextmanager
async def open_client_if_up() -> AsyncIterator[PrefectClient | None]:
    """A client of that server; None where there is none or it does not answer.

    Raises:
        ServerError: it answers and refuses, or stops answering.
    """
    try:
        url = find_server().api_url
    except ServerError:
        yield None
        return
    if not await _answers(url):
        yield None
        return
    async with open_client() as client:
        yield client


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=HEALTH_SECONDS) as http:
        try:
            return (await http.get(f"{url}/health")).is_success
        except httpx.HTTPError:
            return False
