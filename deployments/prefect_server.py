"""Errors of the Prefect server as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from sessions.errors import ServerError


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
        address = PREFECT_API_URL.value() or "the local Prefect server"
        raise ServerError(
            f"{address} does not answer ({type(error).__name__}); start one with `sessions up`, or set PREFECT_API_URL"
        ) from error


def _detail(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = response.text[:200]
    detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
    return f"{detail} (HTTP {response.status_code})"
