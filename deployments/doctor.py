"""What is missing or stale, found before any token is spent."""

import asyncio
from datetime import datetime
from pathlib import Path

import httpx
from prefect.exceptions import PrefectHTTPStatusError

from deployments.definitions import Definition
from deployments.doctor_machine import examine_machine
from deployments.doctor_models import examine_models
from deployments.doctor_preflight import examine_readiness
from deployments.doctor_repositories import examine_unpushed
from deployments.doctor_server import examine_password, examine_server
from deployments.doctor_sessions import examine_sessions, read_definitions
from deployments.examination import Examined, Status, bad, good
from deployments.prefect_server import START_ONE, prefect_client
from deployments.server import use_server
from sessions.errors import ServerError
from sessions.settings import Settings

__all__ = ["Examined", "Status", "examine"]


async def examine(settings: Settings, root: Path, now: datetime) -> list[Examined]:
    """Look at this machine, at the server, and at the sessions on it; changes nothing.

    Args:
        settings: those of this process; the worker on another machine may have others.
        root: the repository whose definitions should be deployed.
        now: by which events and definitions are old.
    """
    here = await asyncio.to_thread(examine_machine, settings)
    unpushed = await asyncio.to_thread(examine_unpushed, settings)
    found, definitions = read_definitions(root, settings)
    models = examine_models(settings, definitions, now.date())
    ready = await examine_readiness(definitions, settings, root)
    return [*here, *unpushed, found, *models, *ready, *await _examine_prefect(definitions, settings, root, now)]


async def _examine_prefect(
    definitions: list[Definition], settings: Settings, root: Path, now: datetime
) -> list[Examined]:
    try:
        with use_server() as url:
            async with prefect_client() as client:
                version = await client.api_version()
                reached = good("server", f"{url} answers, version {version}")
                password = [await examine_password(client)] if settings.sandbox != "off" else []
                server = await examine_server(client, now)
                return [reached, *password, *server, *await examine_sessions(client, definitions, root)]
    except ServerError as error:
        return [bad("server", str(error), "")]
    except httpx.TransportError:
        return [bad("server", f"nothing answers at {url}", START_ONE)]
    except PrefectHTTPStatusError as error:
        return [bad("server", f"{url} refused: {error.response.text[:200]}", "look at its log")]
